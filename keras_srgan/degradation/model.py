"""HR to LR through all stages: one image, or a batch of patches, by the same function."""

from collections.abc import Sequence

import numpy as np

from keras_srgan.degradation.blur import blur, blur_kernel, sigma_of_mtf
from keras_srgan.degradation.compression import compress
from keras_srgan.degradation.grey import export
from keras_srgan.degradation.noise import add_noise, exposure_of, grey_of
from keras_srgan.degradation.reduction import reduce
from keras_srgan.degradation.settings import Degradation


def degrade(
    hr: np.ndarray, scale: int, max_value: int, degradation: Degradation, rng: np.random.Generator
) -> np.ndarray:
    """Makes the LR image of an HR image.

    Args:
        hr: array `(H, W)` or `(H, W, C)`, sides multiples of `scale`, any dtype, values in `[0, max_value]`.
        scale: integer; 1 keeps the size.
        max_value: the value of white.
        degradation: `Degradation`. Every range is drawn once.
        rng: `numpy.random.Generator`; the same state gives the same LR.

    Returns:
        Array `(H / scale, W / scale[, C])` of whole grey levels in `[0, max_value]`: of HR's dtype, or float64 where
        that is a float.

    Raises:
        ValueError: if a side is not a multiple of `scale`.

    Example:

    >>> image = read_image("chest.png")
    >>> mild = Degradation("mild", mtf=(0.64, 0.64), dose=(1800, 1800))
    >>> degrade(image.pixels, 4, image.max_value, mild, np.random.default_rng(0)).shape
    (24, 32)
    """
    if hr.shape[0] % scale or hr.shape[1] % scale:
        raise ValueError(f"HR of {hr.shape[1]}x{hr.shape[0]} px: crop it to a multiple of {scale} first")
    drawn = degradation.draw(rng)
    flat = hr[..., 0] if hr.ndim == 3 and hr.shape[2] == 1 else hr
    grey = optics(flat.astype("float64") / max_value, scale, drawn)
    if drawn["dose"] or drawn["readout"]:
        latitude = drawn["latitude"] if drawn["domain"] == "log" else 0.0
        noise = {name: drawn[name] for name in ("dose", "grain")}
        grey = add_noise(grey, rng, readout=drawn["readout"] / 255, latitude=latitude, **noise)
    lr = np.rint(archive(grey, max_value, drawn) * max_value)
    return lr.reshape(*lr.shape[:2], *hr.shape[2:]).astype(hr.dtype if hr.dtype.kind == "u" else "float64")


def optics(grey: np.ndarray, scale: int, drawn: dict) -> np.ndarray:
    """Blur and reduction: what a noiseless detector would see.

    Args:
        grey: float64 array `(H, W)` or `(H, W, 3)` in `[0, 1]`.
        scale: integer.
        drawn: what `Degradation.draw` gave.

    Returns:
        Array `(H / scale, W / scale[, 3])`; bicubic overshoot is not clipped.
    """
    sigma = sigma_of_mtf(drawn["mtf"], 0.5 / scale)
    aperture = drawn["aperture"] * scale
    if sigma or aperture:
        grey = blur(grey, blur_kernel(sigma, drawn["anisotropy"], drawn["angle"], aperture))
    if drawn["reduction"] == "binning":
        latitude = drawn["latitude"]
        return grey_of(reduce(exposure_of(grey, latitude), scale, "binning", drawn["phase"]), latitude)
    return reduce(grey, scale, drawn["reduction"], drawn["phase"])


def archive(grey: np.ndarray, max_value: int, drawn: dict) -> np.ndarray:
    """Window, rounding and compression: what is left of LR in a file.

    Args:
        grey: float64 array in about `[0, 1]`.
        max_value: the value of white of a file that keeps its own bit depth.
        drawn: what `Degradation.draw` gave.

    Returns:
        Array in `[0, 1]`.
    """
    codec = drawn["codec"]
    levels = 2 ** drawn["bits"] - 1 if drawn["bits"] else max_value
    levels = min(levels, 255) if codec == "jpeg" else levels
    window = drawn["window"]
    grey = export(grey, levels, window)
    if codec == "none":
        return grey
    low = 0.5 - window / 2
    pixels = np.rint((grey - low) / window * levels).astype("uint8" if levels < 256 else "uint16")
    kept = compress(pixels, codec, drawn["quality"], drawn["rate"], drawn["shift"])
    return np.clip(kept / levels, 0.0, 1.0) * window + low


def degrade_batch(
    hr: np.ndarray, scale: int, levels: np.ndarray, degradation: Degradation, seeds: Sequence[Sequence[int]]
) -> np.ndarray:
    """Makes the LR patches of a batch.

    Args:
        hr: float32 array `(N, P, P, C)` in `[-1, 1]`.
        scale: integer.
        levels: array `(N,)`, each source's value of white.
        degradation: `Degradation`.
        seeds: N seeds of `numpy.random.default_rng`: a patch depends on its own only.

    Returns:
        Float32 array `(N, P / scale, P / scale, C)` in `[-1, 1]`.
    """
    lr = np.empty((len(hr), *(side // scale for side in hr.shape[1:3]), hr.shape[3]), "float32")
    for i, (patch, white, seed) in enumerate(zip(hr, levels, seeds, strict=True)):
        white = int(white)
        low = degrade((patch + 1.0) * (white / 2), scale, white, degradation, np.random.default_rng(seed))
        lr[i] = low * (2.0 / white) - 1.0
    return lr
