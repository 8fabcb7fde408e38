"""Layers that ask the other devices of a shared step; alone, they are Keras's."""

import keras
from keras import ops

from keras_srgan.backend import collectives as shared  # by its module: it may be what imports Keras first
from keras_srgan.layers.upsampling import PACKAGE


@keras.saving.register_keras_serializable(PACKAGE)
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` whose `synchronized` holds on JAX too, and takes one message instead of three.

    It holds in a step that devices share.

    Example:

    >>> tuple(BatchNormalization()(np.zeros((1, 8, 8, 3), "float32")).shape)
    (1, 8, 8, 3)
    """

    def __init__(self, *args, synchronized: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.synchronized = synchronized  # Keras refuses it where it doesn't do it

    def _moments(self, inputs, mask):
        if not (self.synchronized and shared.collectives()):
            return ops.moments(inputs, self._reduction_axes)
        # `call` has made the inputs float32; images carry no mask.
        found = [ops.mean(each, self._reduction_axes) for each in (inputs, ops.square(inputs))]
        mean, square = ops.unstack(shared.global_mean(ops.stack(found)))
        return mean, ops.maximum(square - ops.square(mean), 0)


@keras.saving.register_keras_serializable(PACKAGE)
class Dense(keras.layers.Dense):
    """`keras.layers.Dense` that can spare devices the exchange of its kernel's gradient.

    Where `exchanges_rows`, devices that share a step tell each other the rows that the gradient is a product of, and
    each multiplies those of all: of SRGAN's 18,432 x 1024 kernel and a batch of 16, 1.2 MB instead of 75.

    Example:

    >>> tuple(Dense(5)(np.zeros((2, 8), "float32")).shape)
    (2, 5)

    Reference:
        Xie et al., 2014, arXiv:1409.5705 (sufficient factors).
    """

    exchanges_rows = False

    def call(self, inputs, training=None):
        devices = shared.collectives()
        if not (self.exchanges_rows and devices):
            return super().call(inputs, training=training)
        x = _product_of_rows(devices)(inputs, ops.copy(self.kernel))
        x = ops.add(x, self.bias) if self.use_bias else x
        return self.activation(x) if self.activation else x


def _product_of_rows(devices):
    """A function `x @ kernel`, whose gradient for the kernel is the mean over all devices."""

    @ops.custom_gradient
    def product(x, kernel):
        def grad(*args, upstream=None):
            dy = args[0] if upstream is None else upstream  # by position, or by name
            rows = devices.rows(ops.concatenate([x, dy], axis=1))
            rows, slopes = rows[:, : kernel.shape[0]], rows[:, kernel.shape[0] :] / devices.count
            return ops.matmul(dy, ops.transpose(kernel)), ops.matmul(ops.transpose(rows), slopes)

        return ops.matmul(x, kernel), grad

    return product
