"""`keras-srgan recipes`: what can be trained, where it comes from, what it costs."""

import sys

from keras_srgan.command import Parser, quiet_tensorflow, run_safely
from keras_srgan.recipes import RECIPES

SIDE = 64  # px of LR in which the arithmetic is counted


def parser() -> Parser:
    """The command's parser."""
    return Parser(
        prog="keras-srgan recipes",
        description="Lists the recipes: parameters, GFLOP for a megapixel of output, how far the network looks (LR "
        "pixels), the paper and section, and what that paper reports under its own protocol.",
    )


def main(arguments: list[str] | None = None) -> int:
    parser().parse_args(arguments)
    return run_safely("keras-srgan recipes", work)


def work() -> int:
    quiet_tensorflow()
    from keras_srgan.cost import forward_cost
    from keras_srgan.networks import build_generator
    from keras_srgan.tiles import receptive_radius, sees_whole_image

    print("| recipe | parameters | GFLOP a megapixel | looks, LR px | source | reported |")
    print("| --- | --- | --- | --- | --- | --- |")
    for recipe in RECIPES.values():
        generator = build_generator(recipe)
        megapixels = (SIDE * recipe.scale) ** 2 / 1e6
        cost = forward_cost(generator, (SIDE, SIDE, recipe.channels))[0] / 1e9 / megapixels
        reach = "all" if sees_whole_image(generator) else f"{2 * receptive_radius(generator) + 1}"
        size = f"{generator.count_params():,}"
        print(f"| {' | '.join([recipe.name, size, f'{cost:.0f}', reach, recipe.source, recipe.reported or '-'])} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
