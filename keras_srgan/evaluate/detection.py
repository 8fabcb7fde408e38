"""A task: faint nodules and lines are planted in HR, and an observer says where the enlarged image holds them.

A channelised Hotelling observer (Barrett and Myers, Foundations of Image Science, 2004, section 14.3), trained and
tested on different patients. Its channels are even Gauss-Hermite functions of the signal's own widths, after the
Laguerre-Gauss channels of Gallas and Barrett, JOSA A 2003.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial, sqrt
from pathlib import Path

import numpy as np

from keras_srgan.data.patients import patient_of
from keras_srgan.evaluate.methods import baselines, networks
from keras_srgan.evaluate.protocols import Pair, Protocol
from keras_srgan.evaluate.test_set import items_of, read_ahead
from keras_srgan.images import ImageError
from keras_srgan.markdown import markdown_table
from keras_srgan.resampling import quantise, reduce_image
from keras_srgan.roc import FOLDS, auc_cells, patient_folds

SIDE = 48  # px of a place
PLACES = 8  # of an image with each signal, and as many without any
DARKEST, BRIGHTEST = 0.15, 0.85  # mean level of a place, of white


@dataclass(frozen=True)
class Signal:
    """What is planted: a gaussian of two widths, added to the image.

    Args:
        name: in the table.
        rows, columns: float, standard deviations in px of HR.
        contrast: float, of its peak, grey levels of 255.
    """

    name: str
    rows: float
    columns: float
    contrast: float

    def template(self) -> np.ndarray:
        """The signal, array `(SIDE, SIDE)` in grey levels of 255."""
        y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
        return self.contrast * np.exp(-(y**2) / (2 * self.rows**2) - x**2 / (2 * self.columns**2))


SIGNALS = (Signal("nodule", 4.0, 4.0, 8.0), Signal("line", 1.0, 8.0, 10.0))


def channels(signal: Signal, orders: Sequence[int] = (0, 2, 4)) -> np.ndarray:
    """Gauss-Hermite functions of even orders along both axes, the first of them the signal's own form.

    Returns:
        Array `(SIDE * SIDE, len(orders) ** 2)`, columns of norm one.
    """
    x = np.arange(SIDE) - SIDE // 2
    axes = []
    for width in (signal.rows, signal.columns):
        u = x / width
        series = [np.polynomial.hermite_e.hermeval(u, np.eye(n + 1)[n]) / sqrt(factorial(n)) for n in orders]
        axes.append([each * np.exp(-(u**2) / 2) for each in series])
    planes = np.stack([np.outer(a, b).ravel() for a in axes[0] for b in axes[1]], axis=1)
    return planes / np.linalg.norm(planes, axis=0)


def hotelling_scores(values: np.ndarray, present: np.ndarray, groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """The observer's scores, each by a template from the groups of other folds.

    Args:
        values: array `(n, channels)`.
        present: boolean array `(n,)`, whether the signal is there.
        groups: array `(n,)`, patients, who are never in both parts.
        seed: integer, of the folds.

    Returns:
        Float array `(n,)`, of mean zero and variance one without a signal, as far as the training part tells.

    Raises:
        ValueError: for fewer than two patients.
    """
    scores = np.zeros(len(values))
    for test in patient_folds(groups, seed):
        yes, no = values[~test & present], values[~test & ~present]
        covariance = (np.cov(yes.T) + np.cov(no.T)) / 2
        template = np.linalg.lstsq(covariance, yes.mean(axis=0) - no.mean(axis=0), rcond=None)[0]
        known = no @ template
        scores[test] = (values[test] @ template - known.mean()) / known.std()
    return scores


def plant(pair: Pair, protocol: Protocol, rng: np.random.Generator) -> tuple[Pair, dict[str, list[tuple[int, int]]]]:
    """Plants signals in HR and reduces it.

    Returns:
        The pair with signals; and the top left corners of the places with each signal, and of those with `none`.
    """
    assert pair.hr is not None
    hr, white = pair.hr.astype("float64"), pair.max_value
    corners = [
        (top + int(rng.integers(8)), left + int(rng.integers(8)))
        for top in range(8, hr.shape[0] - SIDE - 15, SIDE + 8)
        for left in range(8, hr.shape[1] - SIDE - 15, SIDE + 8)
    ]
    inside = [c for c in corners if DARKEST < _place(hr, c).mean() / white < BRIGHTEST]
    order = [inside[i] for i in rng.permutation(len(inside))]
    each = min(PLACES, len(order) // (len(SIGNALS) + 1))
    places = {"none": order[:each]}
    for number, signal in enumerate(SIGNALS, 1):
        places[signal.name] = order[number * each : (number + 1) * each]
        for top, left in places[signal.name]:
            hr[top : top + SIDE, left : left + SIDE] += signal.template() * (white / 255)
    planted = quantise(hr, white, pair.hr.dtype)
    return Pair(pair.name, planted, reduce_image(planted, protocol.scale, white), white), places


def _place(image: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    return image[corner[0] : corner[0] + SIDE, corner[1] : corner[1] + SIDE]


def detection_markdown(
    data: str | Path,
    weights: Sequence[str | Path],
    protocol: Protocol,
    seed: int = 0,
    warn: Callable[[str], object] = lambda text: None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> str:
    """The observer's AUC on HR, bicubic and networks, and its difference from bicubic, as Markdown.

    Args:
        data: a folder of HR images.
        weights: names, files or run folders.
        protocol: `Protocol` of whole gray images; LR is made by bicubic.
        seed: integer, of places, folds and the bootstrap over patients.
        warn, progress: as for `compare`.

    Raises:
        OSError, ValueError: as `compare`; for another protocol, or images of one patient.
    """
    if protocol.channel != "gray" or not protocol.degradation.plain:
        raise ValueError(f"--task detection needs a protocol of gray images reduced by bicubic, not {protocol.name}")
    methods = [*baselines([], protocol.scale), *networks(weights, protocol.scale)]
    names = ["HR", *(method.name for method in methods)]
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    owners: dict[str, list[str]] = {}
    banks = [channels(signal) for signal in SIGNALS]
    bank, width = np.concatenate(banks, axis=1), banks[0].shape[1]
    items = items_of(protocol, data)
    for done, pair in enumerate(read_ahead(items), 1):
        if isinstance(pair, ImageError):
            warn(f"left out: {pair}")
        else:
            planted, places = plant(pair, protocol, np.random.default_rng([seed, zlib.crc32(pair.name.encode())]))
            assert planted.hr is not None
            images = {"HR": planted.hr, **{method.name: method(planted, protocol)[0] for method in methods}}
            for kind, corners in places.items():
                owners.setdefault(kind, []).extend([patient_of(pair.name) or pair.name] * len(corners))
                for name, image in images.items():
                    rows = [_place(image, corner).ravel() * (255 / pair.max_value) @ bank for corner in corners]
                    found.setdefault((name, kind), []).extend(rows)
        progress(done, len(items))
    if not owners.get("none"):
        raise ImageError(f"none of {len(items)} image(s) has places for signals")
    table = []
    for number, signal in enumerate(SIGNALS):
        own = slice(number * width, (number + 1) * width)
        groups = np.array(owners[signal.name] + owners["none"])
        present = np.arange(len(groups)) < len(owners[signal.name])
        scores = {}
        for name in names:
            values = np.stack(found[name, signal.name] + found[name, "none"])[:, own]
            scores[name] = hotelling_scores(values, present, groups, seed)
        cells = auc_cells(scores, present, groups, seed)
        table += [[signal.name, name, *cells[name]] for name in names]
    head = ["signal", "image", "AUC", "over bicubic"]
    shapes = "; ".join(
        f"{s.name}: gaussian of {s.rows:g} x {s.columns:g} px, {s.contrast:g} grey levels" for s in SIGNALS
    )
    return (
        f"{markdown_table(head, table)}\n\nChannelised Hotelling observer, {len(owners['none'])} places of each kind "
        f"in images of {len(set(owners['none']))} patients; trained and tested on other patients ({FOLDS} folds) [95 % "
        f"interval, bootstrap over patients]. Planted in HR before reduction, at known places, seed {seed}: {shapes} "
        "(peak, of 255)."
    )
