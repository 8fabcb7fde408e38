"""SRResNet, the generator of SRGAN (Ledig et al., CVPR 2017, section 2.1.1 and figure 4)."""

from keras import Input, Model, layers
from keras.initializers import Constant

from keras_srgan.fastconv import FastConv2D
from keras_srgan.layers import BicubicUpsampling2D, LocalDetail, SubpixelConv2D

GAIN = 8.0  # how much the bicubic form amplifies detail on its way in, and reduces it on its way out


def normalise(x, norm: str, name: str):
    """Applies the normalisation that a recipe names: `"batch"`, `"instance"` or `"none"`."""
    if norm == "batch":
        return layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    if norm == "instance":
        return layers.GroupNormalization(groups=-1, name=f"{name}_in")(x)
    return x


def prelu(x, name: str):
    """PReLU with one slope a channel, so that the network takes any height and width.

    Slopes start at 0.25 (He et al., ICCV 2015, section 2.1); Keras's own 0 starts as a ReLU, which can die.
    """
    return layers.PReLU(alpha_initializer=Constant(0.25), shared_axes=[1, 2], name=name)(x)


def upsampling_factors(scale: int) -> list[int]:
    """The sub-pixel steps that make up a scale: 2 -> [2], 3 -> [3], 4 -> [2, 2], 8 -> [2, 2, 2]."""
    steps = {2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}
    if scale not in steps:
        raise ValueError(f"scale {scale}: choose one of {sorted(steps)}")
    return steps[scale]


def srresnet(
    channels: int = 1,
    scale: int = 4,
    filters: int = 64,
    blocks: int = 16,
    norm: str = "batch",
    skip: str = "none",
    name: str = "srresnet",
) -> Model:
    """Builds the generator, for any height and width.

    Args:
        channels: integer, the channels of the image: 1 for radiographs, 3 for colour.
        scale: integer, one of 2, 3, 4, 8.
        filters: integer, the width of the network.
        blocks: integer, the number of residual blocks.
        norm: `"batch"` (the paper's form), `"instance"` or `"none"`.
        skip: `"none"` (the paper's form, closed by tanh) or `"bicubic"`: the network sees local detail, adds
            to the bicubic enlargement, starts exactly there, and is left linear.

    Returns:
        A functional model from `(N, H, W, channels)` to `(N, H * scale, W * scale, channels)`, float32,
        both in `[-1, 1]`.
    """
    if skip not in ("none", "bicubic"):
        raise ValueError(f"skip {skip!r}: choose 'none' or 'bicubic'")
    if norm not in ("batch", "instance", "none"):
        raise ValueError(f"norm {norm!r}: choose 'batch', 'instance' or 'none'")
    factors = upsampling_factors(scale)
    lr = Input((None, None, channels), name="lr")
    x = LocalDetail(gain=GAIN, name="detail")(lr) if skip == "bicubic" else lr
    x = head = prelu(FastConv2D(filters, 9, padding="same", name="head")(x), "head_prelu")
    for i in range(1, blocks + 1):
        shortcut = x
        x = FastConv2D(filters, 3, padding="same", name=f"block{i}_conv1")(x)
        x = prelu(normalise(x, norm, f"block{i}_1"), f"block{i}_prelu")
        x = FastConv2D(filters, 3, padding="same", name=f"block{i}_conv2")(x)
        x = layers.Add(name=f"block{i}_add")([shortcut, normalise(x, norm, f"block{i}_2")])
    x = FastConv2D(filters, 3, padding="same", name="trunk")(x)
    x = layers.Add(name="long_skip")([head, normalise(x, norm, "trunk")])
    for i, factor in enumerate(factors, 1):
        x = prelu(SubpixelConv2D(filters, factor, name=f"upsample{i}")(x), f"upsample{i}_prelu")
    # Zeros: with the bicubic skip the untrained network is the bicubic enlargement itself.
    start = "zeros" if skip == "bicubic" else "glorot_uniform"
    x = FastConv2D(channels, 9, padding="same", kernel_initializer=start, dtype="float32", name="tail")(x)
    if skip == "bicubic":
        bicubic = BicubicUpsampling2D(scale, dtype="float32", name="bicubic")(lr)
        x = layers.Rescaling(1 / GAIN, dtype="float32", name="residual")(x)
        sr = layers.Add(dtype="float32", name="sr")([bicubic, x])
    else:
        sr = layers.Activation("tanh", dtype="float32", name="sr")(x)
    return Model(lr, sr, name=name)
