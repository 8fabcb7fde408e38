"""Our weights beside networks that people would pick instead: measures them, and writes docs/peers.md's table.

    pip install ncnn torch einops                                   # what runs the peers; node.js for npm's
    python benchmarks/peers --set5 DIR --cxr DIR [--only NAME...]   # measures; peers are downloaded when first asked
    python benchmarks/peers --set5 DIR --cxr DIR --only ours        # after training: our rows anew, peers' kept
    python benchmarks/peers --times                                 # all rows' seconds of the processor, in one run
    python benchmarks/peers --picture                               # docs/images/peers.png
    python benchmarks/peers                                         # the table from figures.json

Each peer first reproduces its published figure on Set5, where there is one, or is not measured on.
"""

import argparse
import os
import sys
from pathlib import Path

# Threads of OpenMP that wait are not to count as work: ncnn's and PyTorch's spin otherwise.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1]))

from keras_srgan.cli import start_quietly  # noqa: E402

start_quietly()

from peers import dat, krasserm, measure, ncnn_files, page, upscalerjs  # noqa: E402

PEERS = [*dat.PEERS, *ncnn_files.PEERS, *krasserm.PEERS, *upscalerjs.PEERS]
OURS = ["xray-fast", "xray-srgan-plus-pretrained", "xray-srgan-plus", "xray-srgan-plus-sharp", "xray-srgan"]


def main() -> None:
    parse = argparse.ArgumentParser(prog="python benchmarks/peers")
    parse.add_argument("--set5", type=Path, help="folder of Set5's HR images")
    parse.add_argument("--cxr", type=Path, help="folder of HR radiographs")
    parse.add_argument("--most", type=int, help="only the first so many radiographs, by name [all]")
    parse.add_argument("--only", nargs="+", help="rows by name, or ours, or peers [all]")
    parse.add_argument("--times", action="store_true", help="time all rows, in turn, in this run")
    parse.add_argument("--picture", action="store_true", help="write docs/images/peers.png")
    arguments = parse.parse_args()
    groups = {"ours": OURS, "peers": [peer.name for peer in PEERS]}
    known = ["bicubic", *OURS, *groups["peers"]]
    only = [name for each in arguments.only or known for name in groups.get(each, [each])]
    if unknown := [name for name in only if name not in known]:
        parse.error(f"--only {unknown[0]!r}: choose of ours, peers, {', '.join(known)}")
    figures = page.read_figures()
    for name in only if arguments.set5 or arguments.cxr else ():
        found = measure.row(name, PEERS, arguments.set5, arguments.cxr, arguments.most)
        figures = page.write_figures(figures, name, found)
        print(f"{name}: measured", flush=True)
    if arguments.times:
        for name, seconds in measure.times(known, PEERS).items():
            figures = page.write_figures(figures, name, {"seconds": seconds, "machine": measure.machine()})
    if arguments.picture:
        measure.picture(known, PEERS, page.PICTURE)
    print(page.write_page(figures, known))


if __name__ == "__main__":
    main()
