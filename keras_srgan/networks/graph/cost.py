"""The arithmetic of one forward pass."""

import itertools

import keras
import numpy as np

from keras_srgan.layers import SubpixelConv2D


def forward_cost(model: keras.Model, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Counts one forward pass of one image.

    Args:
        model: functional model.
        shape: `(H, W, C)` of the input.

    Returns:
        Floating-point operations of its convolutions, either way, and Dense layers (a multiply-add is two), and the
        number of values that its layers put out.

    Example:

    >>> operations, values = forward_cost(build_generator(find_recipe("xray-fast")), (64, 64, 1))
    >>> operations > 10**8
    True
    """
    fixed = keras.models.clone_model(model, input_tensors=keras.Input(shape))
    operations = values = 0.0
    # Calls, not layers: a recursion applies one kernel many times.
    for node in itertools.chain.from_iterable(fixed._nodes_by_depth.values()):
        layer = node.operation
        if isinstance(layer, keras.layers.InputLayer):
            continue
        out = int(np.prod(node.output_tensors[0].shape[1:]))
        values += out
        conv = layer.conv if isinstance(layer, SubpixelConv2D) else layer
        if isinstance(conv, (keras.layers.Conv2D, keras.layers.Dense)):
            operations += 2.0 * int(np.prod(conv.kernel.shape[:-1])) * out
        elif isinstance(conv, keras.layers.Conv2DTranspose):
            operations += 2.0 * int(np.prod(conv.kernel.shape)) * int(np.prod(node.input_tensors[0].shape[1:-1]))
    return operations, values
