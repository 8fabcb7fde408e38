"""Intervals of pixels: how far the true value may be from the enlarged one, calibrated on images with originals.

Conformal prediction (Lei et al., JASA 2018, section 5.2; Vovk et al., 2005): a score says how hard a pixel is, and
among calibration pixels of about that score a share `coverage` of errors is within the half-width. Patients left out
set the last factor (cross-conformal: Vovk, Annals of Mathematics and AI 2015).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from keras_srgan.degradation.estimate import noise_level
from keras_srgan.files import json_text, write_text
from keras_srgan.resampling import resize

BINS = 50  # of equal numbers of calibration pixels
PIXELS = 40_000  # of an image that calibrate
FOLDS = 5  # of patients, each left out once
LEAST = 10  # images that can say what an image's noise does
PIXEL_FEATURES = 6  # those before the image's noise; files of before have only these
_FLOOR = 0.25  # grey levels below which features don't tell pixels apart
SUFFIX = ".interval.json"


def features(lr: np.ndarray, sr: np.ndarray, scale: int) -> Iterable[np.ndarray]:
    """What is known of each pixel's difficulty without the original.

    Args:
        lr, sr: float arrays `(h, w)` and `(h * scale, w * scale)`, in grey levels of 255.
        scale: integer.

    Yields:
        Float32 arrays like `sr`: a constant; the logarithms of the gradient, of the local contrast and of what was
        added to bicubic nearby; the level and its square; and the logarithm of the noise of all of `lr`. That one is
        the same in all of an image: films differ in what can be known of them more than their pixels tell.
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
    noise = noise_level(lr.astype("float64")) if min(lr.shape) > 2 else 0.0
    yield np.full_like(sr, np.log(_FLOOR + noise))


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
        coefficients: floats, one for each of the first features; the sum of the products is a pixel's score.
        scores: floats, rising.
        half_widths: floats, at each of `scores`, in grey levels of 255; between them their logarithms are straight.
        about: dictionary: `sha256` of the weights, `protocol`, `images`, `patients`, and of patients left out, whose
            pixels had no part in the scores: `left_out`, the share within before the last `factor`, and the factor.

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
                self.coefficients, features((lr - span[0]) * unit, (sr - span[0]) * unit, scale), strict=False
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
        known = PIXEL_FEATURES <= len(found.coefficients) <= PIXEL_FEATURES + 1
        fits = known and len(found.scores) == len(found.half_widths) > 1 and found.about["sha256"] == sha256
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{path}: not an interval file; calibrate again, or remove it") from None
    if not fits:
        raise ValueError(f"{path}: of other weights than {weights.name}; calibrate again, or remove it")
    return found


class Calibration:
    """Gathers pixels of images with originals, and makes `Intervals` of them.

    Coefficients are least squares of the errors' logarithms. They and the half-widths come from the same pixels, which
    flatters them; so patients are left out in turn, and all half-widths times the factor by which theirs hold.

    Args:
        scale: integer.
        coverage: float, between 0 and 1.
        seed: integer, chooses pixels and folds.
    """

    def __init__(self, scale: int, coverage: float = 0.9, seed: int = 0):
        if not 0 < coverage < 1:
            raise ValueError(f"coverage {coverage}: give a share between 0 and 1")
        self.scale, self.coverage = scale, coverage
        self._rng = np.random.default_rng(seed)
        self._features: list[np.ndarray] = []
        self._errors: list[np.ndarray] = []
        self._patients: list[str] = []

    def add(self, lr: np.ndarray, sr: np.ndarray, hr: np.ndarray, border: int, patient: str = "") -> None:
        """Takes pixels of an image.

        Args:
            lr: array `(h, w)`, in grey levels of 255.
            sr, hr: arrays `(h * scale, w * scale)`, in the same; `sr` not rounded.
            border: px that are left out on each side.
            patient: whose image it is; images of one are left out together.
        """
        inner = np.zeros(sr.shape, bool)
        inner[border:-border, border:-border] = True
        places = np.flatnonzero(inner)
        if len(places) > PIXELS:
            places = self._rng.choice(places, PIXELS, replace=False)
        self._features.append(np.stack([each.flat[places] for each in features(lr, sr, self.scale)], axis=1))
        self._errors.append(np.abs(hr.astype("float64") - sr).flat[places])
        self._patients.append(patient)

    def intervals(self, about: dict[str, Any]) -> Intervals:
        """The result.

        Raises:
            ValueError: for too few pixels to have a quantile of each bin.
        """
        least, pixels = int(np.ceil(BINS / (1 - self.coverage))), sum(map(len, self._errors))
        if pixels < least:
            raise ValueError(f"{pixels} pixels; a coverage of {self.coverage:g} needs at least {least}")
        coefficients, scores, widths = self._fit(range(len(self._errors)))
        patients = self._rng.permutation(np.unique(self._patients))
        if len(patients) >= FOLDS:
            ratios = np.concatenate([self._left_out(fold) for fold in np.array_split(patients, FOLDS)])
            factor = self._quantile(ratios)
            about = {**about, "left_out": {"within": float((ratios <= 1).mean()), "factor": factor}}
            widths = widths * factor
        return Intervals(self.coverage, tuple(coefficients.tolist()), tuple(scores), tuple(widths.tolist()), about)

    def _left_out(self, patients: np.ndarray) -> np.ndarray:
        """The errors of some patients' images as shares of the half-widths that the others' give."""
        out = [i for i, patient in enumerate(self._patients) if patient in patients]
        coefficients, scores, widths = self._fit([i for i in range(len(self._patients)) if i not in out])
        known = [self._features[i] @ coefficients for i in out]
        return np.concatenate(
            [self._errors[i] / np.exp(np.interp(k, scores, np.log(widths))) for i, k in zip(out, known, strict=True)]
        )

    def _fit(self, images: Iterable[int]) -> tuple[np.ndarray, list[float], np.ndarray]:
        """Coefficients, scores and half-widths of some images."""
        chosen = list(images)
        known = np.concatenate([self._features[i] for i in chosen]).astype("float64")
        errors = np.concatenate([self._errors[i] for i in chosen])
        used = known if len(chosen) >= LEAST else known[:, :PIXEL_FEATURES]
        squares = used.T @ used, used.T @ np.log(0.5 + errors)
        coefficients = np.zeros(known.shape[1])
        coefficients[: used.shape[1]] = np.linalg.lstsq(*squares, rcond=None)[0]
        score = known @ coefficients
        scores, widths = [], []
        for members in np.array_split(np.argsort(score, kind="stable"), BINS):
            scores.append(float(np.median(score[members])))
            widths.append(max(self._quantile(errors[members]), 1e-3))
        return coefficients, scores, np.array(widths)

    def _quantile(self, values: np.ndarray) -> float:
        """Split conformal prediction's: the pixel that is yet to come counts too."""
        rank = min(len(values), int(np.ceil((len(values) + 1) * self.coverage)))
        return float(np.partition(values, rank - 1)[rank - 1])
