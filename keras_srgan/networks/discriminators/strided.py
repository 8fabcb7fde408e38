"""The discriminator of SRGAN (Ledig et al., CVPR 2017, section 2.1.1 and figure 4)."""

from keras import Input, Model, layers

from keras_srgan.layers import BatchNormalization, Dense


def strided_discriminator(
    patch: int = 96,
    channels: int = 1,
    filters: int = 64,
    dense: int = 1024,
    dropout: float = 0.0,
    order: str = "bn-leaky",
    name: str = "discriminator",
) -> Model:
    """Builds the discriminator: strided 3x3 convolutions, LeakyReLU(0.2), BN, a sigmoid head.

    Args:
        patch: integer, the side of the patches that it judges, in pixels.
        channels: integer, the channels of the image.
        filters: integer, the width of the first convolutions; the others have 2, 4 and 8 times as many.
        dense: integer, the units of the hidden Dense layer; 0 for none, so that one Dense layer decides.
        dropout: float, the share of features dropped before each Dense layer while training.
        order: what follows a convolution: `"bn-leaky"`, BN and then LeakyReLU (Ledig et al.), or `"leaky-bn"`
            (Dhundale et al., 2025). The first convolution has no BN.

    Returns:
        A functional model from `(N, patch, patch, channels)` in `[-1, 1]` to `(N, 1)`, float32: the
        probability that the patch is real. The layer named `"logits"` holds the value before the sigmoid.

    Raises:
        ValueError: for another `order`.
    """
    if order not in ("bn-leaky", "leaky-bn"):
        raise ValueError(f"order {order!r}: choose 'bn-leaky' or 'leaky-bn'")
    image = Input((patch, patch, channels), name="image")
    x = image
    widths = [filters * factor for factor in (1, 1, 2, 2, 4, 4, 8, 8)]
    for i, width in enumerate(widths, 1):
        stride = 1 if i % 2 else 2
        x = layers.Conv2D(width, 3, strides=stride, padding="same", name=f"conv{i}")(x)
        for step in order.split("-"):
            if step == "leaky":
                x = layers.LeakyReLU(0.2, name=f"leaky{i}")(x)
            elif i > 1:
                x = BatchNormalization(momentum=0.9, name=f"bn{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="dropout1")(x) if dropout else x
    if dense:
        x = layers.LeakyReLU(0.2, name="leaky_dense")(Dense(dense, name="dense")(x))
        x = layers.Dropout(dropout, name="dropout2")(x) if dropout else x
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return Model(image, layers.Activation("sigmoid", dtype="float32", name="real")(logits), name=name)
