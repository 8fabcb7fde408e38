"""What the five papers' own forms have that the others have not, as options that their recipes set."""

import inspect

import keras
import numpy as np
import pytest

from keras_srgan.networks import GENERATORS, build_discriminator, build_generator
from keras_srgan.networks.discriminators.patchgan import patch_discriminator
from keras_srgan.networks.discriminators.strided import strided_discriminator
from keras_srgan.networks.generators.recursive import recursive
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.networks.generators.unet import unet
from keras_srgan.networks.graph.receptive_field import receptive_radius
from keras_srgan.recipes import RECIPES
from keras_srgan.resampling import resize


def kinds(model):
    return [type(layer).__name__.replace("FastConv2D", "Conv2D") for layer in model.layers]


def test_the_covid_generator_begins_with_3x3():
    generator = build_generator(RECIPES["covid-srgan8"].replace(filters=4))
    assert generator.get_layer("head").kernel_size == (3, 3)
    assert srresnet(filters=4, blocks=1).get_layer("head").kernel_size == (9, 9)
    with pytest.raises(ValueError, match="first_kernel = 4: choose one of 3, 5, 7, 9"):
        RECIPES["covid-srgan8"].replace(first_kernel=4)


def test_the_discriminator_of_xray_srgan_is_conv_leaky_bn_and_one_dense():
    model = build_discriminator(RECIPES["xray-srgan"].replace(patch=32, discriminator_filters=4))
    found = kinds(model)
    assert found.count("Dense") == 1 and found.count("BatchNormalization") == 7
    for i, kind in enumerate(found):
        if kind == "BatchNormalization":
            assert found[i - 2 : i] == ["Conv2D", "LeakyReLU"]
    plain = kinds(strided_discriminator(patch=32, filters=4))
    assert plain[plain.index("BatchNormalization") - 1] == "Conv2D" and plain.count("Dense") == 2
    with pytest.raises(ValueError, match="choose 'bn-leaky' or 'leaky-bn'"):
        strided_discriminator(order="bn")


def test_the_patchgan_of_recursive_gan_has_stride_2_and_pools(rng):
    recipe = RECIPES["recursive-gan"].replace(discriminator_filters=4)
    model = build_discriminator(recipe)
    convs = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.strides[0] for layer in convs] == [2, 2, 1, 1, 1, 1]
    assert kinds(model).count("MaxPooling2D") == 1
    assert model.output_shape == patch_discriminator(patch=96, filters=4).output_shape == (None, 12, 12, 1)
    # 75 px: what lies farther from the middle of an output's field does not change it.
    judge = keras.Model(model.input, model.get_layer("logits").output)
    image = rng.uniform(-1, 1, (1, 96, 96, 1)).astype("float32")
    middle = np.asarray(judge(image, training=False))[0, 6, 6, 0]
    reach = []
    for place in range(96):
        changed = image.copy()
        changed[0, place] += rng.normal(size=(96, 1)) * 5
        if np.asarray(judge(changed, training=False))[0, 6, 6, 0] != middle:
            reach.append(place)
    assert 60 <= max(reach) - min(reach) + 1 <= 75
    with pytest.raises(ValueError, match="choose 'pool' or 'stride-pool'"):
        patch_discriminator(reduction="stride")


def test_recursive_gan_makes_x2_x3_and_x4_and_starts_as_bicubic(rng):
    model = build_generator(RECIPES["recursive-gan"].replace(filters=4, blocks=2))
    names = [layer.name for layer in model.layers]
    assert "supervised1" in names and "supervised2" in names and "supervised3" not in names
    lr = rng.uniform(-1, 1, (1, 6, 7, 1)).astype("float32")
    images = keras.Model(model.input, [model.get_layer(name).output for name in ("supervised1", "supervised2", "sr")])
    for factor, image in zip((2, 3, 4), images(lr), strict=True):
        np.testing.assert_allclose(np.asarray(image)[0], resize(lr[0], factor), atol=1e-5)
    assert not any("bn" in name for name in names)
    few, many = (recursive(filters=4, blocks=n, cascades="2-3-4").count_params() for n in (1, 3))
    assert many - few == 3 * 2 * 2 * 4  # three cascades, two more applications, two PReLUs of four slopes
    with pytest.raises(ValueError, match="choose '2-4', or '2-3-4' up to scale 4"):
        recursive(scale=8, cascades="2-3-4")


@pytest.mark.parametrize("scale", [2, 3])
def test_every_whole_factor_up_to_a_smaller_scale(scale, rng):
    model = recursive(filters=4, blocks=1, scale=scale, cascades="2-3-4")
    assert model(rng.uniform(-1, 1, (1, 5, 6, 1)).astype("float32")).shape == (1, 5 * scale, 6 * scale, 1)
    assert sum(layer.name.startswith("supervised") for layer in model.layers) == scale - 2


@pytest.mark.parametrize(
    "name", [n for n, build in GENERATORS.items() if "skip" in inspect.signature(build).parameters]
)
def test_with_the_long_skip_a_generator_starts_at_the_bicubic_image(name, rng):
    options = (
        {"filters": 8, "blocks": 2} if "blocks" in inspect.signature(GENERATORS[name]).parameters else {"filters": 4}
    )
    lr = rng.uniform(-1, 1, (1, 9, 14, 1)).astype("float32")
    sr = np.asarray(GENERATORS[name](skip="bicubic", channels=1, **options)(lr))
    np.testing.assert_allclose(sr[0], resize(lr[0], 4), atol=1e-5)


def test_unet_on_pairs_of_equal_size_starts_as_its_input(rng):
    lr = rng.uniform(-1, 1, (1, 33, 18, 1)).astype("float32")
    np.testing.assert_array_equal(np.asarray(unet(scale=1, filters=4, skip="bicubic")(lr)), lr)


@pytest.mark.parametrize("build", [srresnet, unet])
def test_the_momentum_of_bn_is_the_recipes(build):
    model = build(filters=4, bn_momentum=0.7)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms and {layer.momentum for layer in norms} == {0.7}
    with pytest.raises(ValueError, match="bn_momentum = 1.0: must be in"):
        RECIPES["srgan"].replace(bn_momentum=1.0)


def test_the_field_of_three_cascades_is_computed():
    assert receptive_radius(recursive(filters=4, blocks=2, cascades="2-3-4")) > 10
