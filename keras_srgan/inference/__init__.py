"""Enlarging arrays with trained weights."""

from keras_srgan.inference.options import Options, Result
from keras_srgan.inference.pretrained import from_preset, load, save_to_preset
from keras_srgan.inference.upscaler import Upscaler

__all__ = [
    "Options",
    "Result",
    "Upscaler",
    "from_preset",
    "load",
    "save_to_preset",
]
