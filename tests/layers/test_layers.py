import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_srgan.layers import BicubicUpsampling2D, LocalDetail, SubpixelConv2D
from keras_srgan.layers.upsampling import ICNR
from keras_srgan.resampling import resize


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_subpixel_conv_equals_a_numpy_reference(scale, rng):
    x = rng.normal(size=(2, 5, 7, 3)).astype("float32")
    layer = SubpixelConv2D(4, scale=scale)
    y = np.asarray(layer(x))
    kernel, bias = (np.asarray(v) for v in layer.weights)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for n, i, j in ((0, 0, 0), (1, 4, 6), (0, 2, 3)):
        features = np.einsum("yxc,yxcf->f", padded[n, i : i + 3, j : j + 3], kernel) + bias
        block = features.reshape(scale, scale, 4)
        np.testing.assert_allclose(y[n, i * scale : (i + 1) * scale, j * scale : (j + 1) * scale], block, atol=1e-5)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_subpixel_conv_starts_without_checkerboard(scale, rng):
    x = rng.normal(size=(1, 6, 6, 8)).astype("float32")
    y = np.asarray(SubpixelConv2D(5, scale=scale)(x))
    nearest = y[:, ::scale, ::scale].repeat(scale, 1).repeat(scale, 2)
    np.testing.assert_allclose(y, nearest, atol=1e-6)
    assert y.std() > 0.1


def test_plain_initialisation_does_show_checkerboard(rng):
    layer = SubpixelConv2D(5)
    layer.build((None, 6, 6, 8))
    layer.conv.kernel.assign(rng.normal(size=layer.conv.kernel.shape))
    y = np.asarray(layer(rng.normal(size=(1, 6, 6, 8)).astype("float32")))
    assert np.abs(y - y[:, ::2, ::2].repeat(2, 1).repeat(2, 2)).max() > 0.1


def test_icnr_refuses_filters_that_do_not_divide():
    with pytest.raises(ValueError, match="multiple of"):
        ICNR(2)((3, 3, 4, 6))


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_bicubic_layer_equals_the_resize_matrix(scale, channels, rng):
    x = rng.uniform(-1, 1, size=(2, 9, 6, channels)).astype("float32")
    y = np.asarray(BicubicUpsampling2D(scale)(x))
    expected = np.stack([resize(each, scale) for each in x])
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("window", [3, 9])
@pytest.mark.parametrize("height,width", [(1, 1), (2, 5), (8, 10), (9, 9), (31, 40)])
def test_local_detail_is_the_difference_from_the_mean_inside_the_image(window, height, width, rng):
    x = rng.uniform(-1, 1, (2, height, width, 3)).astype("float32")
    expected = x - np.asarray(keras.ops.average_pool(x, window, strides=1, padding="same"))
    layer = LocalDetail(window, gain=1.0)
    np.testing.assert_allclose(np.asarray(layer(x)), expected, atol=1e-6)
    any_size = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))])
    np.testing.assert_allclose(np.asarray(any_size(x)), expected, atol=1e-6)


@pytest.mark.parametrize("layer", [SubpixelConv2D(4, scale=3, kernel_size=5), BicubicUpsampling2D(2)])
def test_layers_survive_config_and_safe_loading(layer, tmp_path, rng):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    x = rng.normal(size=(1, 7, 5, 2)).astype("float32")
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(loaded(x)))
    assert model.output_shape == (None, None, None, model(x).shape[-1])


def test_layers_compute_the_shape_that_they_give(rng):
    x = np.zeros((1, 5, 6, 2), "float32")
    for layer in (SubpixelConv2D(4, scale=3), BicubicUpsampling2D(4)):
        assert layer.compute_output_shape(x.shape) == tuple(layer(x).shape)
