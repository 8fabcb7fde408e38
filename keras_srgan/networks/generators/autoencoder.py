"""The convolutional encoder-decoder that Dash et al., 2024, compare with."""

from keras import Input, Model, layers

from keras_srgan.layers import CropLike, PadToMultiple
from keras_srgan.networks.generators.blocks import conv, enlarged


def autoencoder(channels: int = 1, scale: int = 4, filters: int = 64, blocks: int = 3, name: str = "autoencoder"):
    """Builds the convolutional autoencoder: strided convolutions down, deconvolutions up, no skips.

    Args:
        channels: integer, the channels of the image.
        scale: integer; 1 for pairs of equal size.
        filters: integer, the width of the first level; it doubles downwards.
        blocks: integer, the number of levels.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`, closed by tanh.

    Reference:
        Dash et al., IJIRSET 13(5), 2024, existing system.
    """
    lr = Input((None, None, channels), name="lr")
    image = enlarged(lr, scale)
    x = PadToMultiple(2**blocks, name="pad")(image)
    for level in range(blocks):
        x = layers.Conv2D(filters * 2**level, 3, 2, padding="same", activation="relu", name=f"down{level}")(x)
    for level in reversed(range(blocks)):
        width = filters * 2 ** max(level - 1, 0)
        x = layers.Conv2DTranspose(width, 4, 2, padding="same", activation="relu", name=f"up{level}")(x)
    x = conv(channels, dtype="float32", name="tail")(x)
    x = CropLike(dtype="float32", name="crop")([x, image])
    return Model(lr, layers.Activation("tanh", dtype="float32", name="sr")(x), name=name)
