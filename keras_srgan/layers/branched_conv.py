"""A 3x3 convolution that is learned as several branches, and is one kernel all the same."""

import keras
from keras import ops

from keras_srgan.layers.upsampling import PACKAGE

WIDER = 2  # how much wider than its input the middle of the long branch is


@keras.saving.register_keras_serializable(PACKAGE)
class BranchedConv2D(keras.layers.Layer):
    """A convolution whose kernel is the sum of three branches: 3x3, 1x1-3x3-1x1 by way of more channels, and 1x1.

    Nothing but products lies between the branches' weights, so their sum is one 3x3 kernel. It is put together in each
    step, before the image is convolved: training costs what the plain layer costs, and `fused` is exact at the image's
    border too. The two branches beside the 3x3 start at zero.

    Args:
        filters: integer, the channels of the output.
        activation: as in `keras.layers.Conv2D`.

    Example:

    >>> tuple(BranchedConv2D(16)(np.zeros((1, 8, 8, 3), "float32")).shape)
    (1, 8, 8, 16)

    Input shape:
        4D tensor `(N, H, W, channels)`.

    Output shape:
        4D tensor `(N, H, W, filters)`.

    Reference:
        Wan et al., CVPR workshops 2024 (SPAN): the branches. Hu et al., CVPR 2022 (OREPA): their sum in each step.
    """

    def __init__(self, filters, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        channels, wide = input_shape[-1], WIDER * input_shape[-1]

        def weight(name, *shape, start="glorot_uniform"):
            # Not cast by mixed precision: the sum is made in float32.
            return self.add_weight(shape=shape, initializer=start, name=name, autocast=False)

        self.kernel = weight("kernel", 3, 3, channels, self.filters)
        self.expand = weight("expand", channels, wide)
        self.middle = weight("middle", 3, 3, wide, wide)
        self.squeeze = weight("squeeze", wide, self.filters, start="zeros")
        self.point = weight("point", channels, self.filters, start="zeros")
        self.bias = weight("bias", self.filters, start="zeros")
        self.built = True

    def _beside(self):
        """What the branches beside the 3x3 add to its kernel."""
        long = ops.matmul(ops.matmul(self.expand, self.middle), self.squeeze)
        return long + ops.pad(self.point[None, None], ((1, 1), (1, 1), (0, 0), (0, 0)))

    def fused(self):
        """The one kernel and the bias that do the same."""
        return self.kernel + self._beside(), ops.convert_to_tensor(self.bias)

    def take(self, kernel, bias) -> None:
        """Sets the branches so that `fused` gives this kernel and bias."""
        self.kernel.assign(kernel - self._beside())
        self.bias.assign(bias)

    def call(self, x):
        kernel, bias = (ops.cast(each, x.dtype) for each in self.fused())
        return self.activation(ops.conv(x, kernel, padding="same", data_format="channels_last") + bias)

    def compute_output_shape(self, input_shape):
        return *input_shape[:-1], self.filters

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "filters": self.filters, "activation": activation}
