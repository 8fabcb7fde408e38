"""VDSR (Kim et al., CVPR 2016)."""

from keras import Input, Model, layers

from keras_srgan.networks.generators.blocks import conv, enlarged


def vdsr(channels: int = 1, scale: int = 4, filters: int = 64, blocks: int = 20, name: str = "vdsr") -> Model:
    """Builds VDSR: a plain stack of 3x3 convolutions whose output is added to the bicubic enlargement.

    Args:
        channels: integer, the channels of the image.
        scale: integer.
        filters: integer, the width.
        blocks: integer, the number of convolutions, the last one included.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Kim et al., CVPR 2016, section 3.1 (664,704 weights).
    """
    lr = Input((None, None, channels), name="lr")
    x = bicubic = enlarged(lr, scale)
    for i in range(1, blocks):
        x = conv(filters, activation="relu", kernel_initializer="he_normal", name=f"conv{i}")(x)
    x = conv(channels, kernel_initializer="he_normal", dtype="float32", name="residual")(x)
    return Model(lr, layers.Add(dtype="float32", name="sr")([bicubic, x]), name=name)
