"""The registry: a recipe names its networks, this finds their builders."""

from keras import Model

from keras_srgan.networks.srresnet import srresnet
from keras_srgan.networks.strided import strided_discriminator
from keras_srgan.recipes import Recipe

GENERATORS = {"srresnet": srresnet}
DISCRIMINATORS = {"strided": strided_discriminator}


def _find(table: dict, kind: str, name: str):
    if name not in table:
        raise ValueError(f"{kind} {name!r} is not known: choose one of {', '.join(sorted(table))}")
    return table[name]


def build_generator(recipe: Recipe) -> Model:
    """Builds the generator that a recipe describes: LR to SR, float32, both in `[-1, 1]`."""
    build = _find(GENERATORS, "generator", recipe.generator)
    return build(
        channels=recipe.channels,
        scale=recipe.scale,
        filters=recipe.filters,
        blocks=recipe.blocks,
        norm=recipe.norm,
        skip=recipe.skip,
        name="generator",
    )


def build_discriminator(recipe: Recipe) -> Model:
    """Builds the discriminator that a recipe describes, for its patch size."""
    build = _find(DISCRIMINATORS, "discriminator", recipe.discriminator)
    return build(
        patch=recipe.patch,
        channels=recipe.channels,
        filters=recipe.discriminator_filters,
        dense=recipe.discriminator_dense,
        name="discriminator",
    )
