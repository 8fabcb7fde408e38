"""Encoder-decoder networks at HR's size: the U-Net generator and the plain autoencoder."""

from keras import Input, Model, layers

from keras_srgan.layers import BatchNormalization, PadToMultiple
from keras_srgan.networks.generators.blocks import conv, end_like, enlarged

DEPTH = 4


def _double(x, filters: int, momentum: float, name: str):
    for i in (1, 2):
        x = BatchNormalization(momentum=momentum, name=f"{name}_{i}_bn")(conv(filters, name=f"{name}_conv{i}")(x))
        x = layers.ReLU(name=f"{name}_{i}_relu")(x)
    return x


def _larger(x, filters: int, upsampling: str, name: str):
    if upsampling == "transpose":
        return layers.Conv2DTranspose(filters, 2, strides=2, padding="same", name=name)(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_bilinear")(x)
    return conv(filters, name=name)(x)


def unet(
    channels: int = 1,
    scale: int = 4,
    filters: int = 64,
    upsampling: str = "transpose",
    skip: str = "none",
    bn_momentum: float = 0.9,
    name: str = "unet",
) -> Model:
    """Builds the U-Net generator: LR enlarged to HR's size, an encoder and a decoder with skip connections.

    Args:
        channels: integer, the channels of the image.
        scale: integer; 1 for pairs of equal size.
        filters: integer, the width of the first level; it doubles at each of four levels below.
        upsampling: `"transpose"` (transposed convolutions) or `"bilinear"` (bilinear, then a convolution).
        skip: `"none"` (the paper's form, closed by tanh) or `"bicubic"`: a long skip carries the enlarged image
            through; the network adds to it, starts exactly there, and is left linear.
        bn_momentum: float, the momentum of the moving statistics.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`. Sides that are no
        multiple of 16 are padded inside.

    Raises:
        ValueError: for another `upsampling`.

    Reference:
        Dash et al., IJIRSET 13(5), 2024, proposed system; Ronneberger et al., MICCAI 2015.
    """
    if upsampling not in ("transpose", "bilinear"):
        raise ValueError(f"upsampling {upsampling!r}: choose 'transpose' or 'bilinear'")
    lr = Input((None, None, channels), name="lr")
    image = enlarged(lr, scale)
    x = PadToMultiple(2**DEPTH, name="pad")(image)
    kept = []
    for level in range(DEPTH):
        x = _double(x, filters * 2**level, bn_momentum, f"down{level}")
        kept.append(x)
        x = layers.MaxPooling2D(2, name=f"pool{level}")(x)
    x = _double(x, filters * 2**DEPTH, bn_momentum, "bottom")
    for level in reversed(range(DEPTH)):
        x = _larger(x, filters * 2**level, upsampling, f"up{level}_larger")
        x = layers.Concatenate(name=f"up{level}_join")([kept[level], x])
        x = _double(x, filters * 2**level, bn_momentum, f"up{level}")
    return Model(lr, end_like(x, image, channels, skip, size=1), name=name)
