"""What a generator adds, without the pattern of LR's period that it adds everywhere alike."""

import keras
from keras import ops

from keras_srgan.layers.image_ops import local_mean
from keras_srgan.layers.upsampling import PACKAGE, depth_to_space


@keras.saving.register_keras_serializable(PACKAGE)
class EvenPhases(keras.layers.Layer):
    """Takes out what repeats at LR's period: the places of a block of `scale * scale` px get one local mean.

    The pattern is the mean, over a window of blocks, of how far each place is from the mean of its block, where more
    than `limit` counts as `limit`: a letter's edge is no pattern, and must not become one around it.

    Args:
        scale: integer, the factor from LR to the image.
        window: odd integer, the side of the window, in blocks. Defaults to `9`.
        limit: float, in the units of the image. Defaults to two grey levels of 255, in `[-1, 1]`.

    Example:

    >>> grid = np.zeros((1, 64, 64, 1), "float32")
    >>> grid[:, ::4, ::4] = 0.01
    >>> round(float(np.std(EvenPhases(4)(grid))), 6)
    0.0

    Input shape:
        4D tensor `(N, H, W, C)`, sides multiples of `scale`.

    Output shape:
        The same.
    """

    def __init__(self, scale, window=9, limit=4 / 255, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.window = window
        self.limit = limit

    def call(self, x):
        s = self.scale
        _, h, w, channels = ops.shape(x)
        places = ops.reshape(x, (-1, h // s, s, w // s, s, channels))
        places = ops.reshape(ops.transpose(places, (0, 1, 3, 2, 4, 5)), (-1, h // s, w // s, s * s, channels))
        apart = ops.clip(places - ops.mean(places, axis=3, keepdims=True), -self.limit, self.limit)
        pattern = local_mean(ops.reshape(apart, (-1, h // s, w // s, s * s * channels)), self.window)
        return x - depth_to_space(pattern, s)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "window": self.window, "limit": self.limit}
