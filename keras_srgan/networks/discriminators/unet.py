"""The U-Net discriminator of Real-ESRGAN: one judgement a pixel, from the detail there and the image around it."""

from keras import Input, Model, layers

from keras_srgan.layers import SpectralConv2D
from keras_srgan.networks.generators.blocks import conv

DEPTH = 3


def unet_discriminator(
    patch: int = 96,
    channels: int = 1,
    filters: int = 64,
    dropout: float = 0.0,
    name: str = "discriminator",
) -> Model:
    """Builds the discriminator: a U-Net of three levels with spectral normalisation, LeakyReLU(0.2) and no BN.

    Args:
        patch: integer, the side of the patches that it is trained on, in pixels; a multiple of 8.
        channels: integer, the channels of the image.
        filters: integer, the width of the first convolution; it doubles at each of three levels below.
        dropout: float, the share of features dropped before the last convolution while training.
        name: string.

    Returns:
        A functional model from `(N, patch, patch, channels)` in `[-1, 1]` to `(N, patch, patch, 1)`, float32: the
        probability that the image is real at each pixel. The layer named `"logits"` holds the values before
        the sigmoid.

    Raises:
        ValueError: if `patch` is no multiple of 8.

    Reference:
        Wang et al., ICCV workshops 2021 (Real-ESRGAN), section 3.3; Schönfeld et al., CVPR 2020.
    """
    if patch % 2**DEPTH:
        raise ValueError(f"patch = {patch} px: the unet discriminator takes a multiple of {2**DEPTH}")

    def spectral(x, width, size, strides, name):
        x = SpectralConv2D(width, size, strides=strides, padding="same", use_bias=False, name=name)(x)
        return layers.LeakyReLU(0.2, name=f"{name}_leaky")(x)

    image = Input((patch, patch, channels), name="image")
    x = layers.LeakyReLU(0.2, name="head_leaky")(conv(filters, name="head")(image))
    kept = []
    for level in range(1, DEPTH + 1):
        kept.append(x)
        x = spectral(x, filters * 2**level, 4, 2, f"down{level}")
    for level in reversed(range(DEPTH)):
        # In float32: TensorFlow's gradient of the resize is, and XLA adds no bfloat16 to it.
        x = layers.UpSampling2D(2, interpolation="bilinear", dtype="float32", name=f"bilinear{level}")(x)
        x = spectral(x, filters * 2**level, 3, 1, f"up{level}")
        x = layers.Add(name=f"skip{level}")([x, kept[level]])
    for i in (1, 2):
        x = spectral(x, filters, 3, 1, f"last{i}")
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    logits = conv(1, dtype="float32", name="logits")(x)
    return Model(image, layers.Activation("sigmoid", dtype="float32", name="real")(logits), name=name)
