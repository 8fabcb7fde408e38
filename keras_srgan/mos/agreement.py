"""How far judges agree: Krippendorff's alpha of ordered ratings, by the package `krippendorff`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_srgan.packages import installed

if TYPE_CHECKING:
    from keras_srgan.mos.scores import Rating

REPLICATES = 500


def alpha(ratings: Sequence["Rating"], seed: int = 0) -> tuple[float, float, float]:
    """Krippendorff's alpha, ordinal, of what several judges rated.

    Args:
        ratings: list of `Rating`.
        seed: of the bootstrap over crops; all versions of a crop are drawn together.

    Returns:
        Alpha (1: equal, 0: as by chance) and its 95 % interval; NaN for one judge, or where all ratings are equal.
    """
    import krippendorff

    judges = sorted({each.judge for each in ratings})
    versions = sorted({(each.crop, each.method) for each in ratings})
    table = np.full((len(judges), len(versions)), np.nan)
    for each in ratings:
        table[judges.index(each.judge), versions.index((each.crop, each.method))] = each.value

    def of(columns: np.ndarray) -> float:
        known = table[:, columns]
        pairs = known[:, np.isfinite(known).sum(axis=0) > 1]
        if not pairs.size or np.nanmin(pairs) == np.nanmax(pairs):
            return float("nan")
        return float(krippendorff.alpha(reliability_data=known, level_of_measurement="ordinal"))

    crops = np.unique([crop for crop, _ in versions])
    members = [np.array([i for i, (crop, _) in enumerate(versions) if crop == name]) for name in crops]
    rng = np.random.default_rng(seed)
    drawn = [
        of(np.concatenate([members[i] for i in rng.integers(len(crops), size=len(crops))])) for _ in range(REPLICATES)
    ]
    finite = [each for each in drawn if np.isfinite(each)]
    low, high = np.quantile(finite, (0.025, 0.975)) if finite else (np.nan, np.nan)
    return of(np.arange(len(versions))), float(low), float(high)


def sentence(ratings: Sequence["Rating"]) -> str:
    """The agreement in words."""
    if len({each.judge for each in ratings}) < 2:
        return "Agreement between judges: needs two at least."
    if not installed("krippendorff"):
        return "Agreement between judges: needs krippendorff: pip install 'keras-srgan[mos]'."
    found, low, high = alpha(ratings)
    if np.isnan(found):
        return "Agreement between judges: none to be had, all ratings are equal or of different versions."
    return (
        f"Agreement between judges (Krippendorff's alpha, ordinal; 1: equal, 0: as by chance): {found:.2f}, "
        f"95% interval {low:.2f} to {high:.2f} by bootstrap over crops."
    )
