"""PSNR, SSIM and sharpness: one implementation for training, tests and reports, in `keras.ops`.

Images are float tensors `(N, H, W, C)` in `[0, max_value]`; each function returns one value an image.
"""

import numpy as np
from keras import ops


def psnr(hr, sr, max_value: float = 1.0):
    """Peak signal-to-noise ratio of each image, in dB; infinite for equal images."""
    error = ops.mean(ops.square(ops.cast(hr, "float32") - ops.cast(sr, "float32")), axis=(1, 2, 3))
    return 10.0 * (ops.log(max_value**2 / error) / float(np.log(10.0)))


def _gaussian(size: int = 11, sigma: float = 1.5) -> list[float]:
    x = np.arange(size) - size // 2
    weights = np.exp(-(x**2) / (2 * sigma**2))
    return (weights / weights.sum()).tolist()


def _blur(x):
    # Sums of shifted slices fuse in XLA, where one-channel convolutions are slow.
    taps = _gaussian()
    h = x.shape[1] - len(taps) + 1
    x = sum(weight * x[:, i : i + h] for i, weight in enumerate(taps))
    w = x.shape[2] - len(taps) + 1
    return sum(weight * x[:, :, i : i + w] for i, weight in enumerate(taps))


def ssim(hr, sr, max_value: float = 1.0):
    """Structural similarity of each image: 11x11 gaussian window, sigma 1.5, K1 0.01, K2 0.03.

    Equals scikit-image's with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.

    Raises:
        ValueError: for sides below 11 px.

    Reference:
        Wang et al., IEEE TIP 2004.
    """
    if min(hr.shape[1], hr.shape[2]) < 11:
        raise ValueError(f"SSIM needs sides of at least 11 px, got {hr.shape[2]}x{hr.shape[1]}")
    a, b = ops.cast(hr, "float32") / max_value, ops.cast(sr, "float32") / max_value
    c1, c2 = 0.01**2, 0.03**2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a**2
    var_b = _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    return ops.mean(luminance * structure, axis=(1, 2, 3))


def sharpness(image):
    """Mean gradient magnitude of each image, by central differences, in the units of `image` per pixel."""
    x = ops.cast(image, "float32")
    dx = (x[:, 1:-1, 2:] - x[:, 1:-1, :-2]) / 2
    dy = (x[:, 2:, 1:-1] - x[:, :-2, 1:-1]) / 2
    return ops.mean(ops.sqrt(dx**2 + dy**2), axis=(1, 2, 3))
