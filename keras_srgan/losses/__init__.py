"""The terms of both networks' losses: content, perceptual, adversarial."""

from keras_srgan.losses.adversarial import (
    ADVERSARIAL,
    adversarial_loss,
    discriminator_loss,
    relativistic_adversarial_loss,
    relativistic_discriminator_loss,
)
from keras_srgan.losses.content import CONTENT, charbonnier, l1, mse, total_variation
from keras_srgan.losses.perceptual import build_features

__all__ = [
    "ADVERSARIAL",
    "CONTENT",
    "adversarial_loss",
    "build_features",
    "charbonnier",
    "discriminator_loss",
    "l1",
    "mse",
    "relativistic_adversarial_loss",
    "relativistic_discriminator_loss",
    "total_variation",
]
