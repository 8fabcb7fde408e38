"""`keras-srgan recipes`: what can be trained, where it comes from, what it costs."""

import sys

from keras_srgan.command import Parser, run_safely, start_quietly
from keras_srgan.recipes import RECIPES, Recipe

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
    start_quietly()
    print("| recipe | parameters | GFLOP a megapixel | looks, LR px | source | reported |")
    print("| --- | --- | --- | --- | --- | --- |")
    for recipe in RECIPES.values():
        size, cost, reach = figures(recipe)
        print(f"| {' | '.join([recipe.name, size, cost, reach, recipe.source, recipe.reported or '-'])} |")
    return 0


def figures(recipe: Recipe) -> tuple[str, str, str]:
    """A generator's parameters, GFLOP for a megapixel of output, and the LR pixels that it looks across."""
    from keras_srgan.cost import forward_cost
    from keras_srgan.networks import build_generator
    from keras_srgan.tiles import receptive_radius, sees_whole_image

    generator = build_generator(recipe)
    cost = forward_cost(generator, (SIDE, SIDE, recipe.channels))[0] / ((SIDE * recipe.scale) ** 2 * 1e3)
    reach = "all" if sees_whole_image(generator) else f"{2 * receptive_radius(generator) + 1}"
    return f"{generator.count_params():,}", f"{cost:.0f}", reach


if __name__ == "__main__":
    sys.exit(main())
