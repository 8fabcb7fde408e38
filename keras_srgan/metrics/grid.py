"""A pattern of LR's period, as sub-pixel layers and discriminators draw it; needs no original.

The figure is taken in blocks by NumPy's transform: these functions take arrays.
"""

import itertools

import numpy as np

from keras_srgan.metrics.fidelity import ImageTooSmall

PERIODS, PIXELS = 16, 64  # a block's least side, in periods of LR and px; grid frequencies are then whole bins
NEAR, WIDE = (-1, 0, 1), (-2, -1, 0, 1, 2)  # bins: the window spreads a pattern over one to each side
SIDES = (3, 4, 5, 6, 7)  # bins away
ROUNDING = 1 / 12  # variance of rounding to grey levels of 255: no less noise is assumed
CHUNK = 256  # blocks transformed at once


def grid(images, scale: int = 4, max_value: float = 1.0) -> np.ndarray:
    """The energy at the frequencies of LR's grid, as a share of that beside them: 1 where there is no grid.

    Blocks of 16 periods, but at least 64 px, that overlap by half, their mean subtracted, under a Hann window. In
    the power spectrum of each, `P` is the mean of 3x3 bins around a grid frequency `(i / scale, j / scale)`, and `N`
    the geometric mean of those 3 to 7 bins away along its axis, to either side; of a frequency on no axis, along both.
    The figure of a block is `sum(P) / sum(N)` over all grid frequencies but 0, each plus the power of rounding to
    grey levels of 255; an image's is the mean over its blocks.

    Args:
        images: arrays `(N, H, W, C)` in `[0, max_value]`; of colour, the mean of the channels.
        scale: integer from 2, the factor from LR to them: the period looked for, px.
        max_value: float, the value of white.

    Returns:
        Float64 array `(N,)`, above 0: near 1 in images and noise without a grid, below 1 where an interpolation kernel
        is zero at these frequencies (bicubic), and above where they stand out.

    Raises:
        ValueError: for a scale below 2, or images of another shape.
        ImageTooSmall: for images smaller than a block.

    Example:

    >>> image = np.random.default_rng(0).normal(0.5, 0.01, (1, 256, 256, 1))
    >>> image[:, ::4] += 0.02
    >>> bool(grid(image)[0] > 10)
    True

    Reference:
        Our own. Odena et al., Distill 2016 (checkerboards); Durall et al., CVPR 2020 (spectra of upsampling);
        Welch 1967 (the average over windowed blocks).
    """
    images = np.asarray(images, "float64")
    if images.ndim != 4 or scale < 2:
        raise ValueError(f"images of shape {images.shape}, scale {scale}: give (N, H, W, C) and a scale from 2")
    side = _periods(scale) * scale
    if min(images.shape[1:3]) < side:
        raise ImageTooSmall(f"grid needs sides of at least {side} px, got {images.shape[1]}x{images.shape[2]}")
    return np.array([_ratios(each.mean(axis=-1) * (255 / max_value), scale).mean() for each in images])


def _periods(scale: int) -> int:
    """How many periods of LR a block has a side."""
    return max(PERIODS, -(-PIXELS // scale))


def _ratios(plane: np.ndarray, scale: int) -> np.ndarray:
    """The figure of each block of an image in grey levels of 255."""
    side = _periods(scale) * scale
    blocks = np.lib.stride_tricks.sliding_window_view(plane, (side, side))[:: side // 2, :: side // 2]
    blocks = blocks.reshape(-1, side, side)
    wave = np.sin(np.pi * np.arange(side) / side) ** 2
    window = np.outer(wave, wave)
    floor = ROUNDING * (window**2).sum()
    found = []
    for start in range(0, len(blocks), CHUNK):
        some = blocks[start : start + CHUNK]
        power = np.abs(np.fft.fft2((some - some.mean(axis=(1, 2), keepdims=True)) * window)) ** 2 + floor
        found.append(_ratio(power, scale))
    return np.concatenate(found)


def _ratio(power: np.ndarray, scale: int) -> np.ndarray:
    """The energy at the grid's frequencies over that beside them, in each of some spectra."""
    periods, before = _periods(scale), tuple(-d for d in SIDES)

    def mean(frequency, *steps):
        places = zip(frequency, steps, strict=True)
        rows, columns = ([(periods * k + d) % power.shape[1] for d in each] for k, each in places)
        return power[:, np.array(rows)[:, None], columns].mean(axis=(1, 2))

    at, beside = np.zeros(len(power)), np.zeros(len(power))
    for row, column in itertools.product(range(scale), repeat=2):
        sides = [(each, WIDE) for each in (before, SIDES) if row] + [(WIDE, each) for each in (before, SIDES) if column]
        if sides:
            at = at + mean((row, column), NEAR, NEAR)
            beside = beside + np.exp(np.mean([np.log(mean((row, column), *steps)) for steps in sides], axis=0))
    return at / beside
