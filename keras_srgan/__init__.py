"""keras-srgan: super-resolution of radiographs with generative adversarial networks, in Keras 3."""

import importlib
import importlib.util
import os

from keras_srgan.registration import register_layers
from keras_srgan.version import __version__

if not os.environ.get("KERAS_BACKEND"):
    # Keras reads it when it is imported. Its file keras.json says TensorFlow wherever nobody has changed it.
    there = [name for name in ("tensorflow", "jax") if importlib.util.find_spec(name)]
    if there == ["jax"]:
        os.environ["KERAS_BACKEND"] = "jax"

register_layers()

# Loaded when first used: importing the package stays cheap.
_PLACES = {
    "Recipe": "keras_srgan.recipes",
    "RECIPES": "keras_srgan.recipes",
    "find_recipe": "keras_srgan.recipes",
    "load": "keras_srgan.inference",
    "from_preset": "keras_srgan.inference",
    "save_to_preset": "keras_srgan.inference",
    "Upscaler": "keras_srgan.inference",
    "compare": "keras_srgan.evaluate.evaluation",
    "SRGAN": "keras_srgan.srgan",
    "SRResNetTrainer": "keras_srgan.srgan",
    "SubpixelConv2D": "keras_srgan.layers",
    "BicubicUpsampling2D": "keras_srgan.layers",
    "Run": "keras_srgan.train.run",
    "build_generator": "keras_srgan.networks",
    "build_discriminator": "keras_srgan.networks",
    "build_features": "keras_srgan.losses",
    "read_image": "keras_srgan.images",
    "write_image": "keras_srgan.images",
}

__all__ = ["__version__", *_PLACES]


def __getattr__(name: str):
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'keras_srgan' has no attribute {name!r}")


def __dir__():
    return __all__
