"""Means with bootstrap intervals, and paired differences."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
CHUNK = 1_000_000  # resampled values held at once


def mean_interval(
    values: Sequence[float] | np.ndarray, resamples: int = RESAMPLES, level: float = 0.95, seed: int = 0
) -> dict[str, float]:
    """The mean of some images' figures with its percentile bootstrap interval.

    Args:
        values: one finite figure an image.
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
        values, base: the figures of the method and of the one that it is compared with, in one order.
        better: `"higher"` or `"lower"`.
        seed: integer.

    Returns:
        Dictionary of `mean`, `low`, `high` (of `values - base`) and `improved`, the share of images on which
        the method is better.
    """
    difference = np.asarray(values, "float64") - np.asarray(base, "float64")
    gain = difference if better == "higher" else -difference
    improved = float((gain > 0).mean()) if gain.size else float("nan")
    return {**mean_interval(difference, seed=seed), "improved": improved}
