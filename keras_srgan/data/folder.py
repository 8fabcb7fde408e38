"""Images of a folder, read in threads."""

import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from keras_srgan.data.disk_cache import Spool
from keras_srgan.data.patients import Patients
from keras_srgan.images import Image, ImageError, find_images, read_image
from keras_srgan.resampling import quantise, resize_to

_SHOWN = 5


def load_folder(
    folder: str | os.PathLike,
    channels: int | None = 1,
    min_size: int = 96,
    strict: bool = False,
    workers: int | None = None,
    warn: Callable[[str], object] | None = None,
    memory_gb: float = 2.0,
    image_size: tuple[int, int] | None = None,
    bits: int | None = None,
    patients: Patients | None = None,
) -> list[Image]:
    """Read every image under a folder, in threads.

    Args:
        folder: As for `find_images`.
        channels: As for `read_image`.
        min_size: Smallest usable height and width, in pixels.
        strict: Whether one unusable file, or folder, is an error. Otherwise it is left out with a warning.
        workers: Number of threads. Defaults to the number of processors.
        warn: Called with one line per unusable file, up to five, then once with their number. Defaults to
            printing on stderr.
        memory_gb: Decoded images beyond this size wait in a file, see `Spool`.
        image_size: `(height, width)` that every image is resized to, by antialiased bicubic, or `None`.
        bits: As for `read_image`.
        patients: Whose images they are, beyond what headers, names and folders tell.

    Returns:
        The images in the order of `find_images`, with `patient` filled in where known.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImageError: If no file is usable, or if `strict` and one is not.
    """

    def read(path: Path) -> Image:
        image = read_image(path, channels, bits=bits)
        if image_size:
            resized = quantise(resize_to(image.pixels, image_size), image.max_value, image.pixels.dtype)
            image = dataclasses.replace(image, pixels=resized)
        height, width = image.pixels.shape[:2]
        if min(height, width) < min_size:
            raise ImageError(f"{path}: {height}x{width} pixels; at least {min_size}x{min_size} are needed")
        patient = known.of(path.relative_to(folder), image.dicom)
        return spool.keep(dataclasses.replace(image, patient=patient))

    spool, known = Spool(memory_gb), patients or Patients()
    paths = find_images(folder, refuse if strict else warn)
    images = read_all(paths, read, f"images under {folder}", strict, workers, warn)
    known.check(len(images))
    return images


def refuse(line: str) -> None:
    """Stops at what `find_images` cannot read."""
    raise ImageError(line.removeprefix("left out: "))


def read_all(
    items: Sequence[Any],
    read: Callable[[Any], Image],
    what: str,
    strict: bool = False,
    workers: int | None = None,
    warn: Callable[[str], object] | None = None,
) -> list[Image]:
    """Reads images in threads, and leaves out those that cannot be used, as `load_folder` says.

    Args:
        items: What `read` takes, one each.
        read: Function that returns an `Image`, or raises `ImageError` or `OSError`.
        what: The items in words.
        strict, workers, warn: As for `load_folder`.

    Returns:
        The images that could be read, in order.

    Raises:
        ImageError: If there are none, or if `strict` and one cannot be used.
    """

    def attempt(item) -> Image | ImageError:
        try:
            return read(item)
        except (ImageError, OSError) as error:
            return ImageError(str(error))

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        results = list(pool.map(attempt, items))
    images = [result for result in results if isinstance(result, Image)]
    bad = [result for result in results if isinstance(result, ImageError)]
    if bad and (strict or not images):
        raise ImageError(f"{len(bad)} of {len(items)} images cannot be used; the first: {bad[0]}")
    warn = warn or _to_stderr
    for error in bad[:_SHOWN]:
        warn(f"left out: {error}")
    if len(bad) > _SHOWN:
        warn(f"left out: {len(bad)} of {len(items)} {what} in all")
    return images


def _to_stderr(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)
