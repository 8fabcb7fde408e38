"""`python -m keras_srgan.upscale`: enlarges images with trained weights."""

import sys
from pathlib import Path

from keras_srgan.command import Parser, quiet_tensorflow, run_safely


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog="keras-srgan upscale",
        description="Enlarges PNG, JPEG, TIFF and DICOM images; keeps bit depth. Not for diagnostic use.",
    )
    parse.add_argument("images", nargs="+", metavar="IMAGE", help="file to enlarge")
    parse.add_argument("--weights", default="xray-srgan-plus", help="name, file or run folder [xray-srgan-plus]")
    parse.add_argument("--out", required=True, metavar="DIR", help="folder of the results")
    parse.add_argument("--overwrite", action="store_true", help="replace results that exist")
    return parse


def main(arguments: list[str] | None = None) -> int:
    parsed = parser().parse_args(arguments)
    return run_safely("keras-srgan upscale", lambda: work(parsed))


def work(arguments) -> int:
    quiet_tensorflow()
    from keras_srgan.data.dicom import write_dicom
    from keras_srgan.data.images import read_image, write_image
    from keras_srgan.weights import load

    upscaler = load(arguments.weights)
    failed = 0
    for name in arguments.images:
        try:
            image = read_image(name, channels=3 if upscaler.channels == 3 else None)
            suffix = ".dcm" if image.dicom is not None else Path(name).suffix.lower()
            target = Path(arguments.out) / f"{Path(name).stem}_x{upscaler.scale}{suffix}"
            if target.exists() and not arguments.overwrite:
                raise ValueError(f"{target}: exists; give --overwrite or another --out")
            sr = upscaler.upscale(image.pixels, image.max_value)
            if image.dicom is not None:
                write_dicom(target, sr, image, upscaler.scale)
            else:
                write_image(target, sr, image.max_value)
            print(f"{name} {image.pixels.shape[1]}x{image.pixels.shape[0]} -> {target} {sr.shape[1]}x{sr.shape[0]}")
        except (ValueError, OSError) as error:
            print(f"keras-srgan upscale: {' '.join(str(error).split())}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
