"""Crops for a report's gallery: which images, which part, in every method's version."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_srgan.evaluate.methods import Method
from keras_srgan.evaluate.protocols import Pair, Protocol

SIZE = 128  # px
STEP = 8  # px between the places that are tried


def pick_images(rows: Sequence[dict[str, Any]], methods: Sequence[str], first: int, count: int) -> list[int]:
    """The places of images that show the range of results, from the worst to the best.

    They are ordered by the gain in PSNR over bicubic of the first network, by bicubic's PSNR where there is none,
    and by their place where there is no PSNR; from this order they are taken at equal distances.

    Args:
        rows: the rows of an `Evaluation`.
        methods: its methods.
        first: the place of the first network in `methods`.
        count: how many.
    """
    psnr = np.array([row.get("psnr", 0.0) for row in rows]).reshape(-1, len(methods))
    with np.errstate(invalid="ignore"):
        key = psnr[:, first] - psnr[:, 0] if first < len(methods) else psnr[:, 0]
    order = np.argsort(key, kind="stable")
    order = order[np.isfinite(key[order])] if np.isfinite(key).any() else order  # of an exact image nothing is gained
    return [int(i) for i in dict.fromkeys(order[np.linspace(0, len(order) - 1, min(count, len(order))).astype(int)])]


def busiest(image: np.ndarray, size: int, border: int) -> tuple[int, int]:
    """Top and left of the square with the most change between neighbouring pixels, away from the border."""
    gray = image.mean(axis=2) if image.ndim == 3 else image.astype("float64")
    change = np.abs(np.diff(gray, axis=0, append=gray[-1:])) + np.abs(np.diff(gray, axis=1, append=gray[:, -1:]))
    total = np.pad(change.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    inside = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    tried = inside[border : inside.shape[0] - border : STEP, border : inside.shape[1] - border : STEP]
    y, x = np.unravel_index(int(tried.argmax()), tried.shape)
    return border + int(y) * STEP, border + int(x) * STEP


def crop(pair: Pair, protocol: Protocol, methods: Sequence[Method]) -> dict[str, Any]:
    """The busiest part of an image, enlarged by every method; see `Evaluation.gallery`."""
    versions = {} if pair.hr is None else {"original": pair.hr}
    versions |= {method.name: method(pair, protocol)[0] for method in methods}
    whole = next(iter(versions.values()))
    size = min(SIZE, min(whole.shape[:2]) - 2 * protocol.border)
    top, left = busiest(whole, size, protocol.border)
    window = np.s_[top : top + size, left : left + size]
    shown = {name: np.rint(each[window] * (255 / pair.max_value)).astype("uint8") for name, each in versions.items()}
    return {"image": pair.name, "crop": [top, left, size, size], "versions": shown}
