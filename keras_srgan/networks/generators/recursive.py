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


def _every_factor(lr, channels: int, scale: int, filters: int, blocks: int):
    """The image at the scale, reached over those of all whole factors before it."""
    x, image = conv(filters, name="head")(lr), None
    for i, factor in enumerate(range(2, scale + 1), 1):
        if image is not None:  # a strided convolution brings the image before it back to LR's size
            size = factor - 1
            back = layers.Conv2D(filters, size, size, name=f"cascade{i}_back")(image)
            x = layers.Add(name=f"cascade{i}_join")([x, back])
        x = _recursive_block(x, filters, blocks, f"cascade{i}")
        start = dict(kernel_initializer="zeros", dtype="float32")
        residual = SubpixelConv2D(channels, factor, **start, name=f"cascade{i}_residual")(x)
        bicubic = BicubicUpsampling2D(factor, dtype="float32", name=f"cascade{i}_bicubic")(lr)
        last = "sr" if factor == scale else f"supervised{i}"
        image = layers.Add(dtype="float32", name=last)([bicubic, residual])
    return image


def recursive(
    channels: int = 1,
    scale: int = 4,
    filters: int = 64,
    blocks: int = 5,
    cascades: str = "2-4",
    name: str = "recursive",
) -> Model:
    """Builds the generator: a cascade for each image on the way to the scale, no normalisation.

    The images before the last are layers named `supervised1`, ...: training compares them with HR at their size.

    Args:
        channels: integer, the channels of the image.
        scale: integer, one of 2, 3, 4, 8.
        filters: integer, the width.
        blocks: integer, how often each cascade's residual unit is applied.
        cascades: `"2-4"`: a cascade doubles, works at the size that it reached, and adds the residual that it found to
            the bicubic enlargement of the image before it. `"2-3-4"`: a cascade for every whole factor, x2, x3, x4,
            all at LR's size: each takes the features and the image of the one before it, and has a sub-pixel layer of
            its own, whose residual is added to the bicubic enlargement of LR.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Raises:
        ValueError: for a scale that the cascades don't reach.

    Reference:
        Wang, Li et al., 2020 (docs/model-zoo.md); the unit is DRRN's (Tai et al., CVPR 2017),
        the cascade LapSRN's (Lai et al., CVPR 2017).
    """
    if cascades not in ("2-4", "2-3-4") or (cascades == "2-3-4" and scale > 4):
        raise ValueError(f"cascades {cascades!r} at scale {scale}: choose '2-4', or '2-3-4' up to scale 4")
    lr = Input((None, None, channels), name="lr")
    if cascades == "2-3-4":
        return Model(lr, _every_factor(lr, channels, scale, filters, blocks), name=name)
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
