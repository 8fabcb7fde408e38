"""The registry: a recipe names its networks, this finds their builders."""

import inspect
from collections.abc import Callable

from keras import Model

from keras_srgan.backend.settings import keras_settings
from keras_srgan.networks.discriminators.patchgan import patch_discriminator
from keras_srgan.networks.discriminators.strided import strided_discriminator
from keras_srgan.networks.discriminators.unet import unet_discriminator
from keras_srgan.networks.generators.autoencoder import autoencoder
from keras_srgan.networks.generators.compact import compact
from keras_srgan.networks.generators.drcn import drcn
from keras_srgan.networks.generators.edsr import edsr
from keras_srgan.networks.generators.espcn import espcn
from keras_srgan.networks.generators.fsrcnn import fsrcnn
from keras_srgan.networks.generators.recursive import recursive
from keras_srgan.networks.generators.rrdb import rrdb
from keras_srgan.networks.generators.span import span
from keras_srgan.networks.generators.srcnn import srcnn, srcnn_attention
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.networks.generators.unet import unet
from keras_srgan.networks.generators.vdsr import vdsr
from keras_srgan.recipes import Recipe

GENERATORS: dict[str, Callable[..., Model]] = {
    "srresnet": srresnet,
    "rrdb": rrdb,
    "edsr": edsr,
    "compact": compact,
    "span": span,
    "unet": unet,
    "autoencoder": autoencoder,
    "recursive": recursive,
    "srcnn": srcnn,
    "srcnn-attention": srcnn_attention,
    "fsrcnn": fsrcnn,
    "espcn": espcn,
    "vdsr": vdsr,
    "drcn": drcn,
}

DISCRIMINATORS: dict[str, Callable[..., Model]] = {
    "strided": strided_discriminator,
    "patch": patch_discriminator,
    "unet": unet_discriminator,
}


def _find(table: dict, kind: str, name: str):
    if name not in table:
        raise ValueError(f"{kind} {name!r} is not known: choose one of {', '.join(sorted(table))}")
    return table[name]


@keras_settings()
def _build(build: Callable[..., Model], name: str, **options) -> Model:
    """Calls a builder with those of the options that its network has."""
    taken = inspect.signature(build).parameters
    return build(name=name, **{key: value for key, value in options.items() if key in taken})


def build_generator(recipe: Recipe, branched: bool = False) -> Model:
    """Builds the generator that a recipe describes: LR to SR, float32, both in `[-1, 1]`.

    Args:
        recipe: `Recipe`.
        branched: whether it is built as it is trained: one that has such a form (`span`) then has branches beside its
            convolutions, which `fuse` makes one kernel of.

    Example:

    >>> build_generator(find_recipe("xray-fast")).output_shape
    (None, None, None, 1)
    """
    return _build(
        _find(GENERATORS, "generator", recipe.generator),
        "generator",
        channels=recipe.channels,
        scale=recipe.scale,
        filters=recipe.filters,
        blocks=recipe.blocks,
        norm=recipe.norm,
        skip=recipe.skip,
        upsampling=recipe.upsampling,
        first_kernel=recipe.first_kernel,
        bn_momentum=recipe.bn_momentum,
        cascades=recipe.cascades,
        even_phases=recipe.even_phases,
        branched=branched,
    )


def build_discriminator(recipe: Recipe) -> Model:
    """Builds the discriminator that a recipe describes, for its patch size.

    Example:

    >>> build_discriminator(find_recipe("xray-srgan-plus")).output_shape
    (None, 1)
    """
    return _build(
        _find(DISCRIMINATORS, "discriminator", recipe.discriminator),
        "discriminator",
        patch=recipe.patch,
        channels=recipe.channels,
        filters=recipe.discriminator_filters,
        dense=recipe.discriminator_dense,
        dropout=recipe.discriminator_dropout,
        order=recipe.discriminator_order,
        reduction=recipe.discriminator_reduction,
    )
