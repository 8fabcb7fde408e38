"""Folders of pairs: HR here, LR there, matched by name. What does not fit together is left out and named."""

import dataclasses
import os
from collections.abc import Callable

from keras_srgan.data.disk_cache import Spool
from keras_srgan.data.folder import read_all, refuse
from keras_srgan.data.patients import Patients
from keras_srgan.images import Image, ImageError, by_stem, read_image
from keras_srgan.images.depth import same_depth


def load_pairs(
    hr: str | os.PathLike,
    lr: str | os.PathLike,
    scale: int,
    channels: int | None = 1,
    min_size: int = 96,
    strict: bool = False,
    workers: int | None = None,
    warn: Callable[[str], object] | None = None,
    memory_gb: float = 2.0,
    bits: int | None = None,
    patients: Patients | None = None,
) -> list[Image]:
    """Reads HR images with their LR images, in threads.

    A pair is left out, with a warning, if a partner is missing, either file is damaged, their depths differ, or HR
    is not `scale` times as large as LR (up to `scale - 1` px more are cut off).

    Args:
        hr, lr: folders whose files match by their path without extension.
        scale: integer; 1 for pairs of equal size.
        channels, min_size, strict, workers, warn, memory_gb, bits, patients: as for `load_folder`; `min_size` is HR's.

    Returns:
        List of `Image` with `lr`, in the order of their names.

    Raises:
        FileNotFoundError: if a folder does not exist.
        ImageError: if no pair is usable, or if `strict` and one is not.
    """
    high, low = (by_stem(folder, refuse if strict else warn) for folder in (hr, lr))

    def read(stem: str) -> Image:
        for there, folder, other in ((high, hr, low), (low, lr, high)):
            if stem not in there:
                raise ImageError(f"{other[stem]}: no partner under {folder}")
        image, small = same_depth(*(read_image(part[stem], channels, bits=bits) for part in (high, low)))
        h, w = (side // scale for side in image.pixels.shape[:2])
        if small.pixels.shape[:2] != (h, w):
            raise ImageError(f"{image.path} of {_size(image)} is not {scale} times {small.path} of {_size(small)}")
        if small.max_value != image.max_value:
            raise ImageError(f"white is {image.max_value} in {image.path}, but {small.max_value} in {small.path}")
        if scale * min(h, w) < min_size:
            raise ImageError(f"{image.path}: {_size(image)} pixels; at least {min_size}x{min_size} are needed")
        patient = known.of(high[stem].relative_to(hr), image.dicom)
        pixels = image.pixels[: h * scale, : w * scale]
        return spool.keep(dataclasses.replace(image, pixels=pixels, lr=small.pixels, patient=patient))

    spool, known = Spool(memory_gb), patients or Patients()
    stems = sorted(high.keys() | low.keys())
    images = read_all(stems, read, f"pairs under {hr} and {lr}", strict, workers, warn)
    known.check(len(images))
    return images


def _size(image: Image) -> str:
    return f"{image.pixels.shape[1]}x{image.pixels.shape[0]}"
