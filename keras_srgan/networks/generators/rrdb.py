"""RRDBNet, the generator of ESRGAN."""

from keras import Input, Model, initializers, layers

from keras_srgan.networks.generators.blocks import begin, conv, end, upsampling_factors

GROWTH = 32  # channels that a dense layer adds
RESIDUAL = 0.2  # what a branch is multiplied by before it is added


def _small():
    """He's initialisation times 0.1 (ESRGAN, section 3.4 and supplement): deep sums start tame."""
    return initializers.VarianceScaling(0.02, "fan_in", "untruncated_normal")


def _lrelu(x, name: str):
    return layers.LeakyReLU(0.2, name=name)(x)


def _add_scaled(x, branch, name: str):
    branch = layers.Rescaling(RESIDUAL, name=f"{name}_scale")(branch)
    return layers.Add(name=f"{name}_add")([x, branch])


def _dense_block(x, filters: int, growth: int, name: str):
    """Five convolutions, each of which sees all that came before it."""
    seen = [x]
    for i in range(1, 5):
        joined = layers.Concatenate(name=f"{name}_cat{i}")(seen) if i > 1 else x
        y = conv(growth, kernel_initializer=_small(), name=f"{name}_conv{i}")(joined)
        seen.append(_lrelu(y, f"{name}_lrelu{i}"))
    joined = layers.Concatenate(name=f"{name}_cat5")(seen)
    return _add_scaled(x, conv(filters, kernel_initializer=_small(), name=f"{name}_conv5")(joined), name)


def rrdb(
    channels: int = 3,
    scale: int = 4,
    filters: int = 64,
    blocks: int = 23,
    skip: str = "none",
    growth: int = GROWTH,
    name: str = "rrdb",
) -> Model:
    """Builds RRDBNet: residual-in-residual dense blocks, no normalisation, for any height and width.

    Args:
        channels: integer, the channels of the image.
        scale: integer, one of 2, 3, 4, 8.
        filters: integer, the width of the trunk.
        blocks: integer, residual-in-residual dense blocks (23; a small form has 6).
        skip: `"none"` (the paper's form) or `"bicubic"`, see `srresnet`.
        growth: integer, the channels that each dense layer adds.
        name: string.

    Returns:
        A functional model from LR to SR, float32, both in `[-1, 1]`.

    Reference:
        Wang et al., ECCV workshops 2018, section 3.1 (16.7 million parameters).
    """
    lr = Input((None, None, channels), name="lr")
    x = head = conv(filters, name="head")(begin(lr, skip))
    for i in range(1, blocks + 1):
        y = x
        for j in range(1, 4):
            y = _dense_block(y, filters, growth, f"block{i}_dense{j}")
        x = _add_scaled(x, y, f"block{i}")
    x = layers.Add(name="long_skip")([head, conv(filters, name="trunk")(x)])
    for i, factor in enumerate(upsampling_factors(scale), 1):
        x = layers.UpSampling2D(factor, name=f"nearest{i}")(x)
        x = _lrelu(conv(filters, name=f"upsample{i}")(x), f"upsample{i}_lrelu")
    x = _lrelu(conv(filters, name="hr")(x), "hr_lrelu")
    return Model(lr, end(x, lr, channels, scale, skip), name=name)
