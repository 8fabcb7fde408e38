"""Scores weights beside bicubic on a folder of images: the README's results table.

python benchmarks/score.py --data DIR [--weights NAME ...] [--most 100]
"""

import argparse
import shlex
import sys

from keras_srgan.command import quiet_tensorflow

quiet_tensorflow()

from keras_srgan import load  # noqa: E402
from keras_srgan.data.sources import load_folder  # noqa: E402
from keras_srgan.report import PROTOCOL, markdown, score  # noqa: E402

WEIGHTS = ["xray-srgan-plus-pretrained", "xray-srgan-plus"]


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--data", required=True, help="folder of HR images")
    parse.add_argument("--weights", nargs="+", default=WEIGHTS)
    parse.add_argument("--most", type=int, default=None, help="only the first so many, by name [all]")
    arguments = parse.parse_args()
    images = load_folder(arguments.data)[: arguments.most]
    upscalers = {name: load(name) for name in arguments.weights}
    methods = {"bicubic": None} | {name: upscaler.upscale for name, upscaler in upscalers.items()}
    print(markdown(score(methods, images, 4)))
    print("\n" + PROTOCOL.format(scale=4, images=len(images)))
    for name, upscaler in upscalers.items():
        print(f"{name}: sha256 {upscaler.card['sha256']}")
    print(f"command: python {shlex.join(sys.argv)}")


if __name__ == "__main__":
    main()
