"""tf.data pipelines: (LR, HR) batches in `[-1, 1]`, prefetched."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_srgan.data.degrade import reduce_batch
from keras_srgan.data.images import Image
from keras_srgan.data.patches import PatchSampler


def training_dataset(sampler: PatchSampler, scale: int, start: int = 0) -> tf.data.Dataset:
    """An endless dataset of training batches.

    Args:
        sampler: `PatchSampler`.
        scale: integer, the factor from LR to HR.
        start: integer, the first step: a resumed run starts where it stopped.

    Returns:
        `tf.data.Dataset` of `(lr, hr)`, float32, `(batch, patch / scale, patch / scale, C)` and
        `(batch, patch, patch, C)`.
    """
    batch, patch, channels = sampler.batch, sampler.patch, sampler.channels

    def draw(step):
        hr, second = tf.numpy_function(lambda n: sampler.draw(int(n)), [step], (tf.float32, tf.float32))
        hr = tf.ensure_shape(hr, (batch, patch, patch, channels))
        if sampler.paired:
            return tf.ensure_shape(second, (batch, patch // scale, patch // scale, channels)), hr
        return reduce_batch(hr, scale, tf.ensure_shape(second, (batch,))), hr

    steps = tf.data.Dataset.range(start, np.iinfo(np.int64).max)
    return steps.map(draw, num_parallel_calls=2, deterministic=True).prefetch(4)


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


def validation_arrays(images: Sequence[Image], size: int, scale: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The fixed validation crops: the centres of `count` images spread over the list.

    Args:
        images: list of `Image`.
        size: integer, the side of the crops; lowered to the smallest image's.
        scale: integer.
        count: integer, images used at most.

    Returns:
        LR and HR, float32 `(N, size / scale, size / scale, C)` and `(N, size, size, C)` in `[-1, 1]`.
    """
    chosen = [images[i] for i in np.unique(np.linspace(0, len(images) - 1, count).astype(int))]
    side = min(size, *(min(image.pixels.shape[:2]) for image in chosen))
    crops, given = zip(*(central_crop(image, side, scale) for image in chosen), strict=True)
    hr = np.stack(crops)
    if given[0] is not None:
        return np.stack(given), hr
    levels = np.array([image.max_value for image in chosen], "float32")
    return np.asarray(reduce_batch(hr, scale, levels)), hr
