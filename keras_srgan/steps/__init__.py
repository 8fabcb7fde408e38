"""The gradient step, as each backend takes it: `srgan.py` says what is learned, a `Step` moves the weights."""

from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING or keras.backend.backend() == "tensorflow":
    from keras_srgan.steps.tensorflow_step import Step
elif keras.backend.backend() == "jax":
    from keras_srgan.steps.jax_step import Step
else:
    raise ValueError(f"training runs on tensorflow and jax, not on {keras.backend.backend()}: set KERAS_BACKEND")

__all__ = ["Step"]
