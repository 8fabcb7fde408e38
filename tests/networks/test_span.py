"""The laptop's generator: its branches are one kernel, and it costs what it is meant to."""

import keras
import numpy as np
import pytest

from keras_srgan.inference import Upscaler
from keras_srgan.layers import BranchedConv2D
from keras_srgan.networks import build_generator
from keras_srgan.networks.fusing import fuse, load_fused
from keras_srgan.networks.generators.span import span
from keras_srgan.networks.graph.cost import forward_cost
from keras_srgan.networks.graph.receptive_field import receptive_radius
from keras_srgan.recipes import find_recipe
from keras_srgan.weights import save_weights


@pytest.fixture
def branched(rng):
    """A network in its training form, every weight of every branch random, as large as after training."""
    model = span(filters=12, blocks=3, branched=True)
    for variable in model.variables:
        fan = max(1, int(np.prod(variable.shape[:-1]))) if len(variable.shape) > 1 else 16
        variable.assign(rng.normal(size=variable.shape) / fan**0.5)
    return model


def test_the_branches_sum_is_what_the_branches_do_one_after_the_other(rng):
    layer = BranchedConv2D(6)
    x = rng.normal(size=(2, 9, 7, 4)).astype("float32")
    layer.build(x.shape)
    for variable in layer.variables:
        variable.assign(rng.normal(size=variable.shape))

    def conv(x, kernel):
        return keras.ops.conv(x, kernel, padding="same", data_format="channels_last")

    long = conv(conv(conv(x, layer.expand[None, None]), layer.middle), layer.squeeze[None, None])
    expected = conv(x, layer.kernel) + long + conv(x, layer.point[None, None]) + layer.bias
    np.testing.assert_allclose(np.asarray(layer(x)), np.asarray(expected), rtol=1e-5, atol=1e-4)
    assert np.abs(np.asarray(long)).mean() > 1


def test_fused_it_is_the_same_network_of_plain_convolutions(branched, rng):
    plain = fuse(branched)
    lr = rng.uniform(-1, 1, (2, 13, 17, 1)).astype("float32")
    expected = np.asarray(branched(lr))
    np.testing.assert_allclose(np.asarray(plain(lr)), expected, atol=1e-5)
    bicubic = np.asarray(branched.get_layer("bicubic")(lr))
    assert np.abs(expected - bicubic).max() > 0.05
    assert not any(isinstance(layer, BranchedConv2D) for layer in plain.layers)
    assert plain.count_params() == span(filters=12, blocks=3).count_params() < branched.count_params() / 4
    assert fuse(plain) is plain


def test_fused_weights_go_back_into_the_branches(branched, rng, tmp_path):
    path = save_weights(fuse(branched), tmp_path / "a.weights.h5")
    plain, again = span(filters=12, blocks=3), span(filters=12, blocks=3, branched=True)
    lr = rng.uniform(-1, 1, (1, 8, 8, 1)).astype("float32")
    for network in (plain, again):
        load_fused(network, path)
    np.testing.assert_allclose(np.asarray(again(lr)), np.asarray(plain(lr)), atol=1e-5)
    before = np.asarray(branched(lr))
    assert np.abs(np.asarray(again(lr)) - before).mean() < 0.01 * np.abs(before).mean()  # kernels are kept in float16
    with pytest.raises(ValueError, match="another network"):
        load_fused(span(filters=8, blocks=3, branched=True), path)


def test_each_branch_learns_from_the_first_step_but_the_inner_ones_of_the_long(rng):
    import tensorflow as tf

    model = span(filters=8, blocks=1, skip="none", branched=True)
    with tf.GradientTape() as tape:
        loss = keras.ops.mean(keras.ops.square(model(rng.uniform(-1, 1, (1, 8, 8, 1)).astype("float32"))))
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        waits = variable.name in ("expand", "middle")  # for the squeeze behind them, which starts at zero
        assert (float(keras.ops.max(keras.ops.abs(gradient))) == 0) == waits, variable.path


def test_the_recipe_costs_at_most_20_gflop_a_megapixel():
    recipe = find_recipe("xray-fast")
    generator = build_generator(recipe)
    assert forward_cost(generator, (32, 32, 1))[0] / (128 * 128) * 1e6 <= 20e9
    assert recipe.generator == "span" and receptive_radius(generator) >= 16


def test_tiles_are_exact(rng):
    generator = span(filters=8, blocks=2)
    for variable in generator.variables:
        variable.assign(np.asarray(variable) + rng.normal(size=variable.shape) * 0.1)
    image = rng.integers(0, 65536, (40, 37), dtype="uint16")
    upscaler = Upscaler(generator, 4, 1)
    whole = upscaler.upscale(image)
    assert np.abs(whole.astype(int) - np.asarray(fuse(generator)(image[None, ..., None] * 0.0))[0, ..., 0]).max() > 1000
    np.testing.assert_allclose(upscaler.upscale(image, tile=16).astype(int), whole.astype(int), atol=1)
