"""Layers that Keras lacks: sub-pixel and bicubic upsampling, image operations, layers that devices share, others."""

from keras_srgan.layers.branched_conv import BranchedConv2D
from keras_srgan.layers.distributed import BatchNormalization, Dense
from keras_srgan.layers.even_phases import EvenPhases
from keras_srgan.layers.image_ops import CropLike, LocalDetail, PadToMultiple, WeightedSum
from keras_srgan.layers.narrow_conv import FastConv2D, NarrowConv2D
from keras_srgan.layers.spectral import SpectralConv2D
from keras_srgan.layers.upsampling import BicubicUpsampling2D, SubpixelConv2D

__all__ = [
    "BatchNormalization",
    "BicubicUpsampling2D",
    "BranchedConv2D",
    "CropLike",
    "Dense",
    "EvenPhases",
    "FastConv2D",
    "LocalDetail",
    "NarrowConv2D",
    "PadToMultiple",
    "SpectralConv2D",
    "SubpixelConv2D",
    "WeightedSum",
]
