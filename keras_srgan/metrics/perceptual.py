"""Perceptual distances: LPIPS (AlexNet, version 0.1) and VGG19's features. One value an image, 0 for equal images."""

from functools import cache

import keras
import numpy as np
from keras import layers, ops

from keras_srgan.backend.settings import keras_settings
from keras_srgan.losses import build_features
from keras_srgan.metrics.fidelity import ImageTooSmall
from keras_srgan.weights import weights_folder

WEIGHTS = "lpips-alex.npz"
SMALLEST = 31  # px: below, the last pooling has nothing to pool


# ImageNet's mean and deviation, for images in [-1, 1].
MEAN, DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


# (filters, kernel, stride, padding, pooled first)
_CONVOLUTIONS = ((64, 11, 4, 2, False), (192, 5, 1, 2, True), (384, 3, 1, 1, True), (256, 3, 1, 1, False)) + (
    (256, 3, 1, 1, False),
)


def _alexnet() -> keras.Model:
    """torchvision's AlexNet up to its five ReLUs."""
    image = keras.Input((None, None, 3))
    x = layers.Normalization(mean=MEAN, variance=np.square(DEVIATION))(image)
    taps = []
    for i, (filters, kernel, stride, padding, pooled) in enumerate(_CONVOLUTIONS):
        x = layers.MaxPooling2D(3, 2)(x) if pooled else x
        x = layers.ZeroPadding2D(padding)(x)
        x = layers.Conv2D(filters, kernel, stride, activation="relu", name=f"conv{i}")(x)
        taps.append(x)
    return keras.Model(image, taps, name="alexnet")


@keras_settings("float32")
def lpips_network() -> keras.Model:
    """Builds LPIPS with its bundled weights.

    Returns:
        A frozen functional model from two images `(N, H, W, 3)`, RGB in `[-1, 1]`, sides of at least 31 px,
        to their distances `(N, 1)`, float32.

    Reference:
        Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018.
    """
    pair = [keras.Input((None, None, 3), name=name) for name in ("hr", "sr")]
    alexnet = _alexnet()
    unit = layers.UnitNormalization(axis=-1)
    terms = []
    for i, taps in enumerate(zip(*(alexnet(image) for image in pair), strict=True)):
        difference = layers.Subtract()([unit(tap) for tap in taps])
        weighted = layers.Conv2D(1, 1, use_bias=False, name=f"lin{i}")(layers.Multiply()([difference, difference]))
        terms.append(layers.GlobalAveragePooling2D()(weighted))
    network = keras.Model(pair, layers.Add()(terms), name="lpips")
    with np.load(weights_folder() / WEIGHTS) as file:
        for i in range(len(_CONVOLUTIONS)):
            kernel, bias, lin = (
                file[name].astype("float32") for name in (f"conv{i}_kernel", f"conv{i}_bias", f"lin{i}")
            )
            alexnet.get_layer(f"conv{i}").set_weights([kernel, bias])
            network.get_layer(f"lin{i}").set_weights([lin.reshape(1, 1, -1, 1)])
    network.trainable = False
    return network


_lpips_network = cache(lpips_network)


def _rgb(image, max_value: float):
    """RGB in `[-1, 1]` of gray or colour in `[0, max_value]`."""
    x = ops.cast(image, "float32") * (2.0 / max_value) - 1.0
    return ops.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x


def lpips(hr, sr, max_value: float = 1.0):
    """LPIPS of each image, AlexNet, version 0.1; gray is repeated to three channels. Lower is nearer.

    Args:
        hr, sr: tensors `(N, H, W, 1)` or `(N, H, W, 3)` in `[0, max_value]`.
        max_value: float, the value of white.

    Returns:
        Tensor `(N,)`.

    Raises:
        ImageTooSmall: for sides below 31 px.

    Example:

    >>> hr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> round(float(lpips(hr, hr)[0]), 3)
    0.0
    """
    if min(hr.shape[1], hr.shape[2]) < SMALLEST:
        raise ImageTooSmall(f"LPIPS needs sides of at least {SMALLEST} px, got {hr.shape[2]}x{hr.shape[1]}")
    return _lpips_network()([_rgb(hr, max_value), _rgb(sr, max_value)])[:, 0]


@cache
@keras_settings("float32")
def _vgg19() -> keras.Model:
    return build_features("vgg19", "block3_conv4", "bundled", channels=3)[0]


def vgg_features(image, max_value: float = 1.0):
    """VGG19's `block3_conv4` of images `(N, H, W, C)` in `[0, max_value]`, divided by 12.75, bundled weights.

    Example:

    >>> hr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> round(float(vgg_distance(hr, hr, features=vgg_features(hr))[0]), 3)
    0.0
    """
    return _vgg19()(_rgb(image, max_value))


def vgg_distance(hr, sr, max_value: float = 1.0, features=None):
    """Mean squared difference of `vgg_features` of each image: the perceptual loss of the recipes. Lower is nearer.

    Args:
        hr, sr: tensors `(N, H, W, C)` in `[0, max_value]`.
        max_value: float, the value of white.
        features: `vgg_features(hr)`, where they are known already.

    Returns:
        Tensor `(N,)`.

    Example:

    >>> hr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> round(float(vgg_distance(hr, hr)[0]), 3)
    0.0
    """
    features = vgg_features(hr, max_value) if features is None else features
    return ops.mean(ops.square(features - vgg_features(sr, max_value)), axis=(1, 2, 3))
