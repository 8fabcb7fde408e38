"""The gradient step, as each backend takes it: `srgan.py` says what is learned, a `TrainStep` moves the weights."""

from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING or keras.backend.backend() == "tensorflow":
    from keras_srgan.backend.tensorflow_step import TrainStep
elif keras.backend.backend() == "jax":
    from keras_srgan.backend.jax_step import TrainStep
else:
    raise ValueError(f"training runs on tensorflow and jax, not on {keras.backend.backend()}: set KERAS_BACKEND")


__all__ = ["TrainStep"]
