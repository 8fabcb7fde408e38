import keras
import numpy as np
import pytest

from keras_srgan.backend.settings import keras_settings
from keras_srgan.layers import SpectralConv2D


def trained(layer, passes, rng):
    x = rng.normal(size=(1, 9, 9, 3)).astype("float32")
    for _ in range(passes):
        layer(x, training=True)
    return x


def divided(layer):
    """The kernel that the layer convolves with, found from its answers to single pixels."""
    size, channels = layer.kernel_size[0], layer.kernel.shape[-2]
    images = np.zeros((channels, 2 * size - 1, 2 * size - 1, channels), "float32")
    images[range(channels), size - 1, size - 1, range(channels)] = 1
    answers = np.asarray(layer(images, training=False), "float32")
    middle = answers[:, size // 2 : size // 2 + size, size // 2 : size // 2 + size]
    return middle[:, ::-1, ::-1].transpose(1, 2, 0, 3)


def test_the_largest_singular_value_is_one(rng):
    layer = SpectralConv2D(8, 3, padding="same", use_bias=False, kernel_initializer="he_normal")
    trained(layer, 200, rng)
    kernel = np.asarray(layer.kernel)
    norm = np.linalg.svd(kernel.reshape(-1, 8), compute_uv=False)[0]
    assert abs(norm - 1) > 0.05
    np.testing.assert_allclose(divided(layer), kernel / norm, atol=1e-4)


def test_only_training_moves_the_direction_and_nothing_moves_the_kernel(rng):
    layer = SpectralConv2D(8, 3, padding="same")
    x = trained(layer, 0, rng)
    layer.build(x.shape)
    layer.bias.assign(rng.normal(size=8))
    before = [np.asarray(value) for value in layer.weights]
    first = np.asarray(layer(x, training=False))
    np.testing.assert_array_equal(first, np.asarray(layer(x, training=False)))
    layer(x, training=True)
    moved = [not np.array_equal(a, np.asarray(b)) for a, b in zip(before, layer.weights, strict=True)]
    assert [value.name for value, each in zip(layer.weights, moved, strict=True) if each] == ["direction"]
    assert not np.array_equal(first, np.asarray(layer(x, training=False)))
    np.testing.assert_allclose(first.mean((0, 1, 2)), before[1], atol=1)


def test_the_division_belongs_to_the_gradient(rng):
    # A kernel twice as large is the same layer: the gradient has no part along the kernel.
    layer = SpectralConv2D(4, 3, padding="same", use_bias=False)
    x = trained(layer, 50, rng)
    model = keras.Sequential([keras.Input((9, 9, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    kernel = np.asarray(layer.kernel)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(x, np.ones((1, 1)), verbose=0)
    step = np.asarray(layer.kernel) - kernel
    assert np.abs(step).max() > 1e-4
    assert abs((step * kernel).sum()) < 1e-3 * np.linalg.norm(step) * np.linalg.norm(kernel)


@pytest.mark.parametrize("policy", ("mixed_bfloat16", "mixed_float16"))
def test_the_power_iteration_is_float32_in_half_precision(policy, rng):
    with keras_settings(policy):
        layer = SpectralConv2D(8, 3, padding="same", name="conv")
    full = SpectralConv2D(8, 3, padding="same", dtype="float32")
    x = trained(layer, 0, rng)
    for each in (layer, full):
        each.build(x.shape)
    full.set_weights(layer.get_weights())
    for _ in range(5):
        half, exact = layer(x, training=True), full(x, training=True)
    assert keras.backend.standardize_dtype(half.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(np.asarray(layer.direction), np.asarray(full.direction))
    np.testing.assert_allclose(np.asarray(keras.ops.cast(half, "float32")), np.asarray(exact), atol=0.05)


def test_a_saved_layer_is_the_same(rng, tmp_path):
    model = keras.Sequential([keras.Input((9, 9, 3)), SpectralConv2D(4, 4, strides=2, padding="same")])
    x = trained(model.layers[0], 3, rng)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))
