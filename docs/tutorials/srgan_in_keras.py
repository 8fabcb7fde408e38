"""
# SRGAN in Keras 3, on TensorFlow and JAX

**Description:** train SRGAN (Ledig et al., CVPR 2017) on one chest radiograph, with Keras alone.

A radiograph is reduced by four. A generator learns to undo that, first from the pixels, then against a discriminator
that tells its images from originals. The networks and the losses are written once, in `keras.ops`; only the line that
takes a gradient differs between the backends.

This page is a script: `KERAS_BACKEND=jax python srgan_in_keras.py`, or `tensorflow`. It needs `keras`, `pydicom`,
`pydicom-data` and one backend. The result is a picture to learn from, not a diagnostic one.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers, ops
from pydicom import dcmread
from pydicom.data import get_testdata_file

STEPS = int(os.environ.get("STEPS", 600))  # of each stage
FILTERS, BLOCKS, BATCH, PATCH, SCALE = 32, 6, 8, 96, 4
keras.utils.set_random_seed(0)

"""
## The radiograph

RG1 of `pydicom-data` is a chest of 1955x1841 pixels. Blocks of 2x2 are averaged, since the full image is smoother
than its pixels are fine. Gray values go to `[-1, 1]`. The lower quarter is kept for the test: one must not judge on
what one has trained on.
"""

pixels = dcmread(get_testdata_file("RG1_UNCR.dcm", download=False)).pixel_array.astype("float32")
pixels = pixels[:1952, :1840].reshape(976, 2, 920, 2).mean(axis=(1, 3))
pixels = (pixels / pixels.max() * 2 - 1)[..., None]
train, test = pixels[:720], pixels[720:, :768]


def reduce(images):
    """HR to LR, as an antialiased bicubic filter does it."""
    size = images.shape[1] // SCALE, images.shape[2] // SCALE
    return ops.image.resize(images, size, interpolation="bicubic", antialias=True, data_format="channels_last")


def enlarge(images):
    """Bicubic: what any viewer does, and what has to be beaten."""
    size = images.shape[1] * SCALE, images.shape[2] * SCALE
    return ops.image.resize(images, size, interpolation="bicubic", data_format="channels_last")


def batches(steps, seed):
    """Patches from anywhere in the image, with their small versions."""
    random = np.random.default_rng(seed)
    for _ in range(steps):
        corners = random.integers(0, (train.shape[0] - PATCH, train.shape[1] - PATCH), (BATCH, 2))
        hr = np.stack([train[y : y + PATCH, x : x + PATCH] for y, x in corners])
        yield ops.convert_to_numpy(reduce(hr)), hr


"""
## The generator

SRResNet: residual blocks at the small size, then two sub-pixel steps, each a convolution to four times the channels
whose values are dealt out into 2x2 blocks of pixels. It adds its result to the bicubic image, so it starts from
bicubic and learns what is missing. We leave out batch normalization, whose moving averages lag in so short a
training.
"""


class DepthToSpace(layers.Layer):
    """`(N, H, W, 4 C)` to `(N, 2 H, 2 W, C)`."""

    def call(self, x):
        _, h, w, c = x.shape
        x = ops.transpose(ops.reshape(x, (-1, h, w, 2, 2, c // 4)), (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, h * 2, w * 2, c // 4))


class Bicubic(layers.Layer):
    def call(self, x):
        return enlarge(x)


def build_generator(height, width):
    lr = keras.Input((height, width, 1))
    x = first = layers.Conv2D(FILTERS, 9, padding="same", activation="relu")(lr)
    for _ in range(BLOCKS):
        y = layers.Conv2D(FILTERS, 3, padding="same", activation="relu")(x)
        x = x + layers.Conv2D(FILTERS, 3, padding="same")(y)
    x = x + first
    for _ in range(2):
        x = layers.ReLU()(DepthToSpace()(layers.Conv2D(FILTERS * 4, 3, padding="same")(x)))
    detail = layers.Conv2D(1, 9, padding="same", kernel_initializer="zeros")(x)
    return keras.Model(lr, Bicubic()(lr) + detail)


"""
## The discriminator

Strided convolutions until the patch is small, then one number: above zero for "original". There is no sigmoid. The
loss takes it in, which is exact where a probability would round to 0 or 1.
"""


def build_discriminator():
    hr = x = keras.Input((PATCH, PATCH, 1))
    for filters in (FILTERS, FILTERS * 2, FILTERS * 4):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(filters, 4, strides=2, padding="same")(x))
    return keras.Model(hr, layers.Dense(1)(layers.Flatten()(x)))


"""
## The step

A loss is a function. TensorFlow records what it computes on a tape; JAX needs a pure function of the weights, which
Keras has as `stateless_call`. That is the whole difference. `step_of` returns a function that takes images, moves a
network's weights, and returns its loss.
"""


def step_of(network, optimizer, loss):
    """`loss(call, *images)`, where `call` is the network."""
    optimizer.build(network.trainable_variables)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function
        def step(*images):
            with tf.GradientTape() as tape:
                value = loss(network, *images)
            variables = network.trainable_variables
            optimizer.apply(tape.gradient(value, variables), variables)
            return value

        return step

    import jax

    def pure(weights, others, *images):
        return loss(lambda x: network.stateless_call(weights, others, x)[0], *images)

    gradient = jax.jit(jax.value_and_grad(pure))

    def step(*images):
        weights, others = (
            [v.value for v in group] for group in (network.trainable_variables, network.non_trainable_variables)
        )
        value, gradients = gradient(weights, others, *images)
        optimizer.apply(gradients, network.trainable_variables)
        return value

    return step


"""
## Stage one: content

The mean absolute difference of pixels. Its best answer is a compromise between all sharp images that fit: true on
average, and soft.
"""

generator, discriminator = build_generator(PATCH // SCALE, PATCH // SCALE), build_discriminator()


def content_loss(generate, lr, hr):
    return ops.mean(ops.abs(generate(lr) - hr))


def psnr_of_test(title):
    """Enlarges the part that was kept, beside bicubic."""
    whole = build_generator(test.shape[0] // SCALE, test.shape[1] // SCALE)
    whole.set_weights(generator.get_weights())
    lr = reduce(test[None])
    for name, sr in (("bicubic", enlarge(lr)), (title, whole(lr))):
        error = np.clip(ops.convert_to_numpy(sr)[0], -1, 1) - test
        print(f"{name:12} {10 * np.log10(4 / np.mean(error**2)):.2f} dB", flush=True)
    return sr


step = step_of(generator, keras.optimizers.Adam(4e-4), content_loss)
for lr, hr in batches(STEPS, seed=1):
    step(lr, hr)
psnr_of_test("content")

"""
## Stage two: adversarial

The discriminator learns to tell HR from SR; the generator keeps its content loss and learns to be taken for HR. The
paper adds a distance of VGG19's features here. Without it the adversarial weight must be small, or the generator
draws a grid.
"""


def adversarial_loss(generate, lr, hr):
    sr = generate(lr)
    return ops.mean(ops.abs(sr - hr)) + 1e-3 * ops.mean(ops.softplus(-discriminator(sr)))


def discriminator_loss(judge, sr, hr):
    return ops.mean(ops.softplus(-judge(hr)) + ops.softplus(judge(sr)))


g_step = step_of(generator, keras.optimizers.Adam(1e-4), adversarial_loss)
d_step = step_of(discriminator, keras.optimizers.Adam(1e-4), discriminator_loss)
for lr, hr in batches(STEPS, seed=2):
    d_step(generator(lr), hr)
    g_step(lr, hr)
sr = psnr_of_test("adversarial")

"""
## What came out

Compare the two figures: the adversarial loss asks for something else than PSNR. The picture shows the original above
the enlarged image.
"""

picture = np.concatenate([test, np.clip(ops.convert_to_numpy(sr)[0], -1, 1)])
keras.utils.save_img("srgan.png", picture, scale=True)

"""
The package adds what a real training needs and a page has no room for: data by patient, checkpoints that resume
exactly, an averaged generator, VGG19's features, and figures that can be compared. The same method there: [SRGAN,
told from its code](../explanation/srgan.md).
"""
