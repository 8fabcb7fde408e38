"""SRResNet, the generator of SRGAN (Ledig et al., CVPR 2017, section 2.1.1 and figure 4)."""

from keras import Input, Model, layers

from keras_srgan.layers import BatchNormalization, SubpixelConv2D
from keras_srgan.networks.generators.blocks import begin, conv, end, prelu, upsampling_factors

NORMS = ("batch", "instance", "batch-instance", "none")


def normalise(x, norm: str, name: str, bn_momentum: float = 0.9):
    """Applies the normalisation that a recipe names."""
    if norm == "batch":
        return BatchNormalization(momentum=bn_momentum, name=f"{name}_bn")(x)
    if norm == "instance":
        return layers.GroupNormalization(groups=-1, name=f"{name}_in")(x)
    return x


def srresnet(
    channels: int = 1,
    scale: int = 4,
    filters: int = 64,
    blocks: int = 16,
    norm: str = "batch",
    skip: str = "none",
    first_kernel: int = 9,
    bn_momentum: float = 0.9,
    even_phases: bool = False,
    name: str = "srresnet",
) -> Model:
    """Builds the generator, for any height and width.

    Args:
        channels: integer, the channels of the image: 1 for radiographs, 3 for colour.
        scale: integer, one of 2, 3, 4, 8.
        filters: integer, the width of the network.
        blocks: integer, the number of residual blocks.
        norm: `"batch"` (the paper's form), `"instance"`, `"none"`, or `"batch-instance"`: batch in the blocks,
            instance after the trunk's convolution.
        skip: `"none"` (the paper's form, closed by tanh) or `"bicubic"`: the network sees local detail, adds
            to the bicubic enlargement, starts exactly there, and is left linear.
        even_phases: whether what is added to bicubic has no pattern of LR's period (`EvenPhases`).
        first_kernel: integer, the side of the first convolution: 9, or 3 (Zhou, DAML 2024).
        bn_momentum: float, the momentum of the moving statistics.

    Returns:
        A functional model from `(N, H, W, channels)` to `(N, H * scale, W * scale, channels)`, float32,
        both in `[-1, 1]`.
    """
    if norm not in NORMS:
        raise ValueError(f"norm {norm!r}: choose one of {', '.join(NORMS)}")
    in_blocks, in_trunk = norm.split("-") if "-" in norm else (norm, norm)
    factors = upsampling_factors(scale)
    lr = Input((None, None, channels), name="lr")
    x = head = prelu(conv(filters, first_kernel, name="head")(begin(lr, skip)), "head_prelu")
    for i in range(1, blocks + 1):
        shortcut = x
        x = conv(filters, name=f"block{i}_conv1")(x)
        x = prelu(normalise(x, in_blocks, f"block{i}_1", bn_momentum), f"block{i}_prelu")
        x = conv(filters, name=f"block{i}_conv2")(x)
        x = layers.Add(name=f"block{i}_add")([shortcut, normalise(x, in_blocks, f"block{i}_2", bn_momentum)])
    x = conv(filters, name="trunk")(x)
    x = layers.Add(name="long_skip")([head, normalise(x, in_trunk, "trunk", bn_momentum)])
    for i, factor in enumerate(factors, 1):
        x = prelu(SubpixelConv2D(filters, factor, name=f"upsample{i}")(x), f"upsample{i}_prelu")
    return Model(lr, end(x, lr, channels, scale, skip, size=9, activation="tanh", even=even_phases), name=name)
