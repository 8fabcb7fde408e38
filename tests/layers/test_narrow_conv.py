import keras
import numpy as np
import pytest

from keras_srgan.layers import FastConv2D, NarrowConv2D


@pytest.mark.parametrize("size,inputs,filters,shape", [(9, 64, 1, (20, 24)), (5, 16, 3, (11, 9)), (3, 4, 1, (1, 2))])
def test_output_and_gradients_equal_conv2ds(size, inputs, filters, shape, rng):
    import tensorflow as tf

    x = tf.Variable(rng.normal(size=(2, *shape, inputs)).astype("float32"))
    weight = rng.normal(size=(2, *shape, filters)).astype("float32")
    narrow, plain = (kind(filters, size, padding="same") for kind in (NarrowConv2D, keras.layers.Conv2D))
    for layer in (narrow, plain):
        layer.build(x.shape)
    plain.set_weights(narrow.get_weights())

    def run(layer):
        with tf.GradientTape() as tape:
            y = layer(x)
            loss = tf.reduce_sum(y * weight)
        return [y, *tape.gradient(loss, [x, layer.kernel, layer.bias])]

    for got, expected in zip(run(narrow), run(plain), strict=True):
        assert np.abs(got.numpy() - expected.numpy()).max() < 5e-5 * np.abs(expected.numpy()).max()


@pytest.mark.parametrize(
    "options", [{"strides": 2}, {"dilation_rate": 2}, {"groups": 2}, {"padding": "valid"}, {"kernel_size": 4}]
)
def test_other_convolutions_are_conv2ds(options, rng):
    x = rng.normal(size=(1, 16, 16, 4)).astype("float32")
    options = {"filters": 2, "kernel_size": 5, "padding": "same"} | options
    narrow, plain = NarrowConv2D(**options), keras.layers.Conv2D(**options)
    narrow.build(x.shape), plain.build(x.shape)
    plain.set_weights(narrow.get_weights())
    np.testing.assert_array_equal(np.asarray(narrow(x)), np.asarray(plain(x)))


def test_a_model_that_an_earlier_version_saved_still_loads(tmp_path, rng):
    image = keras.Input((None, None, 1))
    model = keras.Model(image, FastConv2D(3, 3, padding="same")(image))
    model.save(tmp_path / "old.keras")
    x = rng.normal(size=(1, 8, 8, 1)).astype("float32")
    loaded = keras.models.load_model(tmp_path / "old.keras", safe_mode=True)
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(model(x)))
