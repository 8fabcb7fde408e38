"""Layers on whole images: local detail, weighted sums, padding and cropping."""

import keras
from keras import ops

from keras_srgan.layers.upsampling import PACKAGE


def local_mean(x, window: int):
    """The mean of each pixel's window, over the pixels inside the image only, so any size goes."""
    _, h, w, _ = ops.shape(x)
    reach = window // 2
    # XLA folds the counts of padding="same" for seconds when it compiles; those of a row and of a column are cheap.
    padded = ops.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    inside = _inside(h, reach)[:, None, None] * _inside(w, reach)[:, None]
    mean = ops.average_pool(padded, window, strides=1, data_format="channels_last")
    return mean * (window**2 / ops.cast(inside, x.dtype))


def _inside(length, reach: int):
    """How many pixels of a line lie within `reach` of each of them."""
    place = ops.arange(length)
    return ops.minimum(place, reach) + ops.minimum(length - 1 - place, reach) + 1


@keras.saving.register_keras_serializable(PACKAGE)
class LocalDetail(keras.layers.Layer):
    """What an image adds to its own local mean, amplified: `gain * (x - mean of a window around x)`.

    Radiographs are bright planes with faint detail. Fed as they are, the plane's level swamps the detail, and
    a network that starts at zero stays there (measured, see `docs/design.md`).

    Args:
        window: odd integer, the side of the window, in pixels. Defaults to `9`.
        gain: float. Defaults to `8.0`.

    Example:

    >>> float(np.abs(LocalDetail()(np.zeros((1, 8, 8, 3), "float32") + 1)).max())
    0.0

    Input shape:
        4D tensor `(N, H, W, C)`.

    Output shape:
        The same.
    """

    def __init__(self, window=9, gain=8.0, **kwargs):
        super().__init__(**kwargs)
        self.window = window
        self.gain = gain

    def call(self, x):
        return self.gain * (x - local_mean(x, self.window))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "window": self.window, "gain": self.gain}


@keras.saving.register_keras_serializable(PACKAGE)
class WeightedSum(keras.layers.Layer):
    """Adds up several images with learned weights, which start equal.

    Example:

    >>> tuple(WeightedSum()([np.zeros((1, 8, 8, 3), "float32"), np.zeros((1, 8, 8, 3), "float32")]).shape)
    (1, 8, 8, 3)

    Input shape:
        List of tensors of one shape.

    Output shape:
        That shape.

    Reference:
        Kim et al., CVPR 2016 (DRCN), section 3.2.
    """

    def build(self, input_shape):
        count = len(input_shape)
        start = keras.initializers.Constant(1 / count)
        self.weight = self.add_weight(shape=(count,), initializer=start, name="weight")

    def call(self, images):
        return sum(self.weight[i] * image for i, image in enumerate(images))

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable(PACKAGE)
class PadToMultiple(keras.layers.Layer):
    """Pads an image with zeros, at the bottom and the right, until both sides are multiples of `factor`.

    Args:
        factor: integer.

    Example:

    >>> tuple(PadToMultiple(8)(np.zeros((1, 9, 12, 3), "float32")).shape)
    (1, 16, 16, 3)

    Input shape:
        4D tensor `(N, H, W, C)`.

    Output shape:
        4D tensor, the sides rounded up.
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        _, h, w, _ = ops.shape(x)
        return ops.pad(x, [(0, 0), (0, -h % self.factor), (0, -w % self.factor), (0, 0)])

    def compute_output_shape(self, input_shape):
        n, h, w, channels = input_shape
        return n, h and h + -h % self.factor, w and w + -w % self.factor, channels

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(PACKAGE)
class CropLike(keras.layers.Layer):
    """Cuts the first image to the size of the second: undoes `PadToMultiple`.

    Example:

    >>> tuple(CropLike()([np.zeros((1, 12, 12, 3), "float32"), np.zeros((1, 8, 8, 3), "float32")]).shape)
    (1, 8, 8, 3)

    Input shape:
        List of two 4D tensors, the first at least as large.

    Output shape:
        The first's channels at the second's size.
    """

    def call(self, inputs):
        x, like = inputs
        _, h, w, _ = ops.shape(like)
        return x[:, :h, :w]

    def compute_output_shape(self, input_shape):
        x, like = input_shape
        return x[0], like[1], like[2], x[3]
