import itertools

import keras
import numpy as np
import pytest

from keras_srgan.networks import build_discriminator, build_generator
from keras_srgan.networks.discriminators.strided import strided_discriminator
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.recipes import RECIPES, Recipe
from keras_srgan.resampling import resize


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("norm,skip", itertools.product(["batch", "instance", "none"], ["none", "bicubic"]))
def test_generator_enlarges_any_size(scale, norm, skip, rng):
    generator = srresnet(scale=scale, filters=4, blocks=1, norm=norm, skip=skip)
    for h, w in ((6, 9), (11, 5)):
        sr = generator(rng.uniform(-1, 1, (2, h, w, 1)).astype("float32"))
        assert sr.shape == (2, h * scale, w * scale, 1)


def test_parameters_are_those_of_the_papers_networks():
    # Ledig et al., figure 4, layer by layer; BN counts its moving statistics too.
    head = 9 * 9 * 3 * 64 + 64 + 64
    block = 2 * (9 * 64 * 64 + 64) + 64 + 2 * 4 * 64
    trunk = 9 * 64 * 64 + 64 + 4 * 64
    upsample = 2 * (9 * 64 * 256 + 256 + 64)
    tail = 9 * 9 * 64 * 3 + 3
    assert srresnet(channels=3).count_params() == head + 16 * block + trunk + upsample + tail
    widths = [3, 64, 64, 128, 128, 256, 256, 512, 512]
    convs = sum(9 * a * b + b for a, b in itertools.pairwise(widths)) + 4 * sum(widths[2:])
    dense = 6 * 6 * 512 * 1024 + 1024 + 1024 + 1
    assert strided_discriminator(channels=3).count_params() == convs + dense


def test_generator_with_bicubic_skip_starts_as_bicubic(rng):
    lr = rng.uniform(-1, 1, (1, 9, 8, 1)).astype("float32")
    sr = np.asarray(srresnet(filters=4, blocks=1, norm="none", skip="bicubic")(lr))
    np.testing.assert_allclose(sr[0], resize(lr[0], 4), atol=1e-5)


@pytest.mark.parametrize("patch", [32, 40, 96, 100])
def test_discriminator_takes_the_patch_size_it_was_built_for(patch):
    discriminator = strided_discriminator(patch=patch, filters=4, dense=8)
    real = np.asarray(discriminator(np.zeros((3, patch, patch, 1), "float32")))
    assert real.shape == (3, 1) and ((real > 0) & (real < 1)).all()
    strides = [layer.strides[0] for layer in discriminator.layers if isinstance(layer, keras.layers.Conv2D)]
    assert strides == [1, 2, 1, 2, 1, 2, 1, 2]
    norms = [layer.name for layer in discriminator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms == [f"bn{i}" for i in range(2, 9)]


@pytest.mark.parametrize("name", RECIPES)
def test_names_of_what_is_stored_do_not_tell_what_was_built_before(name):
    """`load_weights` finds layers by their names, and Keras numbers those that have none of their own."""
    recipe = RECIPES[name].replace(filters=8, blocks=1, patch=32, discriminator_filters=4, discriminator_dense=8)
    for build in [build_generator] + [build_discriminator] * (recipe.discriminator != "none"):
        first, second = ([weight.path for weight in build(recipe).weights] for _ in range(2))
        assert first == second and len(set(first)) == len(first)


@pytest.mark.parametrize("name", RECIPES)
def test_networks_of_every_recipe_survive_saving_in_safe_mode(name, tmp_path, rng):
    recipe = RECIPES[name].replace(filters=8, blocks=1, patch=32, discriminator_filters=4, discriminator_dense=8)
    builds = [(build_generator, 8)] + [(build_discriminator, 32)] * (recipe.discriminator != "none")
    for build, side in builds:
        model = build(recipe)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        x = rng.uniform(-1, 1, (1, side, side, recipe.channels)).astype("float32")
        np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(loaded(x)))


@pytest.mark.parametrize(
    "changes,message",
    [({"generator": "nope"}, "generator"), ({"norm": "nope"}, "norm"), ({"scale": 5}, "scale")],
)
def test_unknown_choices_name_the_known_ones(changes, message):
    with pytest.raises(ValueError, match=f"{message}.*choose one of"):
        Recipe().replace(**changes)


def test_builders_refuse_what_they_can_not_build():
    for wrong in ({"scale": 5}, {"skip": "nope"}, {"norm": "nope"}):
        with pytest.raises(ValueError, match="choose"):
            srresnet(**wrong)
