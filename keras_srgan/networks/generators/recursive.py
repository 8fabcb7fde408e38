"""The recursive residual, multi-cascade generator."""

from keras import Input, Model, layers

from keras_srgan.layers import BicubicUpsampling2D, SubpixelConv2D
from keras_srgan.networks.generators.blocks import conv, prelu, upsampling_factors


def _recursive_block(x, filters: int, times: int, name: str):
    """One residual unit applied `times` over with the same weights, always added to the block's input."""
    first, second = (conv(filters, name=f"{name}_conv{i}") for i in (1, 2))
    start = x
    for i in range(1, times + 1):
        y = second(prelu(first(prelu(x, f"{name}_prelu{i}a")), f"{name}_prelu{i}b"))
        x = layers.Add(name=f"{name}_add{i}")([start, y])
    return x


def recursive(channels: int = 1, scale: int = 4, filters: int = 64, blocks: int = 5, name: str = "recursive") -> Model:
    """Builds the generator: a cascade for each factor of the scale, x2 and then x4, no normalisation.

    Each cascade adds the residual that it found to the bicubic enlargement of the image before it. The images
    before the last are layers named `supervised1`, ...: training compares them with HR at their size.

    Args:
        channels: integer, the channels of the image.
        scale: integer, one of 2, 3, 4, 8.
        filters: integer, the width.
        blocks: integer, how often each cascade's residual unit is applied.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Wang, Li et al., 2020 (docs/model-zoo.md); the unit is DRRN's (Tai et al., CVPR 2017),
        the cascade LapSRN's (Lai et al., CVPR 2017).
    """
    lr = Input((None, None, channels), name="lr")
    factors = upsampling_factors(scale)
    image = lr
    x = conv(filters, name="head")(lr)
    for i, factor in enumerate(factors, 1):
        x = _recursive_block(x, filters, blocks, f"cascade{i}")
        x = SubpixelConv2D(filters, factor, name=f"cascade{i}_upsample")(x)
        residual = conv(channels, kernel_initializer="zeros", dtype="float32", name=f"cascade{i}_residual")(x)
        image = BicubicUpsampling2D(factor, dtype="float32", name=f"cascade{i}_bicubic")(image)
        last = "sr" if i == len(factors) else f"supervised{i}"
        image = layers.Add(dtype="float32", name=last)([image, residual])
    return Model(lr, image, name=name)
