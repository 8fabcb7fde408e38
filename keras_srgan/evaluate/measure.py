"""The figures of one image: what is measured, and on which pixels."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from keras_srgan import metrics
from keras_srgan.evaluate.methods import Method
from keras_srgan.evaluate.protocols import Pair, Protocol
from keras_srgan.metrics import lpips, vgg_distance, vgg_features

METRICS: dict[str, dict[str, Any]] = {
    "psnr": {"label": "PSNR", "unit": "dB", "better": "higher", "digits": 2},
    "ssim": {"label": "SSIM", "unit": "", "better": "higher", "digits": 4},
    "ms_ssim": {"label": "MS-SSIM", "unit": "", "better": "higher", "digits": 4},
    "lpips": {"label": "LPIPS", "unit": "", "better": "lower", "digits": 4},
    "vgg": {"label": "VGG19", "unit": "", "better": "lower", "digits": 1},
    "consistency": {"label": "LR consistency", "unit": "grey levels", "better": "lower", "digits": 2},
    "sharpness": {"label": "sharpness", "unit": "of HR's", "better": "higher", "digits": 3},
    "gms": {"label": "GMS", "unit": "", "better": "higher", "digits": 4},
    "invented": {"label": "invented", "unit": "% of SR's structures", "better": "lower", "digits": 1},
    "lost": {"label": "lost", "unit": "% of HR's structures", "better": "lower", "digits": 1},
    "grid": {"label": "grid", "unit": "of the spectrum beside", "better": "lower", "digits": 2},
    "seconds": {"label": "time", "unit": "s", "better": "lower", "digits": 3},
}


# Without an original: sharpness has nothing to be a share of.
ALONE = {
    "consistency": METRICS["consistency"],
    "sharpness": {"label": "sharpness", "unit": "grey levels/px", "better": "higher", "digits": 2},
    "grid": METRICS["grid"],
    "seconds": METRICS["seconds"],
}


class Reference:
    """What every method's version of an image is measured against.

    Args:
        pair: `Pair`.
        protocol: `Protocol`.
        names: the metrics wanted.
        extra: functions of HR and SR by the names of those that another package computes.
    """

    def __init__(
        self, pair: Pair, protocol: Protocol, names: Sequence[str], extra: Mapping[str, Callable] | None = None
    ):
        self.pair, self.protocol, self.names, self.extra = pair, protocol, names, extra or {}
        if pair.hr is not None:
            self.image = protocol.inner(pair.hr, pair.max_value)
            self.plane = protocol.inner(protocol.plane(pair.hr, pair.max_value), pair.max_value)
            self.features = vgg_features(self.image) if "vgg" in names else None

    def figures(self, sr: np.ndarray, plane: np.ndarray) -> dict[str, float]:
        """The figures of one version: all but the time.

        Args:
            sr: the enlarged image.
            plane: its values that the figures compare; perceptual distances and consistency take `sr`.
        """
        white = self.pair.max_value
        image, plane = self.protocol.inner(sr, white), self.protocol.inner(plane, white)
        small = self.pair.lr.reshape(1, *self.pair.lr.shape[:2], -1), sr.reshape(1, *sr.shape[:2], -1)
        compute: dict[str, Callable[[], Any]] = {
            "psnr": lambda: metrics.psnr(self.plane, plane),
            "ssim": lambda: metrics.ssim(self.plane, plane),
            "ms_ssim": lambda: metrics.ms_ssim(self.plane, plane),
            "lpips": lambda: lpips(self.image, image),
            "vgg": lambda: vgg_distance(self.image, image, features=self.features),
            "consistency": lambda: metrics.consistency(*small, white),
            "sharpness": lambda: metrics.sharpness(plane) / metrics.sharpness(self.plane),
            "gms": lambda: metrics.gradient_similarity(self.plane, plane),
            "invented": lambda: 100 * metrics.invented_structure(self.plane, plane),
            "lost": lambda: 100 * metrics.lost_structure(self.plane, plane),
            "grid": lambda: metrics.grid(plane, self.protocol.scale) if self.protocol.scale > 1 else [np.nan],
        }
        compute |= {name: partial(_one, each, self, image) for name, each in self.extra.items()}
        if self.pair.hr is None:
            compute["sharpness"] = lambda: 255 * metrics.sharpness(plane)
        found = {}
        for name in (each for each in self.names if each in compute):
            try:
                found[name] = float(keras.ops.convert_to_numpy(compute[name]())[0])
            except metrics.ImageTooSmall:
                found[name] = float("nan")
        return found


def _one(metric: Callable, reference: Reference, image: np.ndarray) -> list[float]:
    return [metric(reference.image, image)]


def measure(
    pair: Pair,
    protocol: Protocol,
    methods: Sequence[Method],
    names: Sequence[str],
    extra: Mapping[str, Callable] | None = None,
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Enlarges an image by every method and measures the results.

    Args:
        pair: `Pair`.
        protocol: `Protocol`.
        methods: list of `Method`.
        names: the metrics wanted.
        extra: as for `Reference`.

    Returns:
        A row a method: `image`, `method`, the figures in the order of `names`; and each method's image.
    """
    reference = Reference(pair, protocol, names, extra)
    rows, versions = [], {}
    for method in methods:
        started = time.perf_counter()
        sr, plane = method(pair, protocol)
        figures = {"seconds": time.perf_counter() - started} | reference.figures(sr, plane)
        rows.append({"image": pair.name, "method": method.name, **{name: figures[name] for name in names}})
        versions[method.name] = sr
    return rows, versions
