"""Figures of images: one implementation for training, tests and reports, in `keras.ops`.

Images are float tensors `(N, H, W, C)` in `[0, max_value]`; each function returns one value an image, the mean
over its channels. `PSNR` and `SSIM`, for `compile(metrics=[...])`, are in `keras_srgan.metrics.averages`. Perceptual
distances are in `keras_srgan.metrics.perceptual`.
"""

import numpy as np
from keras import ops

from keras_srgan.resampling import resize_batch

# Wang et al. 2003, section 3.2.
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
GMS_C = 170.0 / 255**2  # Xue et al., section II; for images in [0, 1]


class ImageTooSmall(ValueError):
    """Images that have fewer pixels than a figure needs.

    Example:

    >>> try:
    ...     keras_srgan.metrics.ssim(np.zeros((1, 8, 8, 1)), np.zeros((1, 8, 8, 1)))
    ... except ImageTooSmall as error:
    ...     print(error)
    SSIM needs sides of at least 11 px, got 8x8
    """


def _comparable(hr, sr) -> None:
    """Refuses shapes that would be broadcast against each other, as one channel against three; `None` is any size."""
    a, b = tuple(hr.shape), tuple(sr.shape)
    if len(a) != 4 or len(b) != 4 or any(None not in (m, n) and m != n for m, n in zip(a, b, strict=True)):
        raise ValueError(f"HR of shape {a} and SR of shape {b}: give images of one shape (N, H, W, C)")


def psnr(hr, sr, max_value: float = 1.0):
    """Peak signal-to-noise ratio of each image, in dB; infinite for equal images.

    Raises:
        ValueError: for images of two shapes.

    Example:

    >>> hr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> round(float(psnr(hr, hr + 0.1)[0]), 2)
    20.0
    """
    _comparable(hr, sr)
    error = ops.mean(ops.square(ops.cast(hr, "float32") - ops.cast(sr, "float32")), axis=(1, 2, 3))
    return 10.0 * (ops.log(max_value**2 / error) / float(np.log(10.0)))


def _gaussian(size: int = 11, sigma: float = 1.5) -> list[float]:
    x = np.arange(size) - size // 2
    weights = np.exp(-(x**2) / (2 * sigma**2))
    return (weights / weights.sum()).tolist()


def _blur(x):
    # Sums of shifted slices fuse in XLA, where one-channel convolutions are slow.
    taps = list(enumerate(_gaussian()))
    last = taps[-1][0]
    x = sum(weight * x[:, i : i - last or None] for i, weight in taps)  # ends counted from the end: any size
    return sum(weight * x[:, :, i : i - last or None] for i, weight in taps)


def _check_sides(image, least: int, name: str) -> None:
    """Refuses images too small, as far as their size is known; a metric of a model of any size sees it later."""
    h, w = image.shape[1:3]
    if min(side for side in (h, w, least) if side is not None) < least:
        raise ImageTooSmall(f"{name} needs sides of at least {least} px, got {w}x{h}")


def ssim(hr, sr, max_value: float = 1.0):
    """Structural similarity of each image: 11x11 gaussian window, sigma 1.5, K1 0.01, K2 0.03.

    Equals scikit-image's with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.

    Raises:
        ImageTooSmall: for sides below 11 px.
        ValueError: for images of two shapes.

    Example:

    >>> hr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> round(float(ssim(hr, hr + 0.1)[0]), 2)
    0.98

    Reference:
        Wang et al., IEEE TIP 2004.
    """
    _comparable(hr, sr)
    _check_sides(hr, 11, "SSIM")
    luminance, structure = _ssim_maps(_unit(hr, max_value), _unit(sr, max_value))
    return ops.mean(luminance * structure, axis=(1, 2, 3))


def _unit(image, max_value: float):
    return ops.cast(image, "float32") / max_value


def _ssim_maps(a, b):
    """SSIM's two factors, of images in `[0, 1]`: luminance, and contrast with structure."""
    c1, c2 = 0.01**2, 0.03**2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a**2
    var_b = _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance, (2 * covariance + c2) / (var_a + var_b + c2)


def ms_ssim(hr, sr, max_value: float = 1.0):
    """Multi-scale structural similarity of each image: five scales, SSIM's window at each.

    Equals `tf.image.ssim_multiscale`: halves by 2x2 means (an odd side repeats its last line), counts negative
    factors as 0.

    Args:
        hr, sr: tensors `(N, H, W, C)` in `[0, max_value]`.
        max_value: float, the value of white.

    Returns:
        Tensor `(N,)`.

    Raises:
        ImageTooSmall: for sides below 161 px, whose fifth scale is smaller than the window.
        ValueError: for images of two shapes.

    Example:

    >>> hr = np.full((1, 176, 176, 1), 0.5, "float32")
    >>> round(float(ms_ssim(hr, hr)[0]), 3)
    1.0

    Reference:
        Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.
    """
    _comparable(hr, sr)
    _check_sides(hr, 161, "MS-SSIM")
    a, b = _unit(hr, max_value), _unit(sr, max_value)
    product = 1.0
    for scale, weight in enumerate(MS_SSIM_WEIGHTS, 1):
        luminance, structure = _ssim_maps(a, b)
        last = scale == len(MS_SSIM_WEIGHTS)
        factor = ops.mean(luminance * structure if last else structure, axis=(1, 2))
        product = product * ops.power(ops.relu(factor), weight)
        if not last:
            a, b = _halve(a, "symmetric"), _halve(b, "symmetric")
    return ops.mean(product, axis=1)


def _halve(x, mode: str):
    """2x2 means; an odd side first gets one more line: its last one (`"symmetric"`) or zeros (`"constant"`)."""
    for axis in (1, 2):
        size, before = x.shape[axis], (slice(None),) * axis
        if size is None or size % 2:
            line = x[(*before, slice(-1, None))]
            x = ops.concatenate([x, line if mode == "symmetric" else ops.zeros_like(line)], axis)
            size = None if size is None else size + 1
        # A line more than an even side needs, where the size is not known, is in neither half.
        first = slice(0, -1, 2) if size is None else slice(0, None, 2)
        x = (x[(*before, first)] + x[(*before, slice(1, None, 2))]) / 2
    return x


def gradient_similarity(hr, sr, max_value: float = 1.0):
    """Mean gradient-magnitude similarity (GMSM) of each image: Prewitt gradients at half size. 1 for equal images.

    Args:
        hr, sr: tensors `(N, H, W, C)` in `[0, max_value]`.
        max_value: float, the value of white.

    Returns:
        Tensor `(N,)`.

    Raises:
        ValueError: for images of two shapes.

    Example:

    >>> hr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> round(float(gradient_similarity(hr, hr + 0.1)[0]), 2)
    1.0

    Reference:
        Xue, Zhang, Mou, Bovik, "Gradient Magnitude Similarity Deviation", IEEE TIP 2014, equations 1 to 5.
    """
    _comparable(hr, sr)
    a, b = (_prewitt(_halve(_unit(image, max_value), "constant")) for image in (hr, sr))
    return ops.mean((2 * a * b + GMS_C) / (a**2 + b**2 + GMS_C), axis=(1, 2, 3))


def _prewitt(x):
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    columns = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    dx, dy = (rows[:, :, 2:] - rows[:, :, :-2]) / 3, (columns[:, 2:] - columns[:, :-2]) / 3
    return ops.sqrt(dx**2 + dy**2)


def consistency(lr, sr, max_value: float = 1.0):
    """How far each SR image, reduced again, is from its LR: RMS difference in grey levels of 255.

    Args:
        lr: tensor `(N, h, w, C)` in `[0, max_value]`.
        sr: tensor `(N, h * scale, w * scale, C)`; reduced as the protocols do, and not rounded.
        max_value: float, the value of white.

    Returns:
        Tensor `(N,)`.

    Raises:
        ValueError: if SR is not a whole number of times as large as LR.

    Example:

    >>> lr, sr = np.full((1, 8, 8, 1), 0.5, "float32"), np.full((1, 32, 32, 1), 0.5, "float32")
    >>> round(float(consistency(lr, sr)[0]), 3)
    0.0
    """
    scale = sr.shape[1] // lr.shape[1]
    if (sr.shape[1], sr.shape[2]) != (lr.shape[1] * scale, lr.shape[2] * scale):
        raise ValueError(
            f"consistency: SR {sr.shape[2]}x{sr.shape[1]} is no multiple of LR {lr.shape[2]}x{lr.shape[1]}"
        )
    reduced = resize_batch(_unit(sr, max_value), 1 / scale)
    return 255 * ops.sqrt(ops.mean(ops.square(reduced - _unit(lr, max_value)), axis=(1, 2, 3)))


def sharpness(image):
    """Mean gradient magnitude of each image, by central differences, in the units of `image` per pixel.

    Example:

    >>> round(float(sharpness(np.zeros((1, 32, 32, 1), "float32"))[0]), 3)
    0.0
    """
    x = ops.cast(image, "float32")
    dx = (x[:, 1:-1, 2:] - x[:, 1:-1, :-2]) / 2
    dy = (x[:, 2:, 1:-1] - x[:, :-2, 1:-1]) / 2
    return ops.mean(ops.sqrt(dx**2 + dy**2), axis=(1, 2, 3))
