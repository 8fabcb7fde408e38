"""Which degradation weights survive: their gain over bicubic in PSNR, by blur and noise, as a table and a heat map.

python benchmarks/degradation_grid.py --data DIR --weights NAME... [--most 8] [--out grid.png]
"""

import argparse

from keras_srgan.cli import start_quietly

start_quietly()

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from keras_srgan.degradation.settings import BICUBIC  # noqa: E402
from keras_srgan.evaluate.evaluation import compare  # noqa: E402
from keras_srgan.evaluate.protocols import find_protocol  # noqa: E402
from keras_srgan.markdown import markdown_table  # noqa: E402

BLUR = (1.0, 0.8, 0.64, 0.5, 0.35)  # MTF at LR's Nyquist frequency
LIMIT = 5  # dB, where the colours end
NOISE = (0.0, 1.0, 2.0, 3.0, 5.0)  # read-out, grey levels


def grid(data: str, weights: list[str], most: int) -> dict[str, np.ndarray]:
    """Each network's mean gain over bicubic, dB, `(blur, noise)`."""
    gains = {name: np.zeros((len(BLUR), len(NOISE))) for name in weights}
    for i, mtf in enumerate(BLUR):
        for j, readout in enumerate(NOISE):
            protocol = find_protocol("cxr").replace(degradation=BICUBIC.replace(mtf=mtf, readout=readout))
            found = compare(data, weights, protocol, metrics=["psnr"], most=most, crops=0)
            for name, row in zip(weights, found.summary[1:], strict=True):
                gains[name][i, j] = row["against_bicubic"]["psnr"]["mean"]
    return gains


def draw(gains: dict[str, np.ndarray], out: str) -> None:
    """A heat map a network: blue is better than bicubic, red worse."""
    figure, axes = plt.subplots(1, len(gains), figsize=(4 * len(gains), 3.6), squeeze=False, layout="constrained")
    for axis, (name, values) in zip(axes[0], gains.items(), strict=True):
        axis.imshow(values, cmap="RdBu", vmin=-LIMIT, vmax=LIMIT)
        axis.set(title=name, xlabel="noise, grey levels", ylabel="MTF at LR's Nyquist")
        axis.set_xticks(range(len(NOISE)), [f"{each:g}" for each in NOISE])
        axis.set_yticks(range(len(BLUR)), [f"{each:g}" for each in BLUR])
        for (i, j), value in np.ndenumerate(values):
            axis.text(
                j, i, f"{value:+.1f}", ha="center", va="center", color="white" if abs(value) > LIMIT / 2 else "black"
            )
    figure.savefig(out, dpi=100)


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--data", required=True)
    parse.add_argument("--weights", nargs="+", required=True)
    parse.add_argument("--most", type=int, default=8)
    parse.add_argument("--out", help="picture")
    arguments = parse.parse_args()
    gains = grid(arguments.data, arguments.weights, arguments.most)
    for name, values in gains.items():
        rows = [[f"{mtf:g}", *(f"{gain:+.2f}" for gain in row)] for mtf, row in zip(BLUR, values, strict=True)]
        print(markdown_table([f"{name}: MTF", *(f"noise {each:g}" for each in NOISE)], rows) + "\n")
    if arguments.out:
        draw(gains, arguments.out)


if __name__ == "__main__":
    main()
