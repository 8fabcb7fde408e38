"""A convolution whose kernel has a spectral norm of one, for discriminators."""

import keras
from keras import ops

from keras_srgan.layers.upsampling import PACKAGE


@keras.saving.register_keras_serializable(PACKAGE)
class SpectralConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose kernel, as a matrix of inputs to filters, is divided by its largest singular value.

    Each pass in training refines the singular vector that it keeps by one power iteration, in float32 under any policy.
    `keras.layers.SpectralNormalization` writes the divided kernel over the trained one within the step, so that its
    gradient would depend on the backend; here the division is part of the function that is differentiated.

    Args:
        filters, kernel_size, and others: as in `keras.layers.Conv2D`.

    Example:

    >>> tuple(SpectralConv2D(8, 3, padding="same")(np.zeros((1, 24, 24, 4), "float32")).shape)
    (1, 24, 24, 8)

    Input shape:
        4D tensor `(N, H, W, channels)`.

    Output shape:
        4D tensor `(N, H, W, filters)`.

    Reference:
        Miyato et al., ICLR 2018, section 2.1 and algorithm 1.
    """

    def add_weight(self, *args, **kwargs):
        return super().add_weight(*args, **{"autocast": False, **kwargs})

    def build(self, input_shape):
        super().build(input_shape)
        self.direction = self.add_weight(
            name="direction", shape=(self.filters,), initializer="random_normal", trainable=False, dtype="float32"
        )

    def call(self, inputs, training=False):
        kernel = ops.convert_to_tensor(self.kernel)
        rows = ops.reshape(ops.cast(kernel, "float32"), (-1, self.filters))
        out = ops.convert_to_tensor(self.direction)
        into = _unit(ops.matmul(ops.stop_gradient(rows), out))
        if training:
            out = ops.stop_gradient(_unit(ops.matmul(into, ops.stop_gradient(rows))))
            self.direction.assign(out)
        norm = ops.sum(ops.matmul(ops.stop_gradient(into), rows) * _unit(out))
        kernel = ops.reshape(rows / ops.maximum(norm, 1e-12), kernel.shape)
        outputs = self.convolution_op(inputs, ops.cast(kernel, inputs.dtype))
        if self.use_bias:
            outputs = outputs + ops.cast(ops.convert_to_tensor(self.bias), outputs.dtype)
        return self.activation(outputs)

    # `Conv2D` names the variables that it stores: its own only.
    def save_own_variables(self, store):
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        keras.layers.Layer.load_own_variables(self, store)


def _unit(x):
    return x / ops.maximum(ops.norm(x), 1e-12)
