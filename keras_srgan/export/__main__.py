"""`python -m keras_srgan.export`: writes a network for other programs; `export/exporter.py` does the work."""

import sys
from pathlib import Path

from keras_srgan.cli import Parser, run_safely, start_quietly
from keras_srgan.export.exporter import check, check_form, export
from keras_srgan.export.formats import CONTRACT, FORMATS

PROGRAM = "keras-srgan export"


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog=PROGRAM,
        description="Writes a network for other programs, for images of any size, and measures it against Keras. "
        f"{CONTRACT}. Not for diagnostic use.",
    )
    parse.add_argument("--weights", default="xray-srgan-plus", help="name, file or run folder [xray-srgan-plus]")
    parse.add_argument("--format", choices=FORMATS, required=True, help="what reads it")
    parse.add_argument("--out", required=True, metavar="PATH", help="NAME.onnx, NAME.tflite, NAME.xml, or a folder")
    parse.add_argument("--quantize", choices=("float16", "int8"), help="smaller and less exact weights [neither]")
    parse.add_argument("--alpha", type=float, metavar="T", help="from pretrained (0) to adversarial (1) weights")
    parse.add_argument("--overwrite", action="store_true", help="replace an export that exists")
    return parse


def main(arguments: list[str] | None = None) -> int:
    parse = parser()
    parsed = parse.parse_args(arguments)
    try:
        check_form(parsed.format, Path(parsed.out), parsed.quantize)
    except ValueError as error:
        parse.error(str(error))
    return run_safely(PROGRAM, lambda: work(parsed))


def work(arguments) -> int:
    check(arguments.format, Path(arguments.out), arguments.overwrite)
    start_quietly()
    from keras_srgan.inference import load

    upscaler = load(arguments.weights, alpha=arguments.alpha, engine="keras")
    done = export(upscaler, arguments.format, arguments.out, arguments.quantize, arguments.overwrite)
    print(f"{', '.join(str(file) for file in done.files)}: {done.megabytes:.2f} MB, x{upscaler.scale}, {CONTRACT}")
    print(f"parity with Keras: at most {done.largest:.2g}, RMS {done.rms:.2g} grey levels of 255")
    return 0


if __name__ == "__main__":
    sys.exit(main())
