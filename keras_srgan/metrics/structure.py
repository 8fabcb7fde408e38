"""Invented and lost structure: blobs and lines that are in one image and not in the other.

Connected regions are no tensor operation: these functions take arrays, and compute in OpenCV.
"""

from dataclasses import dataclass

import cv2
import numpy as np

# px, the gaussians whose difference is an image's detail: about what an LR of a quarter does not hold. Coarser detail
# comes out of LR, so that no network that is true to LR invents or loses any.
FINE, COARSE = 0.7, 2.0


@dataclass(frozen=True)
class Structures:
    """What counts as a blob or a line.

    A structure is a connected region of at least `area` px where the detail (the image after a gaussian of 0.7 px,
    minus it after one of 2 px) is everywhere at least `contrast` above zero, or below it. It is there in the other
    image too if that one's detail, projected on the structure's and moved by up to `reach` px, is at least half as
    strong: a matched filter, which dots of noise beside a line don't satisfy.

    Args:
        contrast: float, grey levels of 255.
        area: integer, px.
        reach: integer, px.

    Example:

    >>> hr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> sr = hr.copy()
    >>> sr[0, 16, 4:28] = 0.7  # a line of 51 grey levels
    >>> invented_structure(hr, sr, rule=Structures(contrast=60.0))
    array([nan])
    """

    contrast: float = 3.0
    area: int = 8
    reach: int = 1


DEFAULT = Structures()


def invented_structure(hr, sr, max_value: float = 1.0, rule: Structures = DEFAULT) -> np.ndarray:
    """The share of the structures of each SR that are not in its HR.

    Args:
        hr, sr: arrays `(N, H, W, C)` in `[0, max_value]`; of colour, the mean of the channels.
        max_value: float, the value of white.
        rule: `Structures`.

    Returns:
        Float64 array `(N,)`; NaN for an SR without structures.

    Raises:
        ValueError: for images of two shapes.

    Example:

    >>> hr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> sr = hr.copy()
    >>> sr[0, 16, 4:28] = 0.7  # a line
    >>> invented_structure(hr, sr)
    array([1.])
    """
    return np.array([_share(b, a, rule) for a, b in _planes(hr, sr, max_value)])


def lost_structure(hr, sr, max_value: float = 1.0, rule: Structures = DEFAULT) -> np.ndarray:
    """The share of the structures of each HR that are not in its SR; arguments as for `invented_structure`.

    Example:

    >>> sr = np.full((1, 32, 32, 1), 0.5, "float32")
    >>> hr = sr.copy()
    >>> hr[0, 16, 4:28] = 0.7
    >>> lost_structure(hr, sr)
    array([1.])
    """
    return np.array([_share(a, b, rule) for a, b in _planes(hr, sr, max_value)])


def _planes(hr, sr, max_value: float):
    hr, sr = (np.asarray(each, "float32") for each in (hr, sr))
    if hr.ndim != 4 or hr.shape != sr.shape:
        raise ValueError(f"HR of shape {hr.shape} and SR of shape {sr.shape}: give images of one shape (N, H, W, C)")
    for pair in zip(hr, sr, strict=True):
        yield tuple(np.ascontiguousarray(each.mean(axis=-1)) * np.float32(255 / max_value) for each in pair)


def detail(plane: np.ndarray) -> np.ndarray:
    """The detail of an image `(H, W)` in which structures are looked for: the difference of two gaussians."""
    fine, coarse = (cv2.GaussianBlur(plane, (0, 0), s, borderType=cv2.BORDER_REFLECT) for s in (FINE, COARSE))
    return fine - coarse


def _share(here: np.ndarray, there: np.ndarray, rule: Structures) -> float:
    count, missing = absent(detail(here), detail(there), rule)
    return missing / count if count else float("nan")


def absent(here: np.ndarray, there: np.ndarray, rule: Structures = DEFAULT) -> tuple[int, int]:
    """How many structures one image has, and how many of them the other has not; both as `detail` gives them."""
    reach, (height, width) = rule.reach, here.shape
    padded = np.pad(there, reach)
    steps = np.mgrid[: 2 * reach + 1, : 2 * reach + 1].reshape(2, -1).T
    moved = [padded[y : y + height, x : x + width] for y, x in steps if (y - reach) ** 2 + (x - reach) ** 2 <= reach**2]
    count = missing = 0
    for sign in (1, -1):
        mask = (sign * here >= rule.contrast).astype("uint8")
        number, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)

        def sums(values):
            return np.bincount(labels.ravel(), weights=values.ravel(), minlength=number)  # noqa: B023

        large = stats[:, cv2.CC_STAT_AREA] >= rule.area
        large[0] = False  # the background
        strongest = np.max([sums(here * each) for each in moved], axis=0)
        count += int(large.sum())
        missing += int((large & (strongest < sums(here * here) / 2)).sum())
    return count, missing
