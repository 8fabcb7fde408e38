"""Enlarging arrays with trained weights."""

from keras_srgan.inference.pretrained import from_preset, load, save_to_preset
from keras_srgan.inference.upscaler import Options, Result, Upscaler

__all__ = [
    "Options",
    "Result",
    "Upscaler",
    "from_preset",
    "load",
    "save_to_preset",
]
