"""DRCN (Kim et al., CVPR 2016)."""

from keras import Input, Model, layers

from keras_srgan.layers import WeightedSum
from keras_srgan.networks.generators.blocks import conv, enlarged


def drcn(channels: int = 1, scale: int = 4, filters: int = 256, blocks: int = 16, name: str = "drcn") -> Model:
    """Builds DRCN: one convolution applied again and again, every state reconstructed and supervised.

    The outputs of the recursions are layers named `supervised1`, `supervised2`, ...; their learned weighted
    sum is the result.

    Args:
        channels: integer, the channels of the image.
        scale: integer.
        filters: integer, the width.
        blocks: integer, the number of recursions.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Kim et al., CVPR 2016 (DRCN), section 3 (1,774,000 parameters with one channel).
    """
    lr = Input((None, None, channels), name="lr")
    bicubic = enlarged(lr, scale)
    x = conv(filters, activation="relu", name="embed1")(bicubic)
    x = conv(filters, activation="relu", name="embed2")(x)
    # He's scale or less: the same kernel is applied many times over.
    recursion = conv(filters, activation="relu", kernel_initializer="orthogonal", name="recursion")
    reconstruct = [conv(filters, activation="relu", name="reconstruct1"), conv(channels, name="reconstruct2")]
    outputs = []
    for i in range(1, blocks + 1):
        x = recursion(x)
        y = reconstruct[1](reconstruct[0](x))
        outputs.append(layers.Add(dtype="float32", name=f"supervised{i}")([bicubic, y]))
    return Model(lr, WeightedSum(dtype="float32", name="sr")(outputs), name=name)
