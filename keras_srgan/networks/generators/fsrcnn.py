"""FSRCNN (Dong et al., ECCV 2016)."""

from keras import Input, Model, layers

from keras_srgan.networks.generators.blocks import conv, prelu


def fsrcnn(channels: int = 1, scale: int = 4, filters: int = 56, blocks: int = 4, name: str = "fsrcnn") -> Model:
    """Builds FSRCNN(d, 12, m): feature extraction, shrinking, mapping, expanding, deconvolution.

    Args:
        channels, scale, name: see `srcnn`.
        filters: integer, the paper's d.
        blocks: integer, the paper's m, 3x3 layers of 12 channels.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Dong et al., ECCV 2016, section 3.2 (12,464 weights for (56, 12, 4), one channel).
    """
    lr = Input((None, None, channels), name="lr")
    x = prelu(conv(filters, 5, name="features")(lr), "features_prelu")
    x = prelu(conv(12, 1, name="shrink")(x), "shrink_prelu")
    for i in range(1, blocks + 1):
        x = prelu(conv(12, name=f"map{i}")(x), f"map{i}_prelu")
    x = prelu(conv(filters, 1, name="expand")(x), "expand_prelu")
    sr = layers.Conv2DTranspose(channels, 9, strides=scale, padding="same", dtype="float32", name="sr")(x)
    return Model(lr, sr, name=name)
