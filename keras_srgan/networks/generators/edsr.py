"""EDSR: residual blocks without normalisation."""

from keras import Input, Model, layers

from keras_srgan.layers import SubpixelConv2D
from keras_srgan.networks.generators.blocks import begin, conv, end, upsampling_factors


def edsr(
    channels: int = 3,
    scale: int = 4,
    filters: int = 64,
    blocks: int = 16,
    skip: str = "none",
    residual_scale: float = 1.0,
    name: str = "edsr",
) -> Model:
    """Builds EDSR, for any height and width; the defaults are its baseline.

    Args:
        channels: integer, the channels of the image.
        scale: integer, one of 2, 3, 4, 8.
        filters, blocks: integers, the width and the number of residual blocks.
        skip: `"none"` (the paper's form) or `"bicubic"`, see `srresnet`.
        residual_scale: float, what a block's branch is multiplied by (the large form: 0.1).
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Lim et al., CVPR workshops 2017, section 3 (baseline: 1.5 million parameters).
    """
    lr = Input((None, None, channels), name="lr")
    x = head = conv(filters, name="head")(begin(lr, skip))
    for i in range(1, blocks + 1):
        y = conv(filters, activation="relu", name=f"block{i}_conv1")(x)
        y = conv(filters, name=f"block{i}_conv2")(y)
        if residual_scale != 1:
            y = layers.Rescaling(residual_scale, name=f"block{i}_scale")(y)
        x = layers.Add(name=f"block{i}_add")([x, y])
    x = layers.Add(name="long_skip")([head, conv(filters, name="trunk")(x)])
    for i, factor in enumerate(upsampling_factors(scale), 1):
        x = SubpixelConv2D(filters, factor, name=f"upsample{i}")(x)
    return Model(lr, end(x, lr, channels, scale, skip), name=name)
