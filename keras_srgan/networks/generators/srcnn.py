"""SRCNN, the first convolutional network for super-resolution, and its form with channel attention."""

from keras import Input, Model, layers

from keras_srgan.networks.generators.blocks import conv, enlarged


def srcnn(channels: int = 1, scale: int = 4, filters: int = 64, name: str = "srcnn") -> Model:
    """Builds SRCNN 9-5-5: three convolutions on the bicubic enlargement.

    Args:
        channels: integer, the channels of the image.
        scale: integer.
        filters: integer, the width of the first layer; the second has half as many.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Dong et al., IEEE TPAMI 2016, section 4.1 (57,184 weights with 64 filters and one channel).
    """
    lr = Input((None, None, channels), name="lr")
    x = conv(filters, 9, activation="relu", name="patches")(enlarged(lr, scale))
    x = conv(filters // 2, 5, activation="relu", name="mapping")(x)
    return Model(lr, conv(channels, 5, dtype="float32", name="sr")(x), name=name)


def channel_attention(x, reduction: int, name: str):
    """Scales each channel by what the whole image says of it (Zhang et al., ECCV 2018, RCAN, section 3.3)."""
    width = x.shape[-1]
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    y = layers.Conv2D(max(width // reduction, 1), 1, activation="relu", name=f"{name}_down")(y)
    y = layers.Conv2D(width, 1, activation="sigmoid", name=f"{name}_up")(y)
    return layers.Multiply(name=f"{name}_scale")([x, y])


def srcnn_attention(
    channels: int = 1, scale: int = 4, filters: int = 64, blocks: int = 2, name: str = "srcnn-attention"
) -> Model:
    """Builds SRCNN with residual channel-attention blocks between its mapping and its reconstruction.

    Args:
        channels, scale, filters, name: see `srcnn`.
        blocks: integer, the number of attention blocks.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        After Basak et al., 2020 (as named by Zhou, DAML 2024); the block is RCAN's.
    """
    lr = Input((None, None, channels), name="lr")
    x = conv(filters, 9, activation="relu", name="patches")(enlarged(lr, scale))
    x = conv(filters // 2, 5, activation="relu", name="mapping")(x)
    for i in range(1, blocks + 1):
        y = conv(filters // 2, activation="relu", name=f"block{i}_conv1")(x)
        y = channel_attention(conv(filters // 2, name=f"block{i}_conv2")(y), 8, f"block{i}_attention")
        x = layers.Add(name=f"block{i}_add")([x, y])
    return Model(lr, conv(channels, 5, dtype="float32", name="sr")(x), name=name)
