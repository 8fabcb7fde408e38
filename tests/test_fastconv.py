import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_srgan.fastconv import FastConv2D, conv2d, fast_convolutions, narrow_conv, winograd_conv3x3

SHAPES = [
    (3, 32, 48, (12, 12)),
    (3, 64, 64, (24, 24)),
    (3, 40, 32, (13, 17)),
    (9, 64, 1, (20, 24)),
    (5, 16, 1, (11, 9)),
]


@pytest.mark.parametrize("size,inputs,outputs,shape", SHAPES)
def test_output_and_both_gradients_equal_the_plain_convolutions(size, inputs, outputs, shape, rng):
    x = tf.Variable(rng.normal(size=(2, *shape, inputs)).astype("float32"))
    kernel = tf.Variable(rng.normal(size=(size, size, inputs, outputs)).astype("float32") / size)
    weight = rng.normal(size=(2, *shape, outputs)).astype("float32")

    @tf.function(jit_compile=True)
    def run(fast):
        with tf.GradientTape() as tape:
            y = conv2d(x, kernel) if fast else keras.ops.conv(x, kernel, padding="same")
            loss = tf.reduce_sum(y * weight)
        return (y, *tape.gradient(loss, [x, kernel]))

    for got, expected in zip(run(True), run(False), strict=True):
        expected = expected.numpy()
        assert np.abs(got.numpy() - expected).max() < 5e-5 * np.abs(expected).max()


def test_the_fast_forms_are_the_ones_taken(rng, monkeypatch):
    taken = []
    for form in (winograd_conv3x3, narrow_conv):
        name = form.__name__ if hasattr(form, "__name__") else str(form)
        monkeypatch.setattr(f"keras_srgan.fastconv.{name}", lambda x, k, name=name: taken.append(name))
    for size, inputs, outputs, shape in SHAPES:
        x = rng.normal(size=(1, *shape, inputs)).astype("float32")
        conv2d(x, np.zeros((size, size, inputs, outputs), "float32"))
    assert taken == ["winograd_conv3x3"] * 3 + ["narrow_conv"] * 2


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
