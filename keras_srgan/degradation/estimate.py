"""What an image shows of its own degradation: noise, JPEG's blocks, where its spectrum ends."""

from dataclasses import dataclass

import cv2
import numpy as np

LAPLACIAN = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]]) / 6  # white noise keeps its sigma
VANISHED = 0.75  # grey levels; coefficients below it count as rounded to zero
BANDS = 16  # of the spectrum, from 0 to Nyquist
SIDE = 512  # px; a larger image is judged by its middle


@dataclass(frozen=True)
class Findings:
    """What `examine` found.

    Args:
        noise: standard deviation of the white noise, grey levels of 255. A codec hides noise from it.
        blocks: how much larger the share of vanished 8x8 cosine coefficients is on their own grid than off it, 0 to 1.
        compressed: whether that is more than chance: JPEG.
        cutoff: frequency above which the image is no stronger than its noise, share of Nyquist.
    """

    noise: float
    blocks: float
    compressed: bool
    cutoff: float

    def __str__(self) -> str:
        found = [f"noise {self.noise:.1f} grey levels", "JPEG blocks" if self.compressed else "no JPEG blocks"]
        return ", ".join([*found, f"detail up to {self.cutoff:.0%} of the sampling limit"])


def examine(image: np.ndarray, max_value: float) -> Findings:
    """Measures noise, blocks and the spectrum's end.

    Args:
        image: array `(H, W)` or `(H, W, 3)`, both sides at least 16 px.
        max_value: the value of white.

    Returns:
        `Findings`.

    Raises:
        ValueError: for a smaller image.
    """
    if min(image.shape[:2]) < 16:
        raise ValueError(f"an image of {image.shape[1]}x{image.shape[0]} px: at least 16x16 are needed to judge it")
    gray = image.mean(axis=2) if image.ndim == 3 else image
    top, left = (max(0, side - SIDE) // 16 * 8 for side in gray.shape)  # JPEG's blocks stay where they are
    grey = gray[top : top + SIDE, left : left + SIDE].astype("float64") * (255 / max_value)
    noise, blocks = noise_level(grey), block_score(grey)
    chance = 0.05 + 0.8 / (grey.size / 64) ** 0.5  # of the largest of 64 shares of so many blocks
    return Findings(round(noise, 2), round(blocks, 3), blocks > chance, round(spectrum_end(grey, noise), 2))


def noise_level(grey: np.ndarray) -> float:
    """The standard deviation of white noise, from the median of a difference of two Laplacians.

    Args:
        grey: float64 array `(H, W)`.

    Returns:
        Float, in the units of `grey`; detail raises it a little (0.5 to 1 of 255 on clean radiographs of 128 px).

    Reference:
        Immerkær, "Fast Noise Variance Estimation", CVIU 1996; the median in place of the mean as in Donoho and
        Johnstone, Biometrika 1994.
    """
    return float(np.median(np.abs(_inside(cv2.filter2D(grey, -1, LAPLACIAN))))) / 0.6745


def _inside(image: np.ndarray) -> np.ndarray:
    return image[1:-1, 1:-1]


def block_score(grey: np.ndarray) -> float:
    """How much JPEG's rounding of 8x8 cosine coefficients shows.

    It is the share of fine ones that vanished on the grid where most did, less the median of all 64 grids.

    Args:
        grey: float64 array `(H, W)` in grey levels of 255.

    Returns:
        Float, mostly 0.3 to 0.6 for JPEG; without, near 0 if there are many blocks.

    Reference:
        Fan and de Queiroz, "Identification of Bitmap Compression History", IEEE TIP 2003: the grid of a JPEG file.
    """
    shares = []
    for top in range(8):
        for left in range(8):
            moved = grey[top:, left:]
            h, w = (side // 8 * 8 for side in moved.shape)
            blocks = moved[:h, :w].reshape(h // 8, 8, w // 8, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
            fine = COSINES[4:] @ blocks @ COSINES[4:].T
            shares.append(float((np.abs(fine) < VANISHED).mean()))
    return max(shares) - float(np.median(shares))


def _cosines() -> np.ndarray:
    k = np.arange(8)
    matrix = np.cos(np.pi * (2 * k[None, :] + 1) * k[:, None] / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix


COSINES = _cosines()


def spectrum_end(grey: np.ndarray, noise: float) -> float:
    """The frequency up to which the image is at least as strong as its noise.

    Args:
        grey: float64 array `(H, W)` in grey levels of 255.
        noise: float, standard deviation of white noise; rounding to 8 bits is its least.

    Returns:
        Float, share of Nyquist.
    """
    h, w = grey.shape
    window = np.hanning(h)[:, None] * np.hanning(w)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2 / np.square(window).sum()
    radius = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)) * 2
    band = np.minimum((radius * BANDS).astype(int), BANDS).ravel()
    mean = np.bincount(band, power.ravel()) / np.maximum(np.bincount(band), 1)
    strong = mean[:BANDS] > 2 * max(noise**2, 1 / 12)
    return float(BANDS if strong.all() else np.argmin(strong)) / BANDS
