"""Blur before the detector samples: a gaussian given by its MTF, and the average over a detector element."""

import math

import cv2
import numpy as np


def sigma_of_mtf(mtf: float, frequency: float) -> float:
    """The standard deviation of the gaussian whose MTF is `mtf` at a frequency.

    Args:
        mtf: float in `(0, 1]`.
        frequency: float, cycles a pixel.

    Returns:
        Float, pixels: `sqrt(-ln(mtf) / 2) / (pi * frequency)`, from `MTF(f) = exp(-2 (pi sigma f)²)`.

    Reference:
        Barrett and Myers, Foundations of Image Science, 2004, section 3.3: the transform of a gaussian.
    """
    return math.sqrt(-math.log(mtf) / 2) / (math.pi * frequency)


def blur_kernel(sigma: float, anisotropy: float = 1.0, angle: float = 0.0, aperture: float = 0.0) -> np.ndarray:
    """The kernel whose transform is that of a gaussian times that of a detector element.

    It is made from the transform, not by sampling the gaussian: the MTF is the one asked for at small sigmas too.

    Args:
        sigma: float, pixels: the geometric mean of the two of an anisotropic gaussian.
        anisotropy: float, the longer sigma over the shorter one.
        angle: float, degrees from the rows' direction to that of the longer sigma.
        aperture: float, side of the square element, pixels.

    Returns:
        Float64 array `(K, K)`, K odd; sums to one.
    """
    radius = math.ceil(4 * sigma * math.sqrt(anisotropy) + aperture / 2) + 2
    f = np.fft.fftfreq(2 * radius + 1)
    fy, fx = f[:, None], f[None, :]
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along, across = fx * cos + fy * sin, fy * cos - fx * sin
    power = anisotropy * along**2 + across**2 / anisotropy
    transform = np.exp(-2 * (np.pi * sigma) ** 2 * power) * np.sinc(aperture * fx) * np.sinc(aperture * fy)
    return np.fft.fftshift(np.fft.ifft2(transform).real)


def blur(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Blurs an image; borders are mirrored.

    Args:
        image: float array `(H, W)` or `(H, W, C)`.
        kernel: array `(K, K)` of `blur_kernel`.

    Returns:
        Array as `image`.
    """
    return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT)
