"""`python -m keras_srgan.prepare`: makes shards of a folder of images, for sets larger than memory."""

import argparse
import re
import sys
import time
from typing import Any

from keras_srgan.cli import Parser, run_safely, start_quietly

PROGRAM = "keras-srgan prepare"
SHOWN = 5


def _share(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r}: give K/N, K from 1 to N")
    return int(found[1]) - 1, int(found[2])


def _image_size(text: str) -> str:
    if not re.fullmatch(r"([1-9]\d*x[1-9]\d*)?", text):
        raise argparse.ArgumentTypeError(f"{text!r}: give HEIGHTxWIDTH, for example 720x1280")
    return text


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number of at least 1")
    return int(text)


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number from 0 to less than 1")
    return value


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog=PROGRAM,
        description="Checks and decodes every image of a folder once and writes TFRecord shards, which keras-srgan "
        "train --data SHARDS reads from disk or a URL. A run that was killed goes on when it is started again.",
    )
    parse.add_argument("--data", metavar="DIR", required=True, help="folder of PNG, JPEG, TIFF or DICOM, any depth")
    parse.add_argument("--out", metavar="SHARDS", required=True, help="folder of the shards, on disk")
    parse.add_argument("--channels", type=int, choices=(1, 3), default=1, help="1 gray, 3 colour [1]")
    parse.add_argument(
        "--image-size", type=_image_size, default="", metavar="HEIGHTxWIDTH", help="resize all to it, px"
    )
    parse.add_argument("--min-size", type=positive, default=96, metavar="PX", help="least height and width [96]")
    parse.add_argument("--val-fraction", type=_fraction, default=0.1, help="share of images held out by patient [0.1]")
    parse.add_argument("--seed", type=int, default=0, help="chooses the patients held out [0]")
    parse.add_argument(
        "--patients", default="", metavar="CSV", help="table of images and patients [headers, names, folders]"
    )
    parse.add_argument("--group", default="", metavar="REGEX", help="searched in paths; its first group is the patient")
    parse.add_argument("--shard-images", type=positive, default=512, metavar="N", help="images in a shard [512]")
    bits: Any = dict(type=int, choices=range(8, 17), default=0, metavar="8-16")
    parse.add_argument("--bits", **bits, help="that 16-bit PNG and TIFF files use [found in each]")
    parse.add_argument("--workers", type=positive, metavar="N", help="threads [one a processor]")
    parse.add_argument(
        "--part", type=_share, default=(0, 1), metavar="K/N", help="only the Kth share, of N runs at once"
    )
    parse.add_argument("--strict", action="store_true", help="stop at a file that can't be used [skip and name it]")
    return parse


def main(arguments: list[str] | None = None) -> int:
    parsed = parser().parse_args(arguments)
    return run_safely(PROGRAM, lambda: work(parsed))


def work(arguments: argparse.Namespace) -> int:
    if "://" in arguments.out or "://" in arguments.data:
        raise ValueError("--data and --out are folders on disk: write the shards there, then copy them to the URL")
    start_quietly()
    import cv2

    from keras_srgan.prepare.writer import ShardOptions, prepare

    cv2.setNumThreads(1)  # the images are worked on side by side already
    names = ("channels", "image_size", "min_size", "val_fraction", "seed", "shard_images", "bits", "patients", "group")
    settings = ShardOptions(**{name: getattr(arguments, name) for name in names})
    started = time.monotonic()

    def log(line: str) -> None:
        print(line, flush=True)

    done = prepare(arguments.data, arguments.out, settings, arguments.workers, arguments.strict, arguments.part, log)
    for line in done.left_out[:SHOWN]:
        print(f"{PROGRAM}: left out: {line}", file=sys.stderr)
    total = sum(done.images.values())
    if len(done.left_out) > SHOWN:
        count = len(done.left_out)
        print(f"{PROGRAM}: left out: {count} of {count + total} images in all", file=sys.stderr)
    counts = f"{done.images['train']} training and {done.images['val']} validation images"
    if done.missing:
        log(f"{arguments.out}: this part is done, {done.missing} shard(s) of others are not; run any part again then")
    elif not done.written:
        log(f"{arguments.out}: finished before, nothing to do: {counts} in {done.kept} shard(s)")
    else:
        seconds = time.monotonic() - started
        log(f"{arguments.out}: {counts}; {done.written} shard(s) written, {done.kept} kept, {seconds:.1f} s")
        log(f"next: keras-srgan train --data {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
