"""How an image is enlarged, and what comes of it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Options:
    """How an image is enlarged.

    Args:
        tile: LR pixels of a tile's own part; 0: the whole image at once. `"auto"` keeps the activations near 1 GB.
        overlap: LR pixels around a tile; `"exact"`: as far as the network looks, so that there is no seam at all.
            Fewer are blended.
        blend: `"gaussian"` or `"linear"`: the weights of overlapping tiles below that.
        self_ensemble: whether to average over the 8 flips and rotations.
        back_project: integer, rounds of iterative back-projection.
        colour: what a one-channel network does with three channels: `"luma"` enlarges the luma, and the chroma by
            bicubic; `"channels"` enlarges each.
        stretch: whether the network sees the image's darkest and brightest values as black and white. For images that
            use little of their range, as CT in 16 bits: their detail is too faint for a network trained on
            radiographs. A part of an image then differs from the whole.
        map: whether to compute `Result.added`, and `Result.spread` with `self_ensemble`.
        interval: whether to compute `Result.lower` and `Result.upper`: gray images only, without `self_ensemble`
            and `back_project`, by weights that were calibrated.

    Example:

    >>> image = np.zeros((24, 32), "uint8")
    >>> keras_srgan.load("xray-fast").run(image, options=Options(tile=16, map=True)).added.shape
    (96, 128)

    Reference:
        Timofte et al., CVPR 2016 (self-ensemble); Irani and Peleg, CVGIP 1991 (back-projection).
    """

    tile: int | str = "auto"
    overlap: int | str = "exact"
    blend: str = "gaussian"
    self_ensemble: bool = False
    back_project: int = 0
    colour: str = "luma"
    map: bool = False
    stretch: bool = False
    interval: bool = False

    def __post_init__(self):
        for name, word in (("tile", "auto"), ("overlap", "exact"), ("back_project", None)):
            value = getattr(self, name)
            if value != word and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                other = f" or {word!r}" if word else ""
                raise ValueError(f"{name} {value!r}: give a whole number from 0{other}")
        for name, known in (("blend", ("gaussian", "linear")), ("colour", ("luma", "channels"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r}: choose one of {', '.join(known)}")
        if self.interval and (self.self_ensemble or self.back_project):
            raise ValueError("interval: calibrated for one pass; leave self_ensemble and back_project out")


@dataclass
class Result:
    """An enlarged image and what is known about it.

    Args:
        pixels: array of the input's dtype and axes.
        added: float32 array of the same shape, what the network added to bicubic, in the image's own units
            (grey levels); `None` if not asked for.
        spread: float32 array of the same shape, the standard deviation over the self-ensemble, in the same units;
            `None` without one.
        consistency: RMS difference between the reduced output and the input, in the same units, before and after
            back-projection; `None` without it.
        tiles: integer, in all.
        exact: whether the result is the whole image's; `False` where tiles are blended, or where the network
            takes statistics over the image and was given tiles.
        note: one line to show the user, or nothing.
        lower, upper: float32 arrays of the same shape, the ends of each pixel's interval, in the same units; see
            `Intervals`. `None` if not asked for.

    Example:

    >>> result = keras_srgan.load("xray-fast").run(np.zeros((24, 32), "uint8"))
    >>> result.pixels.shape, result.tiles, result.exact
    ((96, 128), 1, True)
    """

    pixels: np.ndarray
    added: np.ndarray | None
    spread: np.ndarray | None
    consistency: tuple[float, float] | None
    tiles: int
    exact: bool
    note: str
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
