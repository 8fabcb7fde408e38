"""Engines: what runs a generator. All give the same image; they differ in speed and in what they need."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from keras_srgan import packages
from keras_srgan.backend.settings import keras_settings
from keras_srgan.machine import total_memory
from keras_srgan.networks.graph.calls import calls

ENGINES = {
    "keras": "Keras as it is; without XLA where the backend can",
    "xla": "the whole network as one XLA program, compiled for every shape",
    "onnx": "ONNX Runtime",
    "openvino": "OpenVINO",
}

COMPILING = ("tensorflow", "jax")  # Keras's backends that compile; the others run networks as they are

PACKAGES = {"onnx": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}  # also the names of the extras
LEAST, MOST = 3 * 2**28, 3 * 2**30  # bytes of activations that a tile may take


@dataclass
class Engine:
    """A network ready to run.

    Args:
        name: string.
        run: function from `(N, H, W, C)` to `(N, H * scale, W * scale, C)`, NumPy float32, both in `[-1, 1]`.
        pixels: integer, the LR pixels that it can take at once in a twelfth of the machine's memory (0.75 to 3 GB).
    """

    name: str
    run: Callable[[np.ndarray], np.ndarray]
    pixels: int


def require(name: str) -> None:
    """Checks that an engine is known and its packages are installed.

    Raises:
        ValueError: naming the known engines, or what to install.
    """
    if name not in ("auto", *ENGINES):
        raise ValueError(f"engine {name!r} is not known: choose one of auto, {', '.join(ENGINES)}")
    packages.require(f"engine {name!r}", name, *PACKAGES.get(name, ()))


def installed() -> list[str]:
    """The engines whose packages are there."""
    return [name for name in ENGINES if packages.installed(*PACKAGES.get(name, ()))]


def make_engine(name: str, generator: keras.Model) -> Engine:
    """Prepares a generator to run.

    Args:
        name: one of `ENGINES`, or `"auto"`: `"keras"`: in processor time no other one in float32 was faster
            on the machines measured, see `docs/inference.md`.
        generator: functional model in `[-1, 1]`.

    Returns:
        An `Engine`.

    Raises:
        ValueError: for an unknown engine, one whose packages are missing, or a network that it cannot run.
    """
    engine = _prepare(name, generator)
    engine.run = keras_settings("float32")(engine.run)
    return engine


def _prepare(name: str, generator: keras.Model) -> Engine:
    require(name)
    backend = keras.backend.backend()
    if name == "xla" and backend not in COMPILING:
        raise ValueError(f"engine {name!r} needs Keras on {' or '.join(COMPILING)}, not on {backend}: choose keras")
    # A layer's input and output, and a copy.
    memory = min(MOST, max(LEAST, total_memory() // 12))
    pixels = int(memory / (4 * 3 * max(call.values for call in calls(generator).values())))
    name = "keras" if name == "auto" else name
    if name in ("onnx", "openvino"):
        from keras_srgan.inference.engines import exported

        return Engine(name, _following(getattr(exported, name), generator), pixels)
    return Engine(name, _whole(generator, xla=name == "xla"), pixels)


def _following(
    make: Callable[[keras.Model], Callable[[np.ndarray], np.ndarray]], generator: keras.Model
) -> Callable[[np.ndarray], np.ndarray]:
    """An exported form that is made again when the generator's weights have changed, as by fine-tuning."""

    def state() -> int:
        value = 0
        for variable in generator.variables:
            value = zlib.crc32(np.asarray(variable).tobytes(), value)
        return value

    known, run = state(), make(generator)

    def current(lr: np.ndarray) -> np.ndarray:
        nonlocal known, run
        if (now := state()) != known:
            known, run = now, make(generator)
        return run(lr)

    return current


def _whole(generator: keras.Model, xla: bool) -> Callable[[np.ndarray], np.ndarray]:
    """The network as one function of the backend."""

    def forward(lr):
        return generator(lr, training=False)

    run = forward
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Without XLA one trace serves all shapes, but that Keras 3.15 cannot trace bilinear enlargement so.
        fixed = xla or any(isinstance(layer, keras.layers.UpSampling2D) for layer in generator.layers)
        shape = [tf.TensorSpec([None, None, None, generator.inputs[0].shape[-1]], "float32")]
        run = tf.function(forward, jit_compile=xla, input_signature=None if fixed else shape)
    elif keras.backend.backend() == "jax":  # always XLA, operation by operation otherwise
        import jax

        call = jax.jit(lambda weights, rest, lr: generator.stateless_call(weights, rest, lr, training=False)[0])

        def run(lr):
            weights, rest = generator.trainable_variables, generator.non_trainable_variables
            return call([each.value for each in weights], [each.value for each in rest], lr)

    return lambda lr: np.asarray(run(keras.ops.convert_to_tensor(lr)), "float32")
