"""`keras-srgan COMMAND ...`, the same as `python -m keras_srgan.COMMAND ...`."""

import importlib
import sys

from keras_srgan.version import __version__

COMMANDS = {
    "prepare": "check and pack a folder of images into shards, for sets larger than memory",
    "train": "train a recipe on a folder of radiographs, or on the embedded one",
    "recipes": "list the systems that can be trained: source, size, cost",
    "upscale": "enlarge images with trained weights",
    "mos": "let people judge: a page of blind crops, and the scores",
    "export": "write a network for other programs: ONNX, OpenVINO, LiteRT, SavedModel",
    "evaluate": "measure networks beside bicubic, with intervals; write a report",
}
MODULES = {"recipes": "systems"}  # where the module's name is another


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["--version"]:
        print(f"keras-srgan {__version__}")
        return 0
    if arguments and arguments[0] in COMMANDS:
        module = MODULES.get(arguments[0], arguments[0])
        return importlib.import_module(f"keras_srgan.{module}").main(arguments[1:])
    help_text = "usage: keras-srgan COMMAND [--help]\n\n" + "\n".join(
        f"  {name:10} {text}" for name, text in COMMANDS.items()
    )
    if not arguments or arguments[0] in ("-h", "--help"):
        print(help_text)
        return 0
    print(f"keras-srgan: unknown command {arguments[0]!r}: choose one of {', '.join(COMMANDS)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
