"""Keras's settings of a session: our networks work under any, and leave them as they were."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_srgan
from keras_srgan.backend.settings import keras_settings
from keras_srgan.losses import build_features
from keras_srgan.metrics import lpips
from keras_srgan.networks import build_discriminator, build_generator
from keras_srgan.recipes import RECIPES
from keras_srgan.train.run import Run
from keras_srgan.train.stages import build_stage


def settings():
    return keras.config.image_data_format(), keras.config.dtype_policy().name, keras.config.floatx()


@pytest.fixture
def odd_session():
    """A session that has set everything otherwise."""
    keras.config.set_floatx("float64")
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield settings()
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")


def test_settings_are_put_back_after_an_error_too(odd_session):
    with pytest.raises(RuntimeError), keras_settings("float32"):
        assert settings() == ("channels_last", "float32", "float32")
        raise RuntimeError
    assert settings() == odd_session == ("channels_first", "mixed_bfloat16", "float64")


@pytest.mark.parametrize("stage", ["pretrain", "adversarial"])
def test_a_stage_leaves_the_sessions_settings(odd_session, stage, tiny, make_image, tmp_path):
    run = Run(tiny, [make_image(60, 64)], [make_image(60, 64)], tmp_path, log=lambda text: None)
    model = build_stage(run, stage)
    assert settings() == odd_session
    assert model.generator(np.zeros((1, 8, 8, 1), "float32")).shape == (1, 32, 32, 1)


def test_enlarging_and_measuring_do_not_depend_on_the_session(rng, request):
    image = rng.integers(0, 255, (24, 20), "uint8")
    pair = rng.random((2, 1, 40, 44, 1), "float32")
    expected = keras_srgan.load("xray-fast").upscale(image), float(lpips(*pair)[0])
    request.getfixturevalue("odd_session")
    for engine in ("keras", "xla"):
        found = keras_srgan.load("xray-fast", engine=engine).upscale(image)
        assert np.abs(found.astype(int) - expected[0].astype(int)).max() <= 1
    assert float(lpips(*pair)[0]) == pytest.approx(expected[1], abs=1e-5)


@pytest.mark.parametrize("name", sorted({recipe.generator: name for name, recipe in RECIPES.items()}.values()))
def test_every_network_takes_images_as_nhwc(odd_session, name):
    recipe = RECIPES[name].replace(filters=8, blocks=1, discriminator_filters=4, discriminator_dense=8, patch=32)
    side = 32 // recipe.scale
    sr = build_generator(recipe)(np.zeros((1, side, side, recipe.channels), "float32"))
    sr = keras.tree.flatten(sr)[0]
    assert sr.shape == (1, 32, 32, recipe.channels)
    if recipe.discriminator != "none":
        build_discriminator(recipe)(np.zeros((1, 32, 32, recipe.channels), "float32"))


def test_the_feature_network_takes_images_as_nhwc(odd_session):
    features, _ = build_features("vgg19", "block3_conv4", "bundled")
    assert features(np.zeros((1, 32, 32, 1), "float32")).shape == (1, 8, 8, 256)


@pytest.mark.parametrize("backend", ["numpy", "openvino", "torch", "nonsense"])
def test_a_backend_that_we_do_not_have_is_one_line(backend):
    line = [sys.executable, "-m", "keras_srgan.train", "--dry-run"]
    done = subprocess.run(line, env={**os.environ, "KERAS_BACKEND": backend}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"keras-srgan train: KERAS_BACKEND is {backend}: this program runs on tensorflow and jax; set one of them"
    ]
