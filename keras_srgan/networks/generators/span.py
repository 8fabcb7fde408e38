"""A generator for laptops after SPAN: plain 3x3 convolutions at LR's size, attention without weights."""

from keras import Input, Model, layers

from keras_srgan.layers import BranchedConv2D, SubpixelConv2D
from keras_srgan.networks.generators.blocks import begin, conv, on_bicubic


def span(
    channels: int = 1,
    scale: int = 4,
    filters: int = 32,
    blocks: int = 7,
    skip: str = "bicubic",
    branched: bool = False,
    even_phases: bool = False,
    name: str = "span",
) -> Model:
    """Builds the SPAN-like generator, for any height and width.

    A block makes `x + y + x * tanh(y)` of its input `x`, where `y` is what two 3x3 convolutions make of it: attention
    without weights. The paper's block has three, and gives `(x + y) * (sigmoid(y) - 1/2)`; at equal cost this form
    learned faster (`docs/design.md`). One sub-pixel convolution at the end turns an LR pixel's features into its HR
    pixels.

    Args:
        channels: integer, the channels of the image.
        scale: integer.
        filters, blocks: integers, the width and the number of blocks.
        skip: `"bicubic"` (see `srresnet`) or `"none"`.
        branched: whether it is built as it is trained: each 3x3 as several branches (`BranchedConv2D`). `fuse` makes
            one kernel of them, and the network the one that is built without.
        even_phases: whether what is added to bicubic has no pattern of LR's period (`EvenPhases`).
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Wan et al., CVPR workshops 2024 (SPAN), section 3.
    """

    def plain(x, name: str, activation=None):
        layer = BranchedConv2D if branched else conv
        return layer(filters, activation=activation, name=name)(x)

    lr = Input((None, None, channels), name="lr")
    x = head = plain(begin(lr, skip), "head")
    outputs = []
    for i in range(1, blocks + 1):
        y = plain(plain(x, f"block{i}_conv1", "relu"), f"block{i}_conv2")
        attention = layers.Activation("tanh", name=f"block{i}_attention")(y)
        weighed = layers.Multiply(name=f"block{i}_weighed")([x, attention])
        x = layers.Add(name=f"block{i}_add")([x, y, weighed])
        outputs.append(x)
    # The head, the trunk, and the outputs of the first block and of the last but one.
    kept = [head, outputs[0], *outputs[max(1, blocks - 2) : -1], plain(x, "trunk")]
    x = conv(filters, 1, name="join")(layers.Concatenate(name="kept")(kept))
    start = "zeros" if skip == "bicubic" else "glorot_uniform"
    last = "pixels" if skip == "bicubic" else "sr"
    x = SubpixelConv2D(channels, scale, kernel_initializer=start, dtype="float32", name=last)(x)
    return Model(lr, on_bicubic(x, lr, scale, even_phases) if skip == "bicubic" else x, name=name)
