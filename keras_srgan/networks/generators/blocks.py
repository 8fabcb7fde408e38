"""What generators share: how they begin, how they end, and the pieces between."""

from keras import layers
from keras.initializers import Constant

from keras_srgan.layers import BicubicUpsampling2D, CropLike, EvenPhases, LocalDetail, NarrowConv2D

GAIN = 8.0  # how much the bicubic form amplifies detail on its way in, and reduces it on its way out


def conv(filters: int, size: int = 3, **options):
    """A convolution that keeps the image's size."""
    kind = NarrowConv2D if filters <= 4 and size > 3 else layers.Conv2D
    return kind(filters, size, padding="same", **options)


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


def enlarged(lr, scale: int):
    """The bicubic enlargement, for networks that work at the size of HR; scale 1 is the image itself."""
    return BicubicUpsampling2D(scale, name="bicubic")(lr) if scale > 1 else lr


def begin(lr, skip: str):
    """The image, or with the bicubic skip its local detail."""
    if skip not in ("none", "bicubic"):
        raise ValueError(f"skip {skip!r}: choose 'none' or 'bicubic'")
    return LocalDetail(gain=GAIN, name="detail")(lr) if skip == "bicubic" else lr


def end(x, lr, channels: int, scale: int, skip: str, size: int = 3, activation: str | None = None, even: bool = False):
    """The last convolution; with the bicubic skip, its output is added to the bicubic enlargement.

    Args:
        x: features, at the size of HR.
        lr: the network's input.
        channels, scale: integers.
        skip: `"none"` or `"bicubic"`.
        size: integer, the side of the kernel.
        activation: what closes the form without skip.
        even: see `on_bicubic`.
    """
    # Zeros: with the bicubic skip the untrained network is the bicubic enlargement itself.
    start = "zeros" if skip == "bicubic" else "glorot_uniform"
    x = conv(channels, size, kernel_initializer=start, dtype="float32", name="tail")(x)
    if skip == "bicubic":
        return on_bicubic(x, lr, scale, even)
    return layers.Activation(activation or "linear", dtype="float32", name="sr")(x)


def end_like(x, image, channels: int, skip: str, size: int = 3):
    """The last convolution of a network at HR's size, cropped to `image`; closed by tanh, or added to `image`.

    Args:
        x: features, at least as large as `image`.
        image: the enlarged input, at the size of HR.
        channels: integer.
        skip: `"none"` or `"bicubic"`.
        size: integer, the side of the kernel.
    """
    start = "zeros" if skip == "bicubic" else "glorot_uniform"
    x = conv(channels, size, kernel_initializer=start, dtype="float32", name="tail")(x)
    x = CropLike(dtype="float32", name="crop")([x, image])
    if skip == "bicubic":
        x = layers.Rescaling(1 / GAIN, dtype="float32", name="residual")(x)
        return layers.Add(dtype="float32", name="sr")([image, x])
    return layers.Activation("tanh", dtype="float32", name="sr")(x)


def on_bicubic(x, lr, scale: int, even: bool = False):
    """SR: the bicubic enlargement, and what the network adds to it; `even`: without a pattern of LR's period."""
    bicubic = BicubicUpsampling2D(scale, dtype="float32", name="bicubic")(lr)
    x = layers.Rescaling(1 / GAIN, dtype="float32", name="residual")(x)
    x = EvenPhases(scale, dtype="float32", name="even")(x) if even else x
    return layers.Add(dtype="float32", name="sr")([bicubic, x])
