"""Intervals of pixels: how far the true value may be from the enlarged one, calibrated on images with originals.

Conformal prediction (Lei et al., JASA 2018, section 5.2; Vovk et al., 2005): a score says how hard a pixel is, and
among calibration pixels of about that score a share `coverage` of errors is within the half-width.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from keras_srgan.files import json_text, write_text
from keras_srgan.resampling import resize

BINS = 50  # of equal numbers of calibration pixels
PIXELS = 40_000  # of an image that calibrate
_FLOOR = 0.25  # grey levels below which features don't tell pixels apart
SUFFIX = ".interval.json"


def features(lr: np.ndarray, sr: np.ndarray, scale: int) -> Iterable[np.ndarray]:
    """What is known of each pixel's difficulty without the original.

    Args:
        lr, sr: float arrays `(h, w)` and `(h * scale, w * scale)`, in grey levels of 255.
        scale: integer.

    Yields:
        Float32 arrays like `sr`: a constant; the logarithms of the gradient, of the local contrast and of what was
        added to bicubic nearby; the level and its square.
    """
    sr = sr.astype("float32")

    def blur(image: np.ndarray, sigma: float) -> np.ndarray:
        return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)

    yield np.ones_like(sr)
    yield np.log(_FLOOR + edge_strength(sr))
    yield np.log(_FLOOR + np.sqrt(blur((sr - blur(sr, 4)) ** 2, 4)))
    yield np.log(_FLOOR + blur(np.abs(sr - resize(lr, scale).astype("float32")), 2))
    level = blur(sr, 2) / 255
    yield level
    yield level**2


def edge_strength(image: np.ndarray) -> np.ndarray:
    """The gradient's magnitude after a gaussian of 1 px, in the image's units a pixel."""
    smooth = cv2.GaussianBlur(image.astype("float32"), (0, 0), 1, borderType=cv2.BORDER_REFLECT)
    rows, columns = np.gradient(smooth)
    return np.hypot(rows, columns)


@dataclass(frozen=True)
class Intervals:
    """What makes intervals for one network's images.

    Args:
        coverage: float, the share of calibration pixels whose true value lies within.
        coefficients: floats, one a feature; their sum is a pixel's score.
        scores: floats, rising.
        half_widths: floats, at each of `scores`, in grey levels of 255; between them their logarithms are straight.
        about: dictionary: `sha256` of the weights, `protocol`, `images`, `patients`.

    Example:

    >>> intervals = Intervals(0.9, (1, 0, 0, 0, 0, 0), (0.0, 1.0), (2.0, 2.0))
    >>> low, high = intervals.bounds(np.full((8, 8), 100.0), np.full((32, 32), 100.0), 4, (0, 255))
    >>> round(float(low[0, 0]), 3), round(float(high[0, 0]), 3)
    (98.0, 102.0)
    """

    coverage: float
    coefficients: tuple[float, ...]
    scores: tuple[float, ...]
    half_widths: tuple[float, ...]
    about: dict[str, Any] = field(default_factory=dict)

    def bounds(
        self, lr: np.ndarray, sr: np.ndarray, scale: int, span: tuple[float, float], white: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ends of each pixel's interval.

        Args:
            lr: array `(h, w)`.
            sr: array `(h * scale, w * scale)`, not rounded.
            scale: integer.
            span: the values that the network saw as black and white.
            white: the largest value; that of `span` by default.

        Returns:
            Two float32 arrays like `sr`, in its units, within `[0, white]`.
        """
        white = span[1] if white is None else white
        unit = 255 / (span[1] - span[0])
        sr = np.clip(sr, 0, white)
        score = sum(
            c * each
            for c, each in zip(
                self.coefficients, features((lr - span[0]) * unit, (sr - span[0]) * unit, scale), strict=True
            )
        )
        half = np.exp(np.interp(score, self.scores, np.log(self.half_widths))) / unit
        low, high = np.clip(sr - half, 0, white), np.clip(sr + half, 0, white)
        return low.astype("float32"), high.astype("float32")

    def save(self, path: Path) -> Path:
        """Writes `NAME.interval.json`."""
        return write_text(path, json_text(asdict(self)))


def interval_path(weights: Path) -> Path:
    """`NAME.interval.json` of `NAME.weights.h5`."""
    return weights.with_name(weights.name.removesuffix(".weights.h5") + SUFFIX)


def read_intervals(weights: Path, sha256: str) -> Intervals | None:
    """The intervals stored beside a weights file; `None` where there are none.

    Raises:
        ValueError: for a file that is none, or that belongs to other weights.
    """
    path = interval_path(weights)
    if not path.is_file():
        return None
    try:
        found = Intervals(**json.loads(path.read_text(encoding="utf-8")))
        fits = len(found.scores) == len(found.half_widths) > 1 and found.about["sha256"] == sha256
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{path}: not an interval file; calibrate again, or remove it") from None
    if not fits:
        raise ValueError(f"{path}: of other weights than {weights.name}; calibrate again, or remove it")
    return found


class Calibration:
    """Gathers pixels of images with originals, and makes `Intervals` of them.

    Coefficients are least squares of the errors' logarithms; they and the half-widths come from the same pixels, so
    what counts is the coverage on images of other patients.

    Args:
        scale: integer.
        coverage: float, between 0 and 1.
        seed: integer, chooses pixels.
    """

    def __init__(self, scale: int, coverage: float = 0.9, seed: int = 0):
        if not 0 < coverage < 1:
            raise ValueError(f"coverage {coverage}: give a share between 0 and 1")
        self.scale, self.coverage = scale, coverage
        self._rng = np.random.default_rng(seed)
        self._features: list[np.ndarray] = []
        self._errors: list[np.ndarray] = []

    def add(self, lr: np.ndarray, sr: np.ndarray, hr: np.ndarray, border: int) -> None:
        """Takes pixels of an image.

        Args:
            lr: array `(h, w)`, in grey levels of 255.
            sr, hr: arrays `(h * scale, w * scale)`, in the same; `sr` not rounded.
            border: px that are left out on each side.
        """
        inner = np.zeros(sr.shape, bool)
        inner[border:-border, border:-border] = True
        places = np.flatnonzero(inner)
        if len(places) > PIXELS:
            places = self._rng.choice(places, PIXELS, replace=False)
        self._features.append(np.stack([each.flat[places] for each in features(lr, sr, self.scale)], axis=1))
        self._errors.append(np.abs(hr.astype("float64") - sr).flat[places])

    def intervals(self, about: dict[str, Any]) -> Intervals:
        """The result.

        Raises:
            ValueError: for too few pixels to have a quantile of each bin.
        """
        known, errors = np.concatenate(self._features), np.concatenate(self._errors)
        least = int(np.ceil(BINS / (1 - self.coverage)))
        if len(errors) < least:
            raise ValueError(f"{len(errors)} pixels; a coverage of {self.coverage:g} needs at least {least}")
        coefficients = np.linalg.lstsq(known.astype("float64"), np.log(0.5 + errors), rcond=None)[0]
        score = known @ coefficients
        scores, widths = [], []
        for members in np.array_split(np.argsort(score, kind="stable"), BINS):
            # Split conformal prediction's rank: the pixel that is yet to come counts too.
            rank = min(len(members), int(np.ceil((len(members) + 1) * self.coverage)))
            scores.append(float(np.median(score[members])))
            widths.append(max(float(np.sort(errors[members])[rank - 1]), 1e-3))
        return Intervals(self.coverage, tuple(map(float, coefficients)), tuple(scores), tuple(widths), about)
