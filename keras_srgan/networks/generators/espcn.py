"""ESPCN (Shi et al., CVPR 2016)."""

from keras import Input, Model

from keras_srgan.layers import SubpixelConv2D
from keras_srgan.networks.generators.blocks import conv


def espcn(channels: int = 1, scale: int = 4, filters: int = 64, name: str = "espcn") -> Model:
    """Builds ESPCN 5-3-3: two tanh convolutions and a sub-pixel convolution.

    Args:
        channels, scale, filters, name: see `srcnn`.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Shi et al., CVPR 2016, section 3.3.1.
    """
    lr = Input((None, None, channels), name="lr")
    x = conv(filters, 5, activation="tanh", name="conv1")(lr)
    x = conv(filters // 2, activation="tanh", name="conv2")(x)
    return Model(lr, SubpixelConv2D(channels, scale, dtype="float32", name="sr")(x), name=name)
