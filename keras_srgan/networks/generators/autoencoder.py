"""The convolutional encoder-decoder that Dash et al., 2024, compare with."""

from keras import Input, Model, layers

from keras_srgan.layers import PadToMultiple
from keras_srgan.networks.generators.blocks import begin, end_like, enlarged


def autoencoder(
    channels: int = 1,
    scale: int = 4,
    filters: int = 64,
    blocks: int = 3,
    skip: str = "none",
    name: str = "autoencoder",
) -> Model:
    """Builds the convolutional autoencoder: strided convolutions down, deconvolutions up, no skips.

    Args:
        channels: integer, the channels of the image.
        scale: integer; 1 for pairs of equal size.
        filters: integer, the width of the first level; it doubles downwards.
        blocks: integer, the number of levels.
        skip: `"none"` (the paper's form, closed by tanh) or `"bicubic"`, see `unet`; it then sees local detail.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Dash et al., IJIRSET 13(5), 2024, existing system.
    """
    lr = Input((None, None, channels), name="lr")
    image = enlarged(lr, scale)
    x = PadToMultiple(2**blocks, name="pad")(begin(image, skip))
    for level in range(blocks):
        x = layers.Conv2D(filters * 2**level, 3, 2, padding="same", activation="relu", name=f"down{level}")(x)
    for level in reversed(range(blocks)):
        width = filters * 2 ** max(level - 1, 0)
        x = layers.Conv2DTranspose(width, 4, 2, padding="same", activation="relu", name=f"up{level}")(x)
    return Model(lr, end_like(x, image, channels, skip), name=name)
