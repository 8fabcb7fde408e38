import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_srgan.layers import FastConv2D
from keras_srgan.layers.winograd import FastMaxPooling2D, conv2d, fast_convolutions

SHAPES = [
    (3, 32, 48, (12, 12), 1, "winograd_conv3x3"),
    (3, 64, 64, (24, 24), 1, "winograd_conv3x3"),
    (3, 40, 32, (13, 17), 1, "winograd_conv3x3"),
    (9, 64, 1, (20, 24), 1, "narrow_conv"),
    (5, 16, 1, (11, 9), 1, "narrow_conv"),
    (3, 1, 16, (13, 9), 1, "columns_conv3x3"),
    (3, 3, 8, (6, 1), 1, "columns_conv3x3"),
    (3, 32, 8, (48, 50), 2, "columns_conv3x3_halving"),
]


@pytest.mark.parametrize("size,inputs,outputs,shape,strides,form", SHAPES)
def test_output_and_both_gradients_equal_the_plain_convolutions(size, inputs, outputs, shape, strides, form, rng):
    x = tf.Variable(rng.normal(size=(2, *shape, inputs)).astype("float32"))
    kernel = tf.Variable(rng.normal(size=(size, size, inputs, outputs)).astype("float32") / size)
    weight = rng.normal(size=(2, *(side // strides for side in shape), outputs)).astype("float32")

    @tf.function(jit_compile=True)
    def run(fast):
        with tf.GradientTape() as tape:
            y = (conv2d if fast else keras.ops.conv)(x, kernel, strides=strides, padding="same")
            loss = tf.reduce_sum(y * weight)
        return (y, *tape.gradient(loss, [x, kernel]))

    for got, expected in zip(run(True), run(False), strict=True):
        expected = expected.numpy()
        assert np.abs(got.numpy() - expected).max() < 5e-5 * np.abs(expected).max()


def test_the_fast_forms_are_the_ones_taken(rng, monkeypatch):
    taken = []
    for *_, form in SHAPES:
        monkeypatch.setattr(f"keras_srgan.layers.winograd.{form}", lambda x, k, form=form: taken.append(form))
    for size, inputs, outputs, shape, strides, _ in SHAPES:
        x = rng.normal(size=(1, *shape, inputs)).astype("float32")
        conv2d(x, np.zeros((size, size, inputs, outputs), "float32"), strides)
    assert taken == [form for *_, form in SHAPES]


@pytest.mark.parametrize("shape", [(2, 8, 6, 3), (1, 7, 9, 2), (1, 3, 2, 1)])
def test_max_pooling_and_its_gradient_equal_the_plain_ones(shape, rng):
    x = tf.Variable(rng.normal(size=shape).astype("float32"))
    layer = FastMaxPooling2D(2)

    @tf.function(jit_compile=True)
    def run(fast):
        with fast_convolutions(fast), tf.GradientTape() as tape:
            y = layer(x)
            loss = tf.reduce_sum(y**3)
        return y, tape.gradient(loss, x)

    for got, expected in zip(run(True), run(False), strict=True):
        np.testing.assert_array_equal(got.numpy(), expected.numpy())


def test_the_layer_is_conv2d_outside_and_its_equal_inside(rng):
    x = rng.normal(size=(1, 16, 16, 32)).astype("float32")
    fast, plain = FastConv2D(32, 3, padding="same"), keras.layers.Conv2D(32, 3, padding="same")
    for layer in (fast, plain):
        layer.build(x.shape)
    plain.set_weights(fast.get_weights())
    np.testing.assert_array_equal(np.asarray(fast(x)), np.asarray(plain(x)))
    with fast_convolutions():
        y = np.asarray(fast(x))
    assert 0 < np.abs(y - np.asarray(plain(x))).max() < 1e-4


@pytest.mark.parametrize("options", [{"strides": 2}, {"dilation_rate": 2}, {"groups": 2}, {"padding": "valid"}])
def test_other_convolutions_are_left_alone(options, rng):
    x = rng.normal(size=(1, 16, 16, 32)).astype("float32")
    layer = FastConv2D(32, 3, **({"padding": "same"} | options))
    plain = np.asarray(layer(x))
    with fast_convolutions():
        np.testing.assert_array_equal(np.asarray(layer(x)), plain)
