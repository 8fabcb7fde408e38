import keras
import numpy as np
import pytest

from keras_srgan.layers import EvenPhases
from keras_srgan.metrics import grid
from keras_srgan.networks import build_generator
from keras_srgan.networks.graph.receptive_field import receptive_radius
from keras_srgan.recipes import Recipe, find_recipe


def blocks(x, s):
    n, h, w, c = x.shape
    return x.reshape(n, h // s, s, w // s, s, c).transpose(0, 1, 3, 2, 4, 5)


@pytest.mark.parametrize("scale", (2, 3, 4))
def test_it_equals_a_numpy_reference(scale, rng):
    x = rng.normal(size=(2, 5 * scale, 7 * scale, 3)).astype("float32")
    y = np.asarray(EvenPhases(scale, window=3, limit=0.7)(x))
    places = blocks(x, scale)
    apart = np.clip(places - places.mean((3, 4), keepdims=True), -0.7, 0.7)
    for i, j in ((0, 0), (2, 3), (4, 6)):
        mean = apart[:, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].mean((1, 2))
        np.testing.assert_allclose(blocks(y, scale)[:, i, j], places[:, i, j] - mean, atol=1e-5)


def test_a_pattern_goes_and_an_edge_leaves_none_around_it(rng):
    x = rng.normal(size=(1, 256, 256, 1)).astype("float32") * 0.004
    x[:, 129:132, 100:200] += 0.8
    spoilt = x.copy()
    spoilt[:, ::4, ::4] += 0.01
    limited, unlimited = (np.asarray(EvenPhases(4, limit=limit)(spoilt)) for limit in (4 / 255, 9.0))
    before, after = (grid((each + 1) / 2)[0] for each in (spoilt, limited))
    assert before > 5 * after and after < 1.1 * grid((x + 1) / 2)[0]
    beside = (slice(None), slice(136, 150), slice(120, 180))
    assert np.abs(limited - x)[beside].max() < 0.005 < 0.02 < np.abs(unlimited - x)[beside].max()


@pytest.mark.parametrize("generator", ("srresnet", "compact", "span"))
def test_generators_take_it_and_their_weights_without_it(generator, rng):
    recipe = Recipe().replace(generator=generator, filters=8, blocks=2, norm="none", skip="bicubic")
    plain, even = build_generator(recipe), build_generator(recipe.replace(even_phases=True))
    values = [rng.normal(size=each.shape) * 0.05 for each in plain.get_weights()]
    plain.set_weights(values)
    even.set_weights(values)
    assert receptive_radius(even) == receptive_radius(plain) + 4
    lr = rng.uniform(-1, 1, (1, 40, 44, 1)).astype("float32")
    changed = np.asarray(even(lr)) - np.asarray(plain(lr))
    assert 1e-5 < np.abs(changed).max() <= 4 / 255 + 1e-6


def test_gradients_pass_and_a_pattern_has_none():
    layer = EvenPhases(4, window=17, limit=1.0)
    dense = keras.layers.Dense(16, use_bias=True, kernel_initializer="zeros")
    lr = keras.Input((8, 8, 1))
    x = keras.layers.Reshape((8, 8, 4, 4))(dense(lr))
    x = keras.layers.Reshape((32, 32, 1))(keras.layers.Permute((1, 3, 2, 4))(x))
    model = keras.Model(lr, layer(x))
    model.compile(keras.optimizers.SGD(10.0), "mse")
    hr = np.zeros((1, 32, 32, 1), "float32")
    hr[:, ::4, ::4] = 0.1
    model.fit(np.ones((1, 8, 8, 1), "float32"), hr, verbose=0)
    moved = np.asarray(dense.bias)
    assert np.abs(moved).max() > 1e-3  # the mean, towards HR's
    np.testing.assert_allclose(moved, moved.mean(), atol=1e-5)


def test_where_it_has_no_place():
    for changes in ({"skip": "none"}, {"generator": "unet"}):
        with pytest.raises(ValueError, match="even_phases: with skip = 'bicubic' and a generator of srresnet, compact"):
            find_recipe("xray-srgan-plus").replace(even_phases=True, **changes)
