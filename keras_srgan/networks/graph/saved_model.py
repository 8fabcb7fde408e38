"""A generator as a TensorFlow SavedModel, and as LiteRT, with dynamic batch, height and width."""

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
from keras import layers, ops

from keras_srgan.layers import PadToMultiple
from keras_srgan.networks.graph.calls import Call, calls, ends


def as_function(generator: keras.Model) -> Callable:
    """A generator as a function of a tensor, in `[0, 1]`: what every exported form computes.

    Args:
        generator: functional model from LR to SR, both in `[-1, 1]`.

    Returns:
        A function from `(N, H, W, C)` to `(N, H * scale, W * scale, C)`, clipped to `[0, 1]`; `H` and `W` may be
        unknown while a graph is traced.
    """
    graph, (start, end) = calls(generator), ends(generator)

    def run(lr):
        found = {start: lr * 2 - 1}
        for name, call in graph.items():
            if name != start:
                x = [found[each] for each in call.inputs]
                found[name] = _call(call, x if len(x) > 1 else x[0])
        return ops.clip(found[end] / 2 + 0.5, 0, 1)

    return run


def _call(call: Call, x):
    import tensorflow as tf

    if isinstance(call.layer, layers.UpSampling2D):
        # Keras 3.15's own bilinear form fails on sides that are unknown.
        return tf.image.resize(x, tf.shape(x)[1:3] * tf.constant(call.layer.size), call.layer.interpolation)
    y = call.layer(x)
    if isinstance(call.layer, PadToMultiple):
        # The converter to LiteRT forgets the channels here, and has no convolution of unknown ones.
        y = tf.reshape(y, [-1, tf.shape(y)[1], tf.shape(y)[2], call.channels])
    return y


def write_saved_model(generator: keras.Model, folder: Path) -> None:
    """Writes a SavedModel that needs TensorFlow alone.

    Its signature `serving_default` takes `lr` and gives `sr`, see `as_function`.

    Raises:
        ValueError: if Keras runs on another backend.
        OSError: if it can't be written.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise ValueError(f"export: Keras runs on {backend}, this format needs KERAS_BACKEND=tensorflow")
    import tensorflow as tf

    run, channels = as_function(generator), generator.inputs[0].shape[-1]
    signature = [tf.TensorSpec([None, None, None, channels], "float32", name="lr")]
    module = tf.Module()
    # Variables only: a Keras object in the file would have Keras look for its class.
    module.weights = [variable.value for variable in generator.variables]
    module.upscale = tf.function(lambda lr: {"sr": run(lr)}, input_signature=signature, autograph=False)
    try:
        tf.saved_model.save(module, str(folder), signatures=module.upscale)
    except tf.errors.OpError as error:  # a full disk, to TensorFlow
        raise OSError(errno.EIO, error.message, str(folder)) from error


def to_litert(generator: keras.Model, quantize: str | None = None) -> bytes:
    """Converts a generator by TensorFlow's own converter.

    Args:
        generator: functional model.
        quantize: `None`, `"float16"` (weights) or `"int8"` (weights; activations as they come).

    Returns:
        The bytes of a `.tflite` file with the signature of `write_saved_model`.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(generator, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if quantize:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()
