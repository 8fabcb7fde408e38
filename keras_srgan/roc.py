"""The area under the ROC curve, cross-validation by patient, and intervals over patients."""

from collections.abc import Iterator, Mapping

import numpy as np

FOLDS, RESAMPLES = 5, 1000


def auc(scores: np.ndarray, present: np.ndarray) -> float:
    """The area under the ROC curve: the share of pairs in the right order; ties count half.

    Args:
        scores: float array `(n,)`.
        present: boolean array `(n,)`.

    Returns:
        Float; NaN where all or none are present.

    Example:

    >>> auc(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    0.75
    """
    yes, no = scores[present], np.sort(scores[~present])
    if not len(yes) or not len(no):
        return float("nan")
    below, upto = np.searchsorted(no, yes, "left"), np.searchsorted(no, yes, "right")
    return float((below + upto).mean() / (2 * len(no)))


def patient_folds(groups: np.ndarray, seed: int = 0) -> Iterator[np.ndarray]:
    """Boolean arrays of the test part of each fold; no patient is in two.

    Args:
        groups: array `(n,)`, patients.
        seed: integer.

    Raises:
        ValueError: for fewer than two patients.
    """
    names = np.unique(groups)
    if len(names) < 2:
        raise ValueError("an observer is trained and tested on different patients: give images of at least two")
    for fold in np.array_split(np.random.default_rng(seed).permutation(names), min(FOLDS, len(names))):
        yield np.isin(groups, fold)


def auc_cells(
    scores: Mapping[str, np.ndarray], present: np.ndarray, groups: np.ndarray, seed: int = 0, base: str = "bicubic"
) -> dict[str, tuple[str, str]]:
    """AUC with its 95 % interval, and the paired difference from `base`, as cells of a table.

    Args:
        scores: arrays `(n,)` by name.
        present: boolean array `(n,)`.
        groups: array `(n,)`, patients, who are drawn with replacement.
        seed: integer.
        base: a name of `scores`.

    Returns:
        Two texts a name; the second is empty for `base`.
    """
    names = np.unique(groups)
    members = [np.flatnonzero(groups == name) for name in names]
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([members[i] for i in rng.integers(len(names), size=len(names))])
        drawn.append([auc(each[chosen], present[chosen]) for each in scores.values()])
    table, first, cells = np.array(drawn), list(scores).index(base), {}
    for k, (name, each) in enumerate(scores.items()):
        own, gain = auc(each, present), auc(each, present) - auc(scores[base], present)
        (low, high), (least, most) = (
            np.nanquantile(x, (0.025, 0.975)) for x in (table[:, k], table[:, k] - table[:, first])
        )
        over = "" if name == base else f"{gain:+.3f} [{least:+.3f}, {most:+.3f}]"
        cells[name] = (f"{own:.3f} [{low:.3f}, {high:.3f}]", over)
    return cells
