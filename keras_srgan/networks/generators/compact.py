"""A small generator for laptops: all of it works at LR's size."""

from keras import Input, Model, layers

from keras_srgan.layers import SubpixelConv2D
from keras_srgan.networks.generators.blocks import begin, conv, on_bicubic


def compact(
    channels: int = 1,
    scale: int = 4,
    filters: int = 48,
    blocks: int = 9,
    skip: str = "bicubic",
    even_phases: bool = False,
    name: str = "compact",
) -> Model:
    """Builds EDSR's trunk closed by ESPCN's layer, for any height and width.

    One sub-pixel convolution turns the features of an LR pixel into its `scale * scale` HR pixels, so that
    nothing is computed at HR's size, where SRResNet spends half of its time.

    Args:
        channels: integer, the channels of the image.
        scale: integer.
        filters, blocks: integers, the width and the number of residual blocks.
        skip: `"bicubic"` (see `srresnet`) or `"none"`.
        even_phases: whether what is added to bicubic has no pattern of LR's period (`EvenPhases`).
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Trunk: Lim et al., CVPR workshops 2017, section 3. Last layer: Shi et al., CVPR 2016, section 3.2.
    """
    lr = Input((None, None, channels), name="lr")
    x = head = conv(filters, name="head")(begin(lr, skip))
    for i in range(1, blocks + 1):
        y = conv(filters, activation="relu", name=f"block{i}_conv1")(x)
        x = layers.Add(name=f"block{i}_add")([x, conv(filters, name=f"block{i}_conv2")(y)])
    x = layers.Add(name="long_skip")([head, conv(filters, name="trunk")(x)])
    start = "zeros" if skip == "bicubic" else "glorot_uniform"
    last = "pixels" if skip == "bicubic" else "sr"
    x = SubpixelConv2D(channels, scale, kernel_initializer=start, dtype="float32", name=last)(x)
    return Model(lr, on_bicubic(x, lr, scale, even_phases) if skip == "bicubic" else x, name=name)
