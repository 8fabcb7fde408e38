"""Quantum and read-out noise, in the detector's linear domain and in the logarithmic one that films show."""

import cv2
import numpy as np

LN10 = float(np.log(10.0))
LEAST = 1e-3  # of the middle exposure: a logarithm has no zero


def exposure_of(grey: np.ndarray, latitude: float) -> np.ndarray:
    """Exposure behind the patient of a film's grey, 1 at middle grey; bright is little exposure.

    Args:
        grey: array in `[0, 1]`.
        latitude: float, decades of exposure from black to white; 0: grey is exposure (twice the grey).
    """
    return np.exp(-latitude * LN10 * (grey - 0.5)) if latitude else 2 * grey


def grey_of(exposure: np.ndarray, latitude: float) -> np.ndarray:
    """The grey of an exposure; the inverse of `exposure_of`."""
    if not latitude:
        return exposure / 2
    return 0.5 - np.log(np.maximum(exposure, LEAST)) / (latitude * LN10)


def add_noise(
    grey: np.ndarray,
    rng: np.random.Generator,
    dose: float = 0.0,
    readout: float = 0.0,
    latitude: float = 0.0,
    grain: float = 0.0,
) -> np.ndarray:
    """Adds Poisson noise of the photons counted and gaussian noise of the electronics.

    In the linear domain the variance of grey is `mean / (2 dose) + readout²`. In the logarithmic one it grows with the
    grey, as `1 / (dose exposure latitude² ln²10)`: bone is noisier than lung.

    Args:
        grey: array in `[0, 1]`.
        rng: `numpy.random.Generator`.
        dose: float, photons that a pixel of middle grey counts; 0: no quantum noise.
        readout: float, standard deviation at middle grey, share of white.
        latitude: float, decades from black to white; 0: the linear domain.
        grain: float, sigma in pixels of the gaussian by which the noise is correlated; its variance stays.

    Returns:
        Array as `grey`, not clipped.

    Reference:
        Foi, Trimeche, Katkovnik, Egiazarian, "Practical Poissonian-Gaussian Noise Modeling and Fitting", IEEE TIP 2008,
        equations 1 to 5; Barrett and Myers, 2004, section 11.3 (counts are Poisson).
    """
    exposure = exposure_of(np.clip(grey, 0.0, 1.0), latitude)
    noise = np.zeros_like(exposure)
    if dose:
        noise += rng.poisson(exposure * dose) / dose - exposure
    if readout:
        noise += rng.normal(0.0, readout * (latitude * LN10 if latitude else 2.0), exposure.shape)
    if grain:
        noise = correlate(noise, grain)
    return grey + (grey_of(exposure + noise, latitude) - grey_of(exposure, latitude))


def correlate(noise: np.ndarray, sigma: float) -> np.ndarray:
    """Blurs white noise by a gaussian and keeps its variance."""
    size = 2 * int(np.ceil(3 * sigma)) + 1
    kernel = cv2.getGaussianKernel(size, sigma)
    kernel = kernel / np.sqrt(np.square(kernel).sum())
    return cv2.sepFilter2D(noise, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT)
