"""A generator in three figures."""

from keras_srgan.networks import build_generator
from keras_srgan.networks.graph.cost import forward_cost
from keras_srgan.networks.graph.receptive_field import receptive_radius, sees_whole_image
from keras_srgan.recipes import Recipe

SIDE = 64  # px of LR in which the arithmetic is counted


def describe(recipe: Recipe) -> tuple[str, str, str]:
    """A generator's parameters, GFLOP for a megapixel of output, and the LR pixels that it looks across."""
    generator = build_generator(recipe)
    cost = forward_cost(generator, (SIDE, SIDE, recipe.channels))[0] / ((SIDE * recipe.scale) ** 2 * 1e3)
    reach = "all" if sees_whole_image(generator) else f"{2 * receptive_radius(generator) + 1}"
    return f"{generator.count_params():,}", f"{cost:.0f}", reach
