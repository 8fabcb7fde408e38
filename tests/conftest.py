"""Shared fixtures: quiet TensorFlow, small radiograph-like images, a tiny recipe."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def shared():
    if not SHARED.is_dir():
        pytest.skip("the data folder beside the checkout is absent")
    return SHARED


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def textured(rng, height, width, dtype="uint8"):
    """Smooth structure plus edges plus a little noise, over most of the dtype's range."""
    y, x = np.mgrid[:height, :width]
    wave = np.sin(x / 7.0) * np.cos(y / 11.0) + 0.6 * ((x // 9 + y // 13) % 2) + 0.1 * rng.normal(size=x.shape)
    wave = (wave - wave.min()) / np.ptp(wave)
    return np.rint(wave * 0.9 * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture
def make_image(rng):
    from keras_srgan.images import Image

    def make(height=120, width=136, dtype="uint8", name="a.png", max_value=None):
        pixels = textured(rng, height, width, dtype)
        return Image(pixels, max_value or int(np.iinfo(dtype).max), Path(name))

    return make


@pytest.fixture(scope="session")
def shaken():
    """A function that makes every weight of a network matter, as after training."""

    def shake(generator):
        rng = np.random.default_rng(0)
        for variable in generator.variables:
            value = np.asarray(variable)
            if "variance" in variable.path:
                variable.assign(rng.uniform(0.5, 2, value.shape))
            elif value.ndim == 1 or not value.any():
                variable.assign(value + rng.normal(size=value.shape) * 0.05)
        return generator

    return shake


@pytest.fixture
def tiny():
    """A recipe whose whole run takes seconds."""
    from keras_srgan.recipes import find_recipe

    return find_recipe("xray-srgan-plus").replace(
        filters=8,
        blocks=1,
        discriminator_filters=4,
        discriminator_dense=8,
        patch=32,
        batch=4,
        val_patch=32,
        patches_per_epoch=12,
        pretrain_epochs=2,
        epochs=2,
        features="none",
        xla=False,
        flat=0.0,
    )
