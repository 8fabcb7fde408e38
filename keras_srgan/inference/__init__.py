"""Enlarging arrays with trained weights."""

from keras_srgan.inference.pretrained import load
from keras_srgan.inference.upscaler import Options, Result, Upscaler

__all__ = [
    "Options",
    "Result",
    "Upscaler",
    "load",
]
