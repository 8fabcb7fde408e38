"""`keras-srgan COMMAND ...`, the same as `python -m keras_srgan.COMMAND ...`; and `recipes`."""

import importlib
import sys

from keras_srgan.cli import Parser, run_safely, start_quietly
from keras_srgan.console import open_missing_streams
from keras_srgan.recipes import RECIPES
from keras_srgan.version import __version__

COMMANDS = {
    "prepare": "check and pack a folder of images into shards, for sets larger than memory",
    "train": "train a recipe on a folder of radiographs, or on the embedded one",
    "recipes": "list the systems that can be trained: source, size, cost",
    "upscale": "enlarge images with trained weights",
    "pacs": "receive, fetch and send DICOM images over the network, enlarged",
    "demo": "a page that enlarges a radiograph in the browser; nothing is uploaded",
    "mos": "let people judge: a page of blind crops, and the scores",
    "export": "write a network for other programs: ONNX, OpenVINO, LiteRT, SavedModel",
    "evaluate": "measure networks beside bicubic, with intervals; write a report",
}


def main(arguments: list[str] | None = None) -> int:
    open_missing_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["--version"]:
        print(f"keras-srgan {__version__}")
        return 0
    if arguments and arguments[0] in COMMANDS:
        if arguments[0] == "recipes":
            return recipes(arguments[1:])
        return importlib.import_module(f"keras_srgan.{arguments[0]}.__main__").main(arguments[1:])
    help_text = "usage: keras-srgan COMMAND [--help]\n\n" + "\n".join(
        f"  {name:10} {text}" for name, text in COMMANDS.items()
    )
    if not arguments or arguments[0] in ("-h", "--help"):
        print(help_text)
        return 0
    print(f"keras-srgan: unknown command {arguments[0]!r}: choose one of {', '.join(COMMANDS)}", file=sys.stderr)
    return 2


def recipes(arguments: list[str]) -> int:
    """`keras-srgan recipes`: lists the systems that can be trained."""
    parse = Parser(
        prog="keras-srgan recipes",
        description="Lists the recipes: parameters, GFLOP for a megapixel of output, how far the network looks (LR "
        "pixels), the paper and section, and what that paper reports under its own protocol.",
    )
    parse.parse_args(arguments)
    return run_safely("keras-srgan recipes", list_recipes)


def list_recipes() -> int:
    start_quietly()
    from keras_srgan.networks.description import describe

    print("| recipe | parameters | GFLOP a megapixel | looks, LR px | source | reported |")
    print("| --- | --- | --- | --- | --- | --- |")
    for recipe in RECIPES.values():
        size, cost, reach = describe(recipe)
        print(f"| {' | '.join([recipe.name, size, cost, reach, recipe.source, recipe.reported or '-'])} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
