"""`python -m keras_srgan.evaluate`: networks beside bicubic. Arguments and printing; `evaluation.py` does the work."""

import shlex
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from keras_srgan.cli import Parser, run_safely, start_quietly
from keras_srgan.evaluate.extra_metrics import load_first
from keras_srgan.mos.names import check_names
from keras_srgan.terminal import StatusLine

REAL = ("cxr-real-mild", "cxr-real-hard")
PROTOCOLS = ("cxr", "cxr96", "cxr720", *REAL, "natural-y", "rgb")
TASKS = ("figures", "calibrate", "intervals", "detection", "classify", "frd")
METRICS = (
    *("psnr", "ssim", "ms_ssim", "lpips", "vgg", "consistency", "sharpness", "gms", "invented", "lost", "grid"),
    "seconds",
)


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog="keras-srgan evaluate",
        description="Measures networks beside bicubic on the same images, with 95 % intervals. "
        "What the protocols and figures are: docs/protocols.md.",
    )
    source = parse.add_argument_group("images (one of: --data; --hr and --lr; --lr alone, without originals)")
    source.add_argument("--data", metavar="DIR", help="folder of HR images, from which LR is made")
    source.add_argument("--hr", metavar="DIR", help="folder of HR images that match those of --lr by name")
    source.add_argument("--lr", metavar="DIR", help="folder of LR images")
    source.add_argument("--most", type=int, metavar="N", help="only the first N images, by name [all]")
    parse.add_argument("--weights", nargs="+", default=[], metavar="W", help="names, files, run folders, auto [none]")
    parse.add_argument("--protocol", choices=PROTOCOLS, default="cxr", help="how HR, LR and figures are made [cxr]")
    parse.add_argument("--scale", type=int, default=4, metavar="S", help="the factor [4]")
    some = f"of {', '.join(METRICS)} [all]; pyiqa:NAME where IQA-PyTorch is installed"
    parse.add_argument("--metrics", nargs="+", type=metric, metavar="M", help=some)
    parse.add_argument("--nearest", action="store_true", help="nearest neighbour beside bicubic")
    parse.add_argument("--lanczos", action="store_true", help="Lanczos beside bicubic")
    parse.add_argument("--nlm", action="store_true", help="non-local means, then bicubic, beside bicubic")
    parse.add_argument(
        "--discriminator",
        nargs="+",
        default=[],
        metavar="D",
        help="names, run folders, or their files of "
        "discriminator weights, judged as classifiers of real and generated patches",
    )
    task = (
        "instead of figures: calibrate writes NAME.interval.json beside the weights, intervals measures its coverage, "
        "detection plants faint nodules and lines and gives an observer's AUC, classify gives a classifier's AUC, "
        "frd compares sets by radiomic features"
    )
    parse.add_argument("--task", choices=TASKS, default="figures", help=f"{task} [figures]")
    parse.add_argument("--labels", metavar="CSV", help="of --task classify: titles file,label; two labels")
    parse.add_argument("--coverage", type=float, default=0.9, metavar="P", help="of the intervals calibrated [0.9]")
    parse.add_argument("--report", metavar="OUT", help="folder for report.html, report.md, CSV and JSON")
    parse.add_argument("--mos", metavar="FILE.html", help="also a page where people rate these weights")
    parse.add_argument("--seed", type=int, default=0, metavar="N", help="of random crops and of the bootstrap [0]")
    bits: Any = dict(type=int, choices=range(8, 17), metavar="8-16")
    parse.add_argument("--bits", **bits, help="that 16-bit raster files use [found in each]")
    parse.add_argument("--workers", type=int, default=2, metavar="N", help="threads that read images [2]")
    return parse


def metric(name: str) -> str:
    """A name of `METRICS`, or of IQA-PyTorch's."""
    if name not in METRICS and not name.startswith("pyiqa:"):
        raise ArgumentTypeError(f"invalid choice: {name!r} (choose from {', '.join(METRICS)}, pyiqa:NAME)")
    return name


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    parse = parser()
    parsed = parse.parse_args(arguments)
    given = (bool(parsed.data), bool(parsed.hr), bool(parsed.lr))
    if given not in ((True, False, False), (False, True, True), (False, False, True)):
        parse.error("give --data DIR, or --hr DIR and --lr DIR, or --lr DIR alone")
    if parsed.mos and not (parsed.data and parsed.weights):
        parse.error("--mos needs --data and --weights")
    if parsed.task != "figures":
        if not (parsed.data and (parsed.weights or parsed.task in ("detection", "classify", "frd"))):
            parse.error(f"--task {parsed.task} needs --data and --weights")
        for name in ("metrics", "discriminator", "report", "mos", "most", "nearest", "lanczos", "nlm"):
            if getattr(parsed, name):
                parse.error(f"--{name} does not go with --task {parsed.task}")
    if bool(parsed.labels) != (parsed.task == "classify"):
        parse.error("--labels CSV goes with --task classify, and --task classify needs it")
    for name, least in (("most", 1), ("scale", 1), ("workers", 1), ("seed", 0)):
        if getattr(parsed, name) is not None and getattr(parsed, name) < least:
            parse.error(f"--{name} {getattr(parsed, name)}: at least {least}")
    if parsed.scale == 1 and not parsed.hr and parsed.protocol not in REAL:
        parse.error(
            f"--scale 1 compares pairs of equal size: give --hr DIR and --lr DIR, or --protocol {' or '.join(REAL)}"
        )
    command = f"python -m keras_srgan.evaluate {shlex.join(arguments)}"
    return run_safely("keras-srgan evaluate", lambda: work(parsed, command))


def work(arguments, command: str) -> int:
    report = Path(arguments.report) if arguments.report else None
    if report and report.exists() and not report.is_dir():
        raise ValueError(f"{report}: a file; --report takes a folder")
    if arguments.mos:
        check_names(arguments.mos)
    load_first(arguments.metrics or ())
    start_quietly()
    from keras_srgan.evaluate.protocols import find_protocol

    protocol = find_protocol(arguments.protocol).replace(
        scale=arguments.scale, seed=arguments.seed, bits=arguments.bits
    )
    if arguments.task != "figures":
        return run_task(arguments, protocol, command)
    from keras_srgan.evaluate.evaluation import compare
    from keras_srgan.evaluate.report.tables import evaluation_markdown, write_report

    line = StatusLine()
    with line:
        evaluation = compare(
            arguments.data,
            arguments.weights,
            protocol,
            hr=arguments.hr,
            lr=arguments.lr,
            baseline=[name for name in ("nearest", "lanczos", "nlm") if getattr(arguments, name)],
            metrics=arguments.metrics,
            most=arguments.most,
            discriminators=arguments.discriminator,
            crops=3 if report else 0,
            seed=arguments.seed,
            workers=arguments.workers,
            command=command,
            **_reporting(line),
        )
    print(evaluation_markdown(evaluation))
    for name, text in evaluation.provenance.get("suited", {}).items():
        print(f"{name}: {text}")
    if report:
        write_report(evaluation, report)
        print(f"\nreport: {report / 'report.html'}")
    if arguments.mos:
        from keras_srgan.mos.page import judge_folder

        print(
            judge_folder(
                arguments.data, arguments.weights, arguments.mos, command=command, warn=_reporting(line)["warn"]
            )
        )
    return 0


def _reporting(line: StatusLine) -> dict[str, Any]:
    """What shows progress, and what is said of images left out."""
    started = time.monotonic()

    def progress(done: int, total: int) -> None:
        line.show(done, total, f"images, {(time.monotonic() - started) / done * (total - done):.0f} s left")

    def warn(text: str) -> None:
        line.clear()
        print(f"keras-srgan evaluate: {text}", file=sys.stderr)

    return {"progress": progress, "warn": warn}


def run_task(arguments, protocol, command: str) -> int:
    from keras_srgan.evaluate.classify import classify_markdown
    from keras_srgan.evaluate.detection import detection_markdown
    from keras_srgan.evaluate.frechet_radiomics import frd_markdown
    from keras_srgan.evaluate.intervals import calibrate, coverage_markdown

    line = StatusLine()
    with line:
        if arguments.task == "calibrate":
            for name in arguments.weights:
                path = calibrate(arguments.data, name, protocol, arguments.coverage, **_reporting(line))
                line.clear()
                print(path, flush=True)
            return 0
        measures: dict[str, Callable[..., str]] = {
            "intervals": coverage_markdown,
            "detection": detection_markdown,
            "classify": partial(classify_markdown, labels=arguments.labels),
            "frd": frd_markdown,
        }
        given = dict(protocol=protocol, seed=arguments.seed, **_reporting(line))
        text = measures[arguments.task](arguments.data, arguments.weights, **given)
    print(f"{text}\n\n{protocol.describe()['text']}\n\nCommand: `{command}`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
