"""PatchGAN: a discriminator that judges overlapping patches, not the whole image."""

from keras import Input, Model, layers

from keras_srgan.layers import BatchNormalization
from keras_srgan.networks.generators.blocks import conv


def patch_discriminator(
    patch: int = 96,
    channels: int = 1,
    filters: int = 64,
    dropout: float = 0.0,
    reduction: str = "pool",
    name: str = "discriminator",
) -> Model:
    """Builds the discriminator: six 3x3 convolutions, BN, LeakyReLU(0.2), an eighth of the image's size.

    Args:
        patch: integer, the side of the patches that it is trained on, in pixels.
        channels: integer, the channels of the image.
        filters: integer, the width of the first convolution; it doubles up to eight times that.
        dropout: float, the share of features dropped before the last convolution while training.
        reduction: `"pool"`: max pooling after the first three convolutions; each output looks at 70x70 px.
            `"stride-pool"`: the first two convolutions have stride 2, and max pooling follows them; 75x75 px.
        name: string.

    Returns:
        A functional model from `(N, patch, patch, channels)` in `[-1, 1]` to `(N, patch // 8, patch // 8, 1)`,
        float32: the probability that each patch is real. The layer named `"logits"` holds the values before
        the sigmoid.

    Reference:
        Wang, Li et al., 2020 (docs/model-zoo.md); Isola et al., CVPR 2017, section 3.2.2.
    """
    if reduction not in ("pool", "stride-pool"):
        raise ValueError(f"reduction {reduction!r}: choose 'pool' or 'stride-pool'")
    strided, pooled = ((), (1, 2, 3)) if reduction == "pool" else ((1, 2), (2,))
    image = Input((patch, patch, channels), name="image")
    x = image
    for i, factor in enumerate((1, 2, 4, 8, 8), 1):
        x = conv(filters * factor, strides=2 if i in strided else 1, name=f"conv{i}")(x)
        if i > 1:
            x = BatchNormalization(momentum=0.9, name=f"bn{i}")(x)
        x = layers.LeakyReLU(0.2, name=f"leaky{i}")(x)
        if i in pooled:
            x = layers.MaxPooling2D(2, name=f"pool{i}")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    logits = conv(1, dtype="float32", name="logits")(x)
    return Model(image, layers.Activation("sigmoid", dtype="float32", name="real")(logits), name=name)
