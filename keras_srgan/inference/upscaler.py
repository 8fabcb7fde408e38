"""Upscaling arrays: bit depth, range, tiles, self-ensemble, back-projection and what was added."""

import itertools
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np

from keras_srgan.images import LUMA
from keras_srgan.inference.engines import Engine, make_engine, require
from keras_srgan.inference.intervals import Intervals
from keras_srgan.inference.options import Options, Result
from keras_srgan.inference.tiles import cut_image
from keras_srgan.networks.graph.receptive_field import alignment, receptive_radius, sees_whole_image
from keras_srgan.resampling import quantise, resize

DEFAULT = Options()
ROUND = 5  # LR px that a round of back-projection looks further: 2 down, 2 up, 1 for the blocks


class Upscaler:
    """Enlarges arrays with a trained generator.

    The network's weights are read when it first enlarges.

    Args:
        generator: `keras.Model` from LR to SR, both in `[-1, 1]`.
        scale: integer.
        channels: integer, the generator's channels.
        card: dictionary, the model card.
        engine: what runs the network: `"auto"` or one of `keras_srgan.inference.engines.ENGINES`.
        intervals: `Intervals` calibrated for these weights, a function that reads them, or `None`.

    Raises:
        ValueError: for an unknown engine, or one whose package is not installed.

    Example:

    >>> upscaler = keras_srgan.load("xray-fast")
    >>> upscaler.upscale(np.zeros((24, 32), "uint8")).shape
    (96, 128)
    """

    def __init__(
        self,
        generator: keras.Model,
        scale: int,
        channels: int,
        card: dict[str, Any] | None = None,
        engine: str = "auto",
        intervals: Intervals | Callable[[], Intervals | None] | None = None,
    ):
        require(engine)
        self.generator, self.scale, self.channels = generator, scale, channels
        self.card, self._intervals = card or {}, intervals
        self.halo = receptive_radius(generator)
        self._name = engine
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """What runs the network; made when first asked for."""
        if self._engine is None:
            self._engine = make_engine(self._name, self.generator)
        return self._engine

    @cached_property
    def intervals(self) -> Intervals | None:
        """The intervals; read when first asked for, so that stale ones keep no network from running."""
        return self._intervals() if callable(self._intervals) else self._intervals

    def __getstate__(self) -> dict[str, Any]:
        """All but the engine, which each process makes anew: compiled programs can't be pickled."""
        return {**self.__dict__, "_engine": None}

    def upscale(self, image: np.ndarray, max_value: float | None = None, **options) -> np.ndarray:
        """Enlarges an image, or a batch of them: `run(...).pixels`, with the fields of `Options` by name."""
        return self.run(image, max_value, Options(**options)).pixels

    def run(
        self,
        image: np.ndarray,
        max_value: float | None = None,
        options: Options = DEFAULT,
        progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> Result:
        """Enlarges an image, or a batch of them.

        Large images go through in tiles that share their borders' surroundings, so the result is that of the
        whole image, in bounded memory.

        Args:
            image: array `(H, W)`, `(H, W, C)` or `(N, H, W, C)`; uint8, uint16, or float in `[0, max_value]`.
                Through a one-channel network go three channels as `options.colour` says, any other number
                channel by channel.
            max_value: the value of white. Defaults to 255 for uint8, 65535 for uint16, 1.0 for floats.
            options: `Options`.
            progress: called with the number of tiles done and of all.

        Returns:
            A `Result`; its pixels have the dtype and the number of axes of `image`, sides `scale` times as long,
            and values in `[0, max_value]`.

        Raises:
            ValueError: for another dtype or shape, an empty array, or NaN and infinite values; for an interval
                of colour, or by weights that were not calibrated.
        """
        image, white = self._check(np.asarray(image), max_value)
        batch = image[None, ..., None] if image.ndim == 2 else image[None] if image.ndim == 3 else image
        n, h, w, c = batch.shape
        if options.interval:
            self._check_interval(c)
        needed = self.halo + ROUND * options.back_project
        overlap = needed if options.overlap == "exact" else int(options.overlap)
        blend = options.blend if overlap < needed else None
        pixels, align = self.engine.pixels, alignment(self.generator)
        grid = cut_image((h, w), options.tile, overlap, self.scale, pixels, blend, align)

        shape = (n, h * self.scale, w * self.scale, c)
        results = [np.empty(shape, image.dtype)]
        more = options.map * (1 + options.self_ensemble) + 2 * options.interval
        results += [np.empty(shape, "float32") for _ in range(more)]
        errors, done = np.zeros(2), itertools.count(1)

        def enlarge_tile(tile: np.ndarray, weight: np.ndarray, span: tuple[float, float]) -> np.ndarray:
            planes, error = self._tile(tile.astype("float32"), span, options)
            progress(next(done), n * len(grid))
            if options.back_project:
                least = weight.reshape(tile.shape[0], self.scale, tile.shape[1], self.scale, 1).mean(axis=(1, 3))
                errors[:] += (error * least).sum(axis=(1, 2, 3))
            return planes

        for i, each in enumerate(batch):
            low, high = float(each.min()), float(each.max())
            # A flat image has no range: a level of 16 bits is enough for it to stay flat.
            span = (low, high if low < high else low + white / 65535) if options.stretch else (0.0, white)
            for place, planes in grid.enlarge(each, partial(enlarge_tile, span=span), len(results)):
                for result, plane in zip(results, planes, strict=True):
                    result[i, place] = self._restore(plane, white, image.dtype) if result is results[0] else plane
            if options.interval and self.intervals:  # of the whole image: a tile's edge has no surroundings
                lr, sr = each[..., 0].astype("float64"), results[-1][i, ..., 0]
                bounds = self.intervals.bounds(lr, sr, self.scale, span, white)
                results[-2][i, ..., 0], results[-1][i, ..., 0] = bounds
        enlarged, *maps = [r[0, ..., 0] if image.ndim == 2 else r[0] if image.ndim == 3 else r for r in results]
        before, after = np.sqrt(errors / batch.size)
        exact, note = self._exactness(len(grid), overlap, needed)
        return Result(
            enlarged,
            maps[0] if options.map else None,
            maps[1] if options.map and options.self_ensemble else None,
            (float(before), float(after)) if options.back_project else None,
            n * len(grid),
            exact,
            note,
            *(maps[-2:] if options.interval else ()),
        )

    def _check(self, image: np.ndarray, max_value: float | None) -> tuple[np.ndarray, float]:
        if image.dtype.kind == "f":
            full = 1.0
        elif image.dtype.kind == "u" and image.dtype.itemsize <= 2:
            full = float(np.iinfo(image.dtype).max)
        else:
            raise ValueError(f"upscale: dtype {image.dtype}; convert to uint8, uint16 or float first")
        white = float(full if max_value is None else max_value)
        if not 0 < white < np.inf or (image.dtype.kind == "u" and white > full):
            raise ValueError(f"upscale: max_value {white:g}; give the value of white, above 0 and within {image.dtype}")
        if image.ndim not in (2, 3, 4) or 0 in image.shape:
            raise ValueError(f"upscale: shape {image.shape}; give (H, W), (H, W, C) or (N, H, W, C)")
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise ValueError("upscale: the image holds NaN or infinite values; clean it first")
        if image.max() > white or image.min() < 0:
            raise ValueError(f"upscale: values {image.min()} to {image.max()} leave [0, {white:g}]; pass max_value")
        channels = 1 if image.ndim == 2 else image.shape[-1]
        if self.channels not in (1, channels):
            raise ValueError(f"upscale: {channels} channel(s) for a network of {self.channels}")
        return image, white

    def _check_interval(self, channels: int) -> None:
        if self.intervals is None:
            raise ValueError("interval: these weights are not calibrated; see docs/intervals.md")
        if channels != 1:
            raise ValueError(f"interval: calibrated for gray images, received {channels} channels")

    def _exactness(self, tiles: int, overlap: int, needed: int) -> tuple[bool, str]:
        if tiles > 1 and sees_whole_image(self.generator):
            return False, "the network takes statistics over the whole image: tiles differ from it; tile 0 does not"
        if tiles > 1 and overlap < needed:
            return False, f"tiles are blended: an overlap of {overlap} px is below the {needed} px that are exact"
        return True, ""

    def _restore(self, plane: np.ndarray, white: float, dtype: np.dtype) -> np.ndarray:
        return quantise(plane, int(white), dtype) if dtype.kind == "u" else np.clip(plane, 0, white).astype(dtype)

    def _tile(self, lr: np.ndarray, span: tuple[float, float], options: Options) -> tuple[np.ndarray, np.ndarray]:
        """The planes (SR, added, spread) of a tile in grey levels, and its squared errors of consistency."""
        luma = self.channels == 1 and lr.shape[2] == 3 and options.colour == "luma"
        plain = resize(lr, self.scale).astype("float32") if luma or options.map else None
        sr, spread = self._ensemble((lr @ LUMA)[..., None] if luma else lr, span, options.self_ensemble)
        if luma:
            # The same step in every channel leaves the bicubic chroma as it is.
            sr = plain + (sr - (plain @ LUMA)[..., None])
        error = np.zeros((2, *lr.shape))
        for k in range(options.back_project + 1) if options.back_project else ():
            difference = lr - resize(sr, 1 / self.scale)
            error[min(k, 1)] = difference**2
            if k < options.back_project:
                sr = sr + resize(difference, self.scale).astype("float32")
        planes = [sr]
        if options.map:
            planes.append(sr - plain)
            if spread is not None:
                planes.append(np.broadcast_to(spread, sr.shape))
        planes += [sr] * (2 * options.interval)
        return np.stack(planes), error

    def _ensemble(
        self, lr: np.ndarray, span: tuple[float, float], everything: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The mean over the 8 flips and rotations and its standard deviation, or one pass."""
        if not everything:
            return self._network(lr, span), None
        shape = lr.shape[0] * self.scale, lr.shape[1] * self.scale, lr.shape[2]
        mean, squares = np.zeros(shape, "float32"), np.zeros(shape, "float32")
        for i in range(8):
            turned = np.rot90(lr[::-1] if i >= 4 else lr, i % 4)
            sr = np.rot90(self._network(turned, span), -(i % 4))
            sr = sr[::-1] if i >= 4 else sr
            step = sr - mean
            mean += step / (i + 1)
            squares += step * (sr - mean)
        return mean, np.sqrt(squares / 8)

    def _network(self, lr: np.ndarray, span: tuple[float, float]) -> np.ndarray:
        """One pass of `(H, W, C)`, in grey levels; the only place that converts to the networks' range and back."""
        h, w, c = lr.shape
        low, half = np.float32(span[0]), np.float32((span[1] - span[0]) / 2)
        # Two pixels are the least that the bicubic skip can mirror.
        lr = (np.pad(lr, ((0, max(0, 2 - h)), (0, max(0, 2 - w)), (0, 0)), mode="edge") - low) / half - 1
        planes = [lr] if c == self.channels else [lr[..., k : k + 1] for k in range(c)]
        sr = np.concatenate([self.engine.run(np.ascontiguousarray(each)[None])[0] for each in planes], axis=-1)
        return (sr[: h * self.scale, : w * self.scale] + 1) * half + low
