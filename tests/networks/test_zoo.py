"""What holds for every network that is registered, and the details of each paper."""

import inspect

import keras
import numpy as np
import pytest

from keras_srgan import losses
from keras_srgan.networks import GENERATORS, build_generator
from keras_srgan.networks.discriminators.patchgan import patch_discriminator
from keras_srgan.networks.generators.drcn import drcn
from keras_srgan.networks.generators.edsr import edsr
from keras_srgan.networks.generators.espcn import espcn
from keras_srgan.networks.generators.fsrcnn import fsrcnn
from keras_srgan.networks.generators.recursive import recursive
from keras_srgan.networks.generators.rrdb import rrdb
from keras_srgan.networks.generators.srcnn import srcnn
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.networks.generators.unet import unet
from keras_srgan.networks.generators.vdsr import vdsr
from keras_srgan.networks.graph.cost import forward_cost
from keras_srgan.networks.graph.receptive_field import alignment, receptive_radius, sees_whole_image
from keras_srgan.recipes import RECIPES
from keras_srgan.recipes.recipe import GENERATORS as NAMES
from keras_srgan.resampling import resize
from keras_srgan.srgan import SRGAN, SRResNetTrainer


def small(name, **options):
    options = dict(scale=4, channels=1, filters=8, blocks=2, growth=4) | options
    taken = inspect.signature(GENERATORS[name]).parameters
    return GENERATORS[name](**{key: value for key, value in options.items() if key in taken})


def stirred(model, rng):
    """Every weight away from its start, so that no zero hides a path."""
    for v in model.trainable_variables:
        v.assign(np.asarray(v) + rng.normal(size=v.shape) * 0.1)
    return model


def test_recipes_can_name_every_generator():
    assert set(NAMES) == set(GENERATORS)
    assert {recipe.generator for recipe in RECIPES.values()} == set(GENERATORS)


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_any_scale_and_any_size(name, scale, rng):
    for channels, (h, w) in ((1, (6, 9)), (3, (7, 5))):
        sr = small(name, scale=scale, channels=channels)(rng.uniform(-1, 1, (2, h, w, channels)).astype("float32"))
        assert sr.shape == (2, h * scale, w * scale, channels)
        assert keras.backend.standardize_dtype(sr.dtype) == "float32"


@pytest.mark.parametrize("name", GENERATORS)
def test_a_saved_network_loads_in_safe_mode_and_is_the_same(name, tmp_path, rng):
    model = stirred(small(name), rng)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    x = rng.uniform(-1, 1, (1, 7, 6, 1)).astype("float32")
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(loaded(x)))


@pytest.mark.parametrize("name", GENERATORS)
def test_the_loss_reaches_every_weight_and_a_step_lowers_it(name, rng):
    keras.utils.set_random_seed(0)
    trainer = SRResNetTrainer(stirred(small(name), rng))
    trainer.compile(keras.optimizers.Adam(1e-4), jit_compile=False)
    hr = rng.uniform(-0.5, 0.5, (2, 32, 32, 1)).astype("float32")
    lr = hr.reshape(2, 8, 4, 8, 4, 1).mean(axis=(2, 4))
    variables = trainer.generator.trainable_variables
    before = [np.array(v) for v in variables]
    losses_seen = trainer.fit(lr, hr, batch_size=2, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert losses_seen[1] < losses_seen[0]
    # A bias before BN has no effect, by design.
    normed = any(isinstance(layer, keras.layers.BatchNormalization) for layer in trainer.generator.layers)
    still = [v.path for v, old in zip(variables, before, strict=True) if np.array_equal(np.array(v), old)]
    assert [path for path in still if not (normed and "bias" in path)] == []


LOOKS = [(name, {"scale": scale}) for name in GENERATORS for scale in (2, 3, 4)] + [
    *((name, {"skip": "bicubic"}) for name in GENERATORS if "skip" in inspect.signature(GENERATORS[name]).parameters),
    *(("srresnet", {"norm": norm}) for norm in ("instance", "batch-instance")),
    *(("recursive", {"cascades": "2-3-4", "scale": scale}) for scale in (2, 3, 4)),
    ("unet", {"upsampling": "bilinear"}),
]


@pytest.mark.parametrize("name,options", LOOKS, ids=str)
def test_the_computed_receptive_field_is_the_measured_one(name, options, rng):
    model = small(name, filters=3, blocks=1, growth=2, **options)
    for v in model.trainable_variables:  # positive, without biases: a path neither cancels out nor dies in a ReLU
        v.assign(rng.uniform(0.5, 1, v.shape) / np.prod(v.shape[:-1]) if "kernel" in v.path else np.array(v))
    radius, period, scale = receptive_radius(model), alignment(model), options.get("scale", 4)
    whole = sees_whole_image(model)
    size = 2 * radius + 16
    places = [size // 2 + i for i in range(period)] * 2
    for shape in ((1, size, 8, 1), (1, 8, size, 1)):
        along = shape.index(size)
        # Zeros give zeros, so that no rounding hides how far one pixel reaches, brighter or darker.
        lr = rng.uniform(0.5, 1, (2 * period, *shape[1:])).astype("float32") * whole
        changed = lr.copy()
        for i, place in enumerate(places):
            changed[i, place if along == 1 else 4, place if along == 2 else 4] += 1 if i < period else -1
        moved = np.asarray(model(changed)) != np.asarray(model(lr))
        if whole:
            assert moved[:, [0, 0, -1, -1], [0, -1, 0, -1]].all()
        else:
            lines = [np.flatnonzero(each) // scale for each in moved.any(axis=(3 - along, 3))]
            assert max(max(p - line[0], line[-1] - p) for p, line in zip(places, lines, strict=True)) == radius


def test_parameters_are_the_published_ones():
    def kernels(model):
        return sum(int(np.prod(v.shape)) for v in model.trainable_variables if len(v.shape) == 4)

    assert kernels(srcnn()) == 57_184  # Dong et al., TPAMI 2016, table 1: 9-5-5
    assert kernels(fsrcnn()) == 12_464  # Dong et al., ECCV 2016, table 1
    assert kernels(vdsr()) == 664_704  # "665K"
    assert drcn().count_params() == 1_775_121  # "1,775K"
    assert edsr().count_params() == 1_517_571  # "1.5M", colour x4
    assert rrdb().count_params() == 16_697_987  # "16.7M", colour x4
    assert kernels(espcn(scale=3)) == 25 * 64 + 9 * 64 * 32 + 9 * 32 * 9  # Shi et al., section 3.3.1


def test_arithmetic_counts_every_call_and_both_kinds_of_convolution():
    recursion = 2 * 9 * 256 * 256 * 96 * 96  # what one more application costs, and its reconstruction
    extra = forward_cost(drcn(blocks=3), (24, 24, 1))[0] - forward_cost(drcn(blocks=2), (24, 24, 1))[0]
    assert extra == 2 * recursion + 2 * 9 * 256 * 96 * 96
    layers = [25 * 56, 56 * 12, *[9 * 12 * 12] * 4, 12 * 56, 81 * 56]  # FSRCNN works at LR's size throughout
    assert forward_cost(fsrcnn(), (10, 7, 1))[0] == 2 * sum(layers) * 70


def test_the_laptops_generator_costs_a_fifth_and_starts_as_bicubic(rng):
    fast, large = (build_generator(RECIPES[name]) for name in ("xray-fast", "xray-srgan"))
    assert 5 * forward_cost(fast, (32, 32, 1))[0] < forward_cost(large, (32, 32, 1))[0]
    lr = rng.uniform(-1, 1, (1, 7, 9, 1)).astype("float32")
    np.testing.assert_allclose(fast(lr)[0], resize(lr[0], 4), atol=1e-6)


def test_drcn_applies_one_convolution_many_times_and_learns_the_weights_of_their_sum(rng):
    few, many = drcn(filters=4, blocks=2), drcn(filters=4, blocks=5)
    assert many.count_params() - few.count_params() == 3
    lr = rng.uniform(-1, 1, (1, 5, 6, 1)).astype("float32")
    each = keras.Model(many.input, [many.get_layer(f"supervised{i}").output for i in range(1, 6)])(lr)
    np.testing.assert_allclose(np.asarray(many(lr)), np.mean([np.asarray(y) for y in each], axis=0), atol=1e-6)


def test_recursion_shares_its_kernels_and_starts_as_bicubic(rng):
    few, many = recursive(filters=4, blocks=1), recursive(filters=4, blocks=3)
    slopes = 2 * 2 * 2 * 4  # two cascades, two more applications, two PReLUs of four slopes
    assert many.count_params() - few.count_params() == slopes
    assert not any("bn" in layer.name for layer in many.layers)
    lr = rng.uniform(-1, 1, (1, 6, 7, 1)).astype("float32")
    np.testing.assert_allclose(np.asarray(many(lr))[0], resize(resize(lr[0], 2), 2), atol=1e-5)


@pytest.mark.parametrize("build,images", [(lambda: recursive(filters=4, blocks=1), 2), (lambda: drcn(1, 4, 4, 3), 4)])
def test_every_supervised_image_counts_at_its_size(build, images, rng):
    trainer = SRResNetTrainer(stirred(build(), rng))
    trainer.compile(keras.optimizers.Adam(1e-4), "l1", jit_compile=False)
    hr = rng.uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    outputs = [np.asarray(y) for y in trainer.images(hr[:, ::4, ::4])]
    assert len(outputs) == images
    expected = np.mean([np.abs(resize(hr[0], y.shape[1] / 32) - y[0]).mean() for y in outputs])
    assert abs(float(trainer.content(hr, outputs)) - expected) < 1e-5


def test_total_variation_equals_a_reference_and_is_part_of_both_stages(rng):
    x = rng.uniform(-1, 1, (2, 9, 7, 1)).astype("float32")
    expected = np.abs(np.diff(x, axis=1)).mean() + np.abs(np.diff(x, axis=2)).mean()
    assert abs(float(losses.total_variation(x)) - expected) < 1e-6
    hr = rng.uniform(-1, 1, (2, 32, 32, 1)).astype("float32")
    for weight in (0.0, 0.5):
        keras.utils.set_random_seed(1)
        generator = stirred(srresnet(filters=4, blocks=1, norm="none"), np.random.default_rng(2))
        sr = np.asarray(generator(hr[:, ::4, ::4]))
        terms = np.square(hr - sr).mean() + weight * float(losses.total_variation(sr))
        trainer = SRResNetTrainer(generator)
        trainer.compile(keras.optimizers.Adam(1e-4), tv_weight=weight, jit_compile=False)
        assert abs(trainer.fit(hr[:, ::4, ::4], hr, verbose=0).history["loss"][0] - terms) < 1e-5
        gan = SRGAN(generator, patch_discriminator(patch=32, filters=4))
        gan.compile(*(keras.optimizers.Adam(1e-4) for _ in range(2)), tv_weight=weight, jit_compile=False)
        sr = np.asarray(generator(hr[:, ::4, ::4]))
        logs = gan.fit(hr[:, ::4, ::4], hr, verbose=0).history
        expected = logs["content"][0] + 1e-3 * logs["adversarial"][0] + weight * float(losses.total_variation(sr))
        assert abs(logs["loss"][0] - expected) < 1e-5


def test_relativistic_losses_equal_a_reference(rng):
    real, fake = rng.normal(size=(2, 6, 1)).astype("float32") * 3

    def minus_log(p):
        return -np.log(p).mean()

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    d_real, d_fake = sigmoid(real - fake.mean()), sigmoid(fake - real.mean())
    d, g = losses.relativistic_discriminator_loss(real, fake), losses.relativistic_adversarial_loss(real, fake)
    assert abs(float(d) - (minus_log(d_real) + minus_log(1 - d_fake))) < 1e-5
    assert abs(float(g) - (minus_log(1 - d_real) + minus_log(d_fake))) < 1e-5


def test_relativistic_training_steps(rng):
    gan = SRGAN(srresnet(filters=4, blocks=1), patch_discriminator(patch=32, filters=4))
    gan.compile(*(keras.optimizers.Adam(1e-3) for _ in range(2)), adversarial="relativistic", jit_compile=False)
    hr = rng.uniform(-1, 1, (4, 32, 32, 1)).astype("float32")
    logs = gan.fit(hr[:, ::4, ::4], hr, batch_size=4, verbose=0).history
    assert np.isfinite(logs["adversarial"][0]) and logs["adversarial"][0] > 0


def test_the_covid_generator_normalises_instances_after_the_trunk_only(rng):
    generator = build_generator(RECIPES["covid-srgan8"].replace(filters=4))
    norms = [layer for layer in generator.layers if "Normalization" in type(layer).__name__]
    assert [type(layer).__name__ for layer in norms] == ["BatchNormalization"] * 16 + ["GroupNormalization"]
    x = rng.normal(size=(2, 9, 8, 4)).astype("float32") * 3 + 1
    y = np.asarray(norms[-1](x))
    mean, variance = x.mean(axis=(1, 2), keepdims=True), x.var(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + norms[-1].epsilon), atol=1e-4)


@pytest.mark.parametrize("upsampling", ["transpose", "bilinear"])
def test_unet_enlarges_as_asked_and_takes_pairs_of_equal_size(upsampling, rng):
    model = unet(scale=1, filters=4, upsampling=upsampling)
    assert model(rng.uniform(-1, 1, (1, 33, 18, 1)).astype("float32")).shape == (1, 33, 18, 1)
    transposed = sum(isinstance(layer, keras.layers.Conv2DTranspose) for layer in model.layers)
    assert transposed == (4 if upsampling == "transpose" else 0)
    with pytest.raises(ValueError, match="choose 'transpose' or 'bilinear'"):
        unet(upsampling="nope")
