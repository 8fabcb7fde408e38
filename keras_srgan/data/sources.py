"""Where training images come from: a folder, or the sample radiograph that pydicom-data carries."""

import dataclasses
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from keras_srgan.data.dicom import patient_id
from keras_srgan.data.images import DICOM_EXTENSIONS, RASTER_EXTENSIONS, Image, ImageError, read_image
from keras_srgan.data.spool import Spool
from keras_srgan.resample import quantise, resize_to

# How two public chest X-ray collections put the patient into the file name.
_PATIENT_NAMES = (
    re.compile(r"(\d{8})_\d{3}$"),  # NIH ChestX-ray14
    re.compile(r"(person\d+)_(?:bacteria|virus)_\d+$"),  # Kermany et al., pneumonia
    re.compile(r"((?:NORMAL2-)?IM-\d+)-\d+(?:-\d+)?$"),  # Kermany et al., normal
)
_SAMPLE = "RG1_UNCR.dcm"
_SHOWN = 5


def find_images(folder: str | os.PathLike) -> list[Path]:
    """All image files under a folder, at any depth.

    Hidden files and folders are skipped. A file without extension, or whose extension is a number (as in a
    name made from a DICOM UID), counts if it carries the DICOM mark; a DICOMDIR does not.

    Args:
        folder: Where to look.

    Returns:
        The files, sorted by their path relative to `folder`, with `/` between parts on every system.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImageError: If it is a file, or holds no image.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"no folder {folder}; give an existing folder of images")
    if not folder.is_dir():
        raise ImageError(f"{folder} is a file; give the folder that holds it")
    found: list[Path] = []
    others: Counter[str] = Counter()
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            if _is_image(path):
                found.append(path)
            else:
                others[path.suffix.lower() or "without extension"] += 1
    if not found:
        seen = ", ".join(f"{count} {kind}" for kind, count in others.most_common(_SHOWN)) or "no file at all"
        formats = ", ".join(RASTER_EXTENSIONS + DICOM_EXTENSIONS)
        raise ImageError(f"no image under {folder} ({seen}); give {formats}")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def patient_of(path: str | os.PathLike, dicom_header: Dataset | None = None) -> str | None:
    """The patient an image belongs to, as far as its header or its name tells.

    Args:
        path: The file; only its name is used. Known are the names of NIH ChestX-ray14 (`00000310_001.png`)
            and of the Kermany chest X-rays (`person939_bacteria_2832.jpeg`, `NORMAL2-IM-0383-0001.jpeg`).
        dicom_header: Its DICOM header, which goes first.

    Returns:
        An identifier, or `None` where unknown.
    """
    if dicom_header is not None and (patient := patient_id(dicom_header)):
        return patient
    stem = Path(path).stem
    return next((match[1] for name in _PATIENT_NAMES if (match := name.match(stem))), None)


def split(images: Sequence[Image], fraction: float = 0.1, seed: int = 0) -> tuple[list[Image], list[Image]]:
    """Divide images into a training and a validation part that share no patient.

    An image of unknown patient is a group of its own (one file, one group). The result depends on the seed
    and on the images, not on their order.

    Args:
        images: The images.
        fraction: Wanted share of images for validation, between 0 and 1. Whole patients come as near as they
            can.
        seed: Chooses the patients.

    Returns:
        A tuple `(train, val)`, each with at least one image and sorted by path.

    Raises:
        ValueError: If `fraction` is not between 0 and 1, or there are fewer than two patients.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be between 0 and 1, received {fraction}")
    groups: defaultdict[tuple[bool, str], list[Image]] = defaultdict(list)
    for image in images:
        known = image.patient is not None
        groups[known, str(image.patient) if known else image.path.as_posix()].append(image)
    if len(groups) < 2:
        found = f"{len(images)} image(s) of {len(groups)} patient(s)"
        raise ValueError(f"{found} cannot be split; pass --val with images of other patients")
    keys = sorted(groups)
    order = [keys[i] for i in np.random.default_rng(seed).permutation(len(keys))]
    target, count, chosen = fraction * len(images), 0, set()
    for key in order[:-1]:  # the last group always trains
        size = len(groups[key])
        if abs(count + size - target) < abs(count - target):
            chosen.add(key)
            count += size
    if not chosen:
        chosen.add(min(order, key=lambda key: len(groups[key])))
    train, val = (
        sorted(
            (image for key in keys if (key in chosen) is side for image in groups[key]),
            key=lambda image: image.path.as_posix(),
        )
        for side in (False, True)
    )
    return train, val


def load_folder(
    folder: str | os.PathLike,
    channels: int | None = 1,
    min_size: int = 96,
    strict: bool = False,
    workers: int | None = None,
    warn: Callable[[str], object] | None = None,
    memory_gb: float = 2.0,
    frame: tuple[int, int] | None = None,
) -> list[Image]:
    """Read every image under a folder, in threads.

    Args:
        folder: As for `find_images`.
        channels: As for `read_image`.
        min_size: Smallest usable height and width, in pixels.
        strict: Whether one unusable file is an error. Otherwise it is left out with a warning.
        workers: Number of threads. Defaults to the number of processors.
        warn: Called with one line per unusable file, up to five, then once with their number. Defaults to
            printing on stderr.
        memory_gb: Decoded images beyond this size wait in a file, see `Spool`.
        frame: `(height, width)` that every image is resized to, by antialiased bicubic, or `None`.

    Returns:
        The images in the order of `find_images`, with `patient` filled in where known.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImageError: If no file is usable, or if `strict` and one is not.
    """

    def read(path: Path) -> Image:
        image = read_image(path, channels)
        if frame:
            resized = quantise(resize_to(image.pixels, frame), image.max_value, image.pixels.dtype)
            image = dataclasses.replace(image, pixels=resized)
        height, width = image.pixels.shape[:2]
        if min(height, width) < min_size:
            raise ImageError(f"{path}: {height}x{width} pixels; at least {min_size}x{min_size} are needed")
        return spool.keep(dataclasses.replace(image, patient=patient_of(path, image.dicom)))

    spool = Spool(memory_gb)
    return read_all(find_images(folder), read, f"images under {folder}", strict, workers, warn)


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


def sample_radiograph(reduce: int = 1) -> Image:
    """A chest radiograph to try things on: RG1 of the pydicom-data package, 1955x1841 pixels of 15 bits.

    The network is never used.

    Args:
        reduce: Average blocks of `reduce` x `reduce` pixels into one, rounded; the rest at the right and
            bottom is cut off.

    Returns:
        An `Image`; its `dicom` header is kept only if `reduce` is 1, since it describes the full size.

    Raises:
        FileNotFoundError: If pydicom-data is not installed.
        ValueError: If `reduce` is not a positive whole number that leaves a pixel.
    """
    path = get_testdata_file(_SAMPLE, download=False)
    if path is None:
        raise FileNotFoundError(f"the sample radiograph {_SAMPLE} is not installed; pip install pydicom-data")
    image = read_image(str(path))
    height, width = image.pixels.shape[:2]
    if reduce != int(reduce) or not 1 <= reduce <= min(height, width):
        raise ValueError(f"reduce must be a whole number from 1 to {min(height, width)}, received {reduce}")
    if reduce == 1:
        return image
    rows, columns = height // reduce, width // reduce
    blocks = image.pixels[: rows * reduce, : columns * reduce].reshape(rows, reduce, columns, reduce)
    area = reduce * reduce
    mean = (blocks.sum(axis=(1, 3), dtype=np.uint64) + area // 2) // area
    return dataclasses.replace(image, pixels=mean.astype(image.pixels.dtype), dicom=None)


def tile_sample(
    image: Image, tile: int, held_out: tuple[int, int, int, int], min_size: int = 96
) -> tuple[list[Image], Image]:
    """Make a training set and a held-out image from one image.

    The image is cut on a grid that starts at the top left corner. A piece that touches the held-out rectangle
    is dropped whole; the narrower pieces at the right and bottom are kept if both sides have `min_size`
    pixels.

    Args:
        image: The image.
        tile: Side of the square pieces, in pixels.
        held_out: The rectangle `(top, left, height, width)` that no training pixel comes from.
        min_size: Smallest side of a remainder, in pixels.

    Returns:
        A tuple `(train, held_out)`: the pieces row by row, and the rectangle. All keep the path and patient
        of the image, and no DICOM header.

    Raises:
        ValueError: If the rectangle is not inside the image, `tile` is not positive, or no piece is left.
    """
    height, width = image.pixels.shape[:2]
    top, left, rows, columns = held_out
    bottom, right = top + rows, left + columns
    if min(top, left) < 0 or min(rows, columns) < 1 or bottom > height or right > width:
        raise ValueError(f"held_out {tuple(held_out)} is not inside the {height}x{width} image")
    if tile < 1:
        raise ValueError(f"tile must be positive, received {tile}")

    def piece(y: int, x: int, y_end: int, x_end: int) -> Image:
        return dataclasses.replace(image, pixels=image.pixels[y:y_end, x:x_end].copy(), dicom=None)

    smallest = min(tile, min_size)
    train = []
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            y_end, x_end = min(y + tile, height), min(x + tile, width)
            apart = y_end <= top or y >= bottom or x_end <= left or x >= right
            if apart and min(y_end - y, x_end - x) >= smallest:
                train.append(piece(y, x, y_end, x_end))
    if not train:
        raise ValueError(f"no {tile}x{tile} piece avoids {tuple(held_out)}; make either smaller")
    return train, piece(top, left, bottom, right)


def _is_image(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in RASTER_EXTENSIONS + DICOM_EXTENSIONS:
        return True
    if (suffix and not suffix[1:].isdigit()) or path.name.upper() == "DICOMDIR":
        return False
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _to_stderr(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)
