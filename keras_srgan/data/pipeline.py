"""(LR, HR) batches in `[-1, 1]`, drawn ahead: by tf.data, or by threads where there is no TensorFlow."""

import contextlib
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_srgan.data.patches import PatchSampler
from keras_srgan.degradation.model import degrade_batch
from keras_srgan.degradation.settings import BICUBIC, Degradation
from keras_srgan.images import Image
from keras_srgan.machine import cores
from keras_srgan.resampling import reduce_batch

if TYPE_CHECKING:
    import tensorflow as tf

WORKERS, AHEAD = max(2, min(16, cores())), 4  # threads that draw, batches that wait
DEGRADED, VALIDATED = 3, 4  # streams of a seed; `PatchSampler` has 1 and 2


def training_dataset(
    sampler: PatchSampler, scale: int, start: int = 0, degradation: Degradation = BICUBIC
) -> "tf.data.Dataset | Iterator[tuple[np.ndarray, np.ndarray]]":
    """Endless training batches.

    Args:
        sampler: `PatchSampler`.
        scale: integer, the factor from LR to HR.
        start: integer, the first step: a resumed run starts where it stopped.
        degradation: `Degradation`, how LR is made. It depends on the sampler's seed, the step and the row only.

    Returns:
        `tf.data.Dataset` of `(lr, hr)`, float32, `(batch, patch / scale, patch / scale, C)` and
        `(batch, patch, patch, C)`; without TensorFlow, a generator of the same arrays.
    """
    try:
        import tensorflow as tf
    except ImportError:
        return _batches(sampler, scale, start, degradation)
    batch, patch, channels = len(sampler.rows), sampler.patch, sampler.channels
    low = (batch, patch // scale, patch // scale, channels)
    native = keras.backend.backend() == "tensorflow"
    in_graph = native and degradation.plain and not sampler.paired
    if not native:
        with contextlib.suppress(RuntimeError):  # it is in use already
            tf.config.set_visible_devices([], "GPU")  # else it takes the memory of a GPU that JAX trains on

    def in_numpy(step):
        return sampler.draw(int(step)) if in_graph else draw_pair(sampler, scale, int(step), degradation)[::-1]

    def draw(step):
        hr, second = tf.numpy_function(in_numpy, [step], (tf.float32, tf.float32))
        hr = tf.ensure_shape(hr, (batch, patch, patch, channels))
        if not in_graph:
            return tf.ensure_shape(second, low), hr
        return reduce_batch(hr, scale, tf.ensure_shape(second, (batch,))), hr

    steps = tf.data.Dataset.range(start, np.iinfo(np.int64).max)
    return steps.map(draw, num_parallel_calls=WORKERS, deterministic=True).prefetch(AHEAD)


def draw_pair(
    sampler: PatchSampler, scale: int, step: int, degradation: Degradation = BICUBIC
) -> tuple[np.ndarray, np.ndarray]:
    """LR and HR of a step's batch, in NumPy; LR as TensorFlow makes it, but for float32 rounding."""
    hr, second = sampler.draw(step)
    if sampler.paired:
        return second, hr
    seeds = [(sampler.seed, DEGRADED, step, row) for row in sampler.rows]
    return _reduced(hr, scale, second, degradation, seeds), hr


def _reduced(hr: np.ndarray, scale: int, levels: np.ndarray, degradation: Degradation, seeds) -> np.ndarray:
    """LR of patches; degraded each by its own seed."""
    if degradation.plain:
        return reduce_batch(hr, scale, levels, np)
    return degrade_batch(hr, scale, levels, degradation, seeds)


def _batches(
    sampler: PatchSampler, scale: int, start: int, degradation: Degradation
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting = deque(pool.submit(draw_pair, sampler, scale, start + i, degradation) for i in range(AHEAD))
        for step in itertools.count(start + AHEAD):
            yield waiting.popleft().result()
            waiting.append(pool.submit(draw_pair, sampler, scale, step, degradation))


def central_crop(image: Image, size: int, scale: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The central square of an image and of its LR, where it brings one, float32 `(side, side, C)` in `[-1, 1]`.

    A smaller image gives its largest centred square whose side is a multiple of `scale`.
    """
    side = min(size, *image.pixels.shape[:2])
    side -= side % scale
    y, x = ((length - side) // 2 for length in image.pixels.shape[:2])
    if image.lr is not None:
        y, x = y - y % scale, x - x % scale

    def cut(pixels: np.ndarray, reduced: int) -> np.ndarray:
        rows, columns = (slice(start // reduced, (start + side) // reduced) for start in (y, x))
        crop = pixels[rows, columns].astype("float32")
        return crop.reshape(*crop.shape[:2], -1) * (2 / image.max_value) - 1

    return cut(image.pixels, 1), None if image.lr is None else cut(image.lr, scale)


def validation_arrays(
    images: Sequence[Image], size: int, scale: int, count: int, degradation: Degradation = BICUBIC, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The fixed validation crops: the centres of `count` images spread over the list.

    An image whose centre shows nothing, of one value as a black one, has no PSNR and would decide the mean: another is
    taken in its place, as long as there is one.

    Args:
        images: list of `Image`.
        size: integer, the side of the crops; lowered to the smallest image's.
        scale: integer.
        count: integer, images used at most.
        degradation: `Degradation`, how LR is made.
        seed: integer, of the degradation.

    Returns:
        LR and HR, float32 `(N, size / scale, size / scale, C)` and `(N, size, size, C)` in `[-1, 1]`.
    """
    spread = np.unique(np.linspace(0, len(images) - 1, count).astype(int)).tolist()
    others = [i for i in range(len(images)) if i not in set(spread)]
    shown: list[int] = []
    for i in itertools.chain(spread, others):
        if len(shown) == len(spread):
            break
        if np.ptp(central_crop(images[i], size, scale)[0]) > 0:
            shown.append(i)
    chosen = [images[i] for i in sorted(shown) or spread]
    side = min(size, *(min(image.pixels.shape[:2]) for image in chosen))
    crops, given = zip(*(central_crop(image, side, scale) for image in chosen), strict=True)
    hr = np.stack(crops)
    if given[0] is not None:
        return np.stack(given), hr
    levels = np.array([image.max_value for image in chosen], "float32")
    return np.asarray(_reduced(hr, scale, levels, degradation, [(seed, VALIDATED, i) for i in range(len(hr))])), hr
