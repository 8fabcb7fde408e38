"""What a table compares: bicubic, nearest, Lanczos, non-local means, and networks, on gray and on colour."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.degradation.estimate import noise_level
from keras_srgan.evaluate.protocols import Pair, Protocol
from keras_srgan.images import rgb_to_ycbcr, ycbcr_to_rgb
from keras_srgan.images.depth import is_faint
from keras_srgan.inference import Upscaler, load
from keras_srgan.inference.choice import AUTO, AutoUpscaler
from keras_srgan.resampling import interpolation_matrix, quantise, resize
from keras_srgan.weights import SUFFIX, identity

Enlarge = Callable[[np.ndarray, int], np.ndarray]


def bicubic(lr: np.ndarray, max_value: int, scale: int = 4) -> np.ndarray:
    """Enlarges by bicubic interpolation (a = -0.5), rounded, dtype kept."""
    return quantise(resize(lr, scale), max_value, lr.dtype)


def nearest(lr: np.ndarray, max_value: int, scale: int = 4) -> np.ndarray:
    """Enlarges by repeating pixels."""
    return lr.repeat(scale, 0).repeat(scale, 1)


def _lanczos3(x: np.ndarray) -> np.ndarray:
    return np.sinc(x) * np.sinc(x / 3) * (np.abs(x) < 3)


@lru_cache(maxsize=16)
def _lanczos_matrix(size: int, scale: int) -> np.ndarray:
    return interpolation_matrix(size, scale, _lanczos3, 6.0)


def lanczos(lr: np.ndarray, max_value: int, scale: int = 4) -> np.ndarray:
    """Enlarges by Lanczos interpolation with three lobes, borders mirrored, rounded, dtype kept."""
    rows, columns = (_lanczos_matrix(side, scale) for side in lr.shape[:2])
    return quantise(np.einsum("ip,pq...,jq->ij...", rows, lr, columns, optimize=True), max_value, lr.dtype)


def non_local_means(lr: np.ndarray, max_value: int, scale: int = 4) -> np.ndarray:
    """Denoises by non-local means (Buades, Coll, Morel, CVPR 2005; scikit-image), then enlarges by `bicubic`.

    The noise is estimated from the image and taken for at least `LEAST_NOISE`, since a codec hides it: what reads best
    under `cxr-real-mild` and `-hard`.
    """
    from skimage.restoration import denoise_nl_means

    unit = lr / float(max_value)
    gray = unit.mean(axis=2) if lr.ndim == 3 else unit
    sigma = max(noise_level(gray), LEAST_NOISE / 255)
    channel = 2 if lr.ndim == 3 else None
    clean = denoise_nl_means(unit, 5, 6, h=0.8 * sigma, sigma=sigma, fast_mode=True, channel_axis=channel)
    return quantise(resize(clean, scale) * max_value, max_value, lr.dtype)


LEAST_NOISE = 2.5  # grey levels of 255
BASELINES = {"bicubic": bicubic, "nearest": nearest, "lanczos": lanczos, "nlm": non_local_means}


@dataclass(frozen=True, eq=False)
class Method:
    """One row of a table.

    Args:
        name: its name.
        enlarge: function `(lr, max_value) -> sr`, dtype kept.
        channels: 1 or 3 for a network that takes only so many; `None` for what takes any.
        sha256: of the weights, where they are known; see `keras_srgan.weights.identity`.
    """

    name: str
    enlarge: Enlarge
    channels: int | None = None
    sha256: str = "not known"

    def __call__(self, pair: Pair, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
        """Enlarges the LR of a pair.

        A colour network gets a gray image three times, and its channels are averaged. A gray network gets the
        luma of a colour image; the chroma is bicubic. Under `"y"` the figure compares that luma itself.

        Returns:
            The image, and the values that a figure compares (`Protocol.plane`).

        Raises:
            ValueError: if the result is not what the pair asks for.
        """
        lr, white, scale = pair.lr, pair.max_value, protocol.scale
        if self.channels == 3 and lr.ndim == 2:
            colour = self._enlarge(np.repeat(lr[..., None], 3, axis=2), white, scale)
            sr = quantise(colour.mean(axis=2), white, lr.dtype)
        elif self.channels == 1 and lr.ndim == 3:
            ycbcr = rgb_to_ycbcr(lr, white)
            luma = self._enlarge(quantise(ycbcr[..., 0], white, lr.dtype), white, scale)
            merged = np.concatenate([luma[..., None], resize(ycbcr[..., 1:], scale)], axis=2)
            sr = quantise(ycbcr_to_rgb(merged, white), white, lr.dtype)
            if protocol.channel == "y":
                return sr, luma
        else:
            sr = self._enlarge(lr, white, scale)
        return sr, protocol.plane(sr, white)

    def _enlarge(self, lr: np.ndarray, max_value: int, scale: int) -> np.ndarray:
        sr = np.asarray(self.enlarge(lr, max_value))
        wanted = (lr.shape[0] * scale, lr.shape[1] * scale, *lr.shape[2:])
        if sr.shape != wanted or sr.dtype != lr.dtype:
            raise ValueError(f"{self.name}: gave {sr.dtype} of shape {sr.shape}, not {lr.dtype} of shape {wanted}")
        return sr


def baselines(names: Sequence[str], scale: int) -> list[Method]:
    """Methods without weights: bicubic first, always."""
    for name in names:
        if name not in BASELINES:
            raise ValueError(f"baseline {name!r} is not known: choose of {', '.join(BASELINES)}")
    chosen = ["bicubic", *(name for name in BASELINES if name in names and name != "bicubic")]
    return [Method(name, partial(BASELINES[name], scale=scale)) for name in chosen]


def _as_upscale_does(upscaler: Upscaler | AutoUpscaler, lr: np.ndarray, max_value: int) -> np.ndarray:
    """Enlarges as `keras-srgan upscale` does: images that use little of their range are stretched."""
    if isinstance(upscaler, AutoUpscaler):
        upscaler, _ = upscaler.suited(lr, max_value)
    return upscaler.upscale(lr, max_value, stretch=is_faint(lr, max_value))


def networks(weights: Sequence[str | Path] | Mapping[str, Any], scale: int) -> list[Method]:
    """Methods of networks.

    Args:
        weights: what `keras_srgan.load` takes, one or several; or a dictionary from names in the table to
            these, to an `Upscaler`, or to any function `(lr, max_value) -> sr`, whose attribute `channels`, if it
            has one, is 1 or 3.
        scale: integer, the protocol's.

    Raises:
        FileNotFoundError: for unknown weights.
        ValueError: for weights of another scale, or given twice.
    """
    if not isinstance(weights, Mapping):
        short = [Path(each).name.removesuffix(SUFFIX) or str(each) for each in weights]
        names = short if len(set(short)) == len(short) else [str(each) for each in weights]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"weights {twice[0]}: given twice")
        weights = dict(zip(names, weights, strict=True))
    methods = []
    for name, each in weights.items():
        if name in BASELINES:
            raise ValueError(f"weights {name!r}: the name of a baseline; rename them")
        if isinstance(each, str | Path):
            each = AutoUpscaler() if each == AUTO else load(each)
        if isinstance(each, Upscaler | AutoUpscaler):
            if each.scale != scale:
                raise ValueError(f"{name}: weights of scale {each.scale}; this evaluation is of scale {scale}")
            methods.append(Method(name, partial(_as_upscale_does, each), each.channels, identity(each.card)))
        elif callable(each):
            methods.append(Method(name, each, getattr(each, "channels", None)))
        else:
            raise ValueError(f"weights {name!r}: {type(each).__name__}; give a name, a path or a function")
    return methods
