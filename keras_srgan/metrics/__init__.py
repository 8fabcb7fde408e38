"""Measures of an enlarged image: fidelity to its original, and perceptual distance."""

from keras_srgan.metrics.averages import PSNR, SSIM
from keras_srgan.metrics.fidelity import (
    ImageTooSmall,
    consistency,
    gradient_similarity,
    ms_ssim,
    psnr,
    sharpness,
    ssim,
)
from keras_srgan.metrics.grid import grid
from keras_srgan.metrics.perceptual import lpips, vgg_distance, vgg_features
from keras_srgan.metrics.structure import invented_structure, lost_structure

__all__ = [
    "ImageTooSmall",
    "PSNR",
    "SSIM",
    "consistency",
    "gradient_similarity",
    "grid",
    "invented_structure",
    "lost_structure",
    "lpips",
    "ms_ssim",
    "psnr",
    "sharpness",
    "ssim",
    "vgg_distance",
    "vgg_features",
]
