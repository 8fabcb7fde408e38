"""The few layers that Keras lacks. `keras.ops` only, so they run on every backend."""

import keras
from keras import ops

from keras_srgan.resampling import upsample_kernel

PACKAGE = "keras_srgan"


def depth_to_space(x, scale: int):
    """Moves blocks of `scale * scale` channels into space (the pixel shuffle of ESPCN).

    Args:
        x: tensor of shape `(N, H, W, scale * scale * C)`; channel `(i * scale + j) * C + c` becomes
            row `i`, column `j` of its block, as in `tf.nn.depth_to_space`.
        scale: integer, the factor of both sides.

    Returns:
        Tensor of shape `(N, H * scale, W * scale, C)`.
    """
    n, h, w, depth = ops.shape(x)
    channels = depth // (scale * scale)
    x = ops.reshape(x, (-1, h, w, scale, scale, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, h * scale, w * scale, channels))


@keras.saving.register_keras_serializable(PACKAGE)
class ICNR(keras.initializers.Initializer):
    """Initialises a sub-pixel convolution so that it starts as nearest-neighbour enlargement.

    All `scale * scale` kernels of one output channel start equal, so the first images carry no
    checkerboard.

    Args:
        scale: integer, the factor of the sub-pixel convolution.
        initializer: the initializer of one kernel of each group. Defaults to `"glorot_uniform"`.

    Reference:
        Aitken et al., 2017, arXiv:1707.02937, section 3.
    """

    def __init__(self, scale: int, initializer="glorot_uniform"):
        self.scale = scale
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape, dtype=None):
        *rest, filters = shape
        block = self.scale**2
        if filters % block:
            raise ValueError(f"ICNR: {filters} filters are not a multiple of scale² = {block}")
        kernel = self.initializer((*rest, filters // block), dtype=dtype)
        return ops.tile(kernel, (1,) * len(rest) + (block,))

    def get_config(self):
        initializer = keras.initializers.serialize(self.initializer)
        return {"scale": self.scale, "initializer": initializer}


@keras.saving.register_keras_serializable(PACKAGE)
class SubpixelConv2D(keras.layers.Layer):
    """Enlarges feature maps: a convolution to `scale² * filters` channels, then depth to space.

    Args:
        filters: integer, the channels of the output.
        scale: integer, the factor of both sides. Defaults to `2`.
        kernel_size: integer, the side of the kernel. Defaults to `3`.
        kernel_initializer: the initializer of one kernel of each block, see `ICNR`.
            Defaults to `"glorot_uniform"`.

    Example:

    >>> tuple(SubpixelConv2D(64, scale=2)(np.zeros((1, 24, 24, 64), "float32")).shape)
    (1, 48, 48, 64)

    Input shape:
        4D tensor `(N, H, W, channels)`.

    Output shape:
        4D tensor `(N, H * scale, W * scale, filters)`.

    Reference:
        Shi et al., CVPR 2016 (ESPCN), section 3.2.
    """

    def __init__(self, filters, scale=2, kernel_size=3, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.scale = scale
        self.kernel_size = kernel_size
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.conv = keras.layers.Conv2D(
            filters * scale**2,
            kernel_size,
            padding="same",
            data_format="channels_last",
            kernel_initializer=ICNR(scale, self.kernel_initializer),
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.built = True

    def call(self, x):
        return depth_to_space(self.conv(x), self.scale)

    def compute_output_shape(self, input_shape):
        n, h, w, _ = input_shape
        return n, h and h * self.scale, w and w * self.scale, self.filters

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "scale": self.scale,
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(PACKAGE)
class BicubicUpsampling2D(keras.layers.Layer):
    """Enlarges by bicubic interpolation (a = -0.5, symmetric borders), equal to MATLAB's `imresize`.

    Written as one fixed 5x5 convolution to `scale²` channels and depth to space, since XLA has no
    bicubic resize on the CPU.

    Args:
        scale: integer, the factor of both sides.

    Example:

    >>> tuple(BicubicUpsampling2D(4)(np.zeros((1, 8, 8, 3), "float32")).shape)
    (1, 32, 32, 3)

    Input shape:
        4D tensor `(N, H, W, C)`, sides of at least 2 px.

    Output shape:
        4D tensor `(N, H * scale, W * scale, C)`.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.kernel = upsample_kernel(scale).astype("float32")

    def call(self, x):
        _, h, w, channels = ops.shape(x)
        # Channels join the batch: each is enlarged by the same kernel.
        planes = ops.reshape(ops.transpose(x, (0, 3, 1, 2)), (-1, h, w, 1))
        planes = ops.pad(planes, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="symmetric")
        kernel = ops.cast(self.kernel, planes.dtype)
        planes = depth_to_space(ops.conv(planes, kernel, padding="valid", data_format="channels_last"), self.scale)
        planes = ops.reshape(planes, (-1, channels, h * self.scale, w * self.scale))
        return ops.transpose(planes, (0, 2, 3, 1))

    def compute_output_shape(self, input_shape):
        n, h, w, channels = input_shape
        return n, h and h * self.scale, w and w * self.scale, channels

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
