"""Means with bootstrap intervals, paired differences, and the extremes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

EXTREMES = 5


def summarise(
    rows: Sequence[dict[str, Any]], methods: Sequence[str], metrics: Mapping[str, Mapping[str, Any]], seed: int = 0
) -> tuple[list[dict[str, Any]], dict[str, dict[str, list[str]]]]:
    """Means, paired differences from the first method, and the extremes: see `Evaluation`."""
    table = np.array([[row[name] for name in metrics] for row in rows], "float64")
    table = table.reshape(-1, len(methods), len(metrics))  # image, method, metric
    kept = np.isfinite(table).all(axis=1)
    summary: list[dict[str, Any]] = []
    for m, method in enumerate(methods):
        entry: dict[str, Any] = {"method": method}
        against = {}
        for k, (name, about) in enumerate(metrics.items()):
            values = table[kept[:, k], :, k]
            entry[name] = {**mean_interval(values[:, m], seed=seed), "n": len(values)}
            if m:
                against[name] = paired_difference(values[:, m], values[:, 0], about["better"], seed)
        summary.append({**entry, "against_bicubic": against} if m else entry)
    extremes = {}
    if "psnr" in metrics:
        names = [row["image"] for row in rows[:: len(methods)]]
        k = list(metrics).index("psnr")
        for m, method in enumerate(methods[1:], 1):
            with np.errstate(invalid="ignore"):
                gain = table[:, m, k] - table[:, 0, k]
            order = [names[i] for i in np.argsort(gain, kind="stable") if np.isfinite(gain[i])]
            extremes[method] = {"worst": order[:EXTREMES], "best": order[::-1][:EXTREMES]}
    return summary, extremes


RESAMPLES = 2000
CHUNK = 1_000_000  # resampled values held at once


def mean_interval(
    values: Sequence[float] | np.ndarray, resamples: int = RESAMPLES, level: float = 0.95, seed: int = 0
) -> dict[str, float]:
    """The mean of some images' figures with its percentile bootstrap interval.

    Args:
        values: one figure an image; infinite and undefined ones are left out.
        resamples: integer, how often the images are drawn with replacement.
        level: float, the share of resampled means inside the interval.
        seed: integer. The same seed and number of images draw the same images, so the intervals of several
            methods on one set are comparable.

    Returns:
        Dictionary of `mean`, `low` and `high`; NaN where there is no value.

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    x = np.asarray(values, "float64")
    x = x[np.isfinite(x)]
    if not x.size:
        return {"mean": float("nan"), "low": float("nan"), "high": float("nan")}
    rng = np.random.default_rng(seed)
    means: list[float] = []
    while (left := resamples - len(means)) > 0:
        rows = min(left, max(1, CHUNK // x.size))
        means.extend(x[rng.integers(x.size, size=(rows, x.size))].mean(axis=1))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return {"mean": float(x.mean()), "low": float(low), "high": float(high)}


def paired_difference(
    values: Sequence[float] | np.ndarray, base: Sequence[float] | np.ndarray, better: str = "higher", seed: int = 0
) -> dict[str, float]:
    """The mean difference of two methods on the same images, with its interval.

    Args:
        values, base: the figures of the method and of the one that it is compared with, in one order; an image for
            which either is infinite or undefined is left out.
        better: `"higher"` or `"lower"`.
        seed: integer.

    Returns:
        Dictionary of `mean`, `low`, `high` (of `values - base`) and `improved`, the share of images on which
        the method is better.
    """
    with np.errstate(invalid="ignore"):
        difference = np.asarray(values, "float64") - np.asarray(base, "float64")
    difference = difference[np.isfinite(difference)]
    gain = difference if better == "higher" else -difference
    improved = float((gain > 0).mean()) if gain.size else float("nan")
    return {**mean_interval(difference, seed=seed), "improved": improved}
