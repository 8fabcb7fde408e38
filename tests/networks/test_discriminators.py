"""What each discriminator looks at, and how many parameters it has."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_srgan.layers import SpectralConv2D
from keras_srgan.networks import DISCRIMINATORS
from keras_srgan.networks.discriminators.patchgan import patch_discriminator
from keras_srgan.networks.discriminators.strided import strided_discriminator
from keras_srgan.networks.discriminators.unet import unet_discriminator
from keras_srgan.recipes import RECIPES


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_dropout_is_active_in_training_only(name, rng):
    model = DISCRIMINATORS[name](patch=32, filters=4, dropout=0.5)
    x = rng.uniform(-1, 1, (2, 32, 32, 1)).astype("float32")
    critic = keras.Model(model.input, model.get_layer("logits").output)
    for layer in critic.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # its batch statistics would differ too
    first, second = (np.asarray(critic(x, training=False)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert any(not np.array_equal(first, np.asarray(critic(x, training=True))) for _ in range(3))


def test_the_unet_discriminator_judges_every_pixel(rng):
    model = unet_discriminator(patch=32, filters=4)
    image = rng.uniform(-1, 1, (2, 32, 32, 1)).astype("float32")
    real = np.asarray(model(image))
    assert real.shape == (2, 32, 32, 1) and ((real > 0) & (real < 1)).all()
    spectral = [layer for layer in model.layers if isinstance(layer, SpectralConv2D)]
    assert [(each.kernel_size[0], each.strides[0], each.filters) for each in spectral] == [
        *((4, 2, 8), (4, 2, 16), (4, 2, 32), (3, 1, 16), (3, 1, 8), (3, 1, 4), (3, 1, 4), (3, 1, 4))
    ]
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)
    # A pixel is judged by its surroundings too, farther than the 11 px of the convolutions at full size.
    changed = image.copy()
    changed[:, :4] *= -1
    moved = np.abs(np.asarray(model(changed)) - real).max((0, 2, 3))
    assert moved[:4].min() > moved[20] > 0
    with pytest.raises(ValueError, match="patch = 100 px: .* a multiple of 8"):
        unet_discriminator(patch=100)


def test_the_unet_discriminator_of_real_esrgan_has_its_parameters():
    # 3x3 and 4x4 kernels of the paper's code, in colour: no biases but of the first and the last convolution.
    kernels = 9 * 3 * 64 + 16 * (64 * 128 + 128 * 256 + 256 * 512) + 9 * (512 * 256 + 256 * 128 + 128 * 64)
    expected = kernels + 9 * (2 * 64 * 64 + 64) + 64 + 1
    model = unet_discriminator(channels=3)
    assert sum(int(np.prod(each.shape)) for each in model.trainable_variables) == expected


def test_patchgan_looks_at_70_pixels(rng):
    model = patch_discriminator(patch=96, filters=4)
    convs = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    pools = [layer for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert len(convs) == 6 and len(pools) == 3
    logits = keras.Model(model.input, model.get_layer("logits").output)
    image = tf.constant(rng.uniform(-1, 1, (1, 96, 96, 1)).astype("float32"))
    seen = np.zeros((96, 96), bool)
    for _ in range(8):  # max pooling hides most pixels of one image from the gradient
        with tf.GradientTape() as tape:
            tape.watch(image)
            middle = logits(image, training=False)[0, 6, 6, 0]
        seen |= np.asarray(tape.gradient(middle, image))[0, ..., 0] != 0
        image = tf.constant(rng.uniform(-1, 1, (1, 96, 96, 1)).astype("float32"))
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    assert rows[-1] - rows[0] + 1 <= 70 and columns[-1] - columns[0] + 1 <= 70
    assert rows[-1] - rows[0] + 1 >= 66 and columns[-1] - columns[0] + 1 >= 66


def test_an_adversarial_stage_without_a_discriminator_is_refused():
    with pytest.raises(ValueError, match="without a discriminator there is no adversarial stage"):
        RECIPES["srcnn"].replace(epochs=3)


def test_the_strided_discriminator_is_the_published_one():
    assert strided_discriminator(channels=3).count_params() == 23_569_217
