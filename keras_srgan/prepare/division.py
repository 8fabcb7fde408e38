"""Which image goes into which shard, and whose validate: whole patients, with the copies of their images."""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_srgan.data.patients import Patients
from keras_srgan.data.shards.reader import PARTS
from keras_srgan.data.split import pixel_digest, split
from keras_srgan.images import Image, ImageError, read_image


@dataclasses.dataclass(frozen=True)
class ShardOptions:
    """What decides the content of a prepared set, beside the images.

    Args:
        channels: 1 or 3, as for `read_image`.
        image_size: `HEIGHTxWIDTH` that every image is resized to, in pixels; empty: as they are.
        min_size: smallest usable height and width, in pixels.
        val_fraction: share of the images held out, whole patients; 0: none.
        seed: chooses the patients.
        shard_images: images in a shard, at most.
        bits: as for `read_image`; 0: found in each image.
        patients: a table of images and patients, as for `Patients`; empty: none.
        group: a pattern that finds the patient in a path, likewise.
    """

    channels: int = 1
    image_size: str = ""
    min_size: int = 96
    val_fraction: float = 0.1
    seed: int = 0
    shard_images: int = 512
    bits: int = 0
    patients: str = ""
    group: str = ""


class Shard(NamedTuple):
    """A shard to write: its path without extension, as `train/00000`, its part, and the images' names."""

    stem: str
    part: str
    names: list[str]


def divide(
    data: Path, names: list[str], settings: ShardOptions, pool: Executor, known: Patients, log: Callable[[str], object]
) -> list[Shard]:
    """The shards to write. Patients, and the copies of their images, are held out by `split` before any is written."""
    parts = {"train": names, "val": []}
    if settings.val_fraction:
        looked = list(in_order(pool, lambda name: _look(data, name, settings, known), names, 64))
        known.check(len(names))
        unread = np.empty(0, np.uint8)
        images = [Image(unread, 0, Path(name), patient) for name, (patient, _) in zip(names, looked, strict=True)]
        if unknown := sum(image.patient is None for image in images):
            log(f"{unknown} of {len(names)} images have no known patient, and count as one each (--patients, --group)")
        try:
            halves = split(images, settings.val_fraction, settings.seed, [digest for _, digest in looked])
        except ValueError as error:
            why = str(error).split(";")[0]
            raise ImageError(f"{data}: {why}; give --val-fraction 0, and --val when training") from None
        parts = {p: [image.path.as_posix() for image in half] for p, half in zip(PARTS, halves, strict=True)}
    n = settings.shard_images
    return [
        Shard(f"{part}/{start // n:05d}", part, members[start : start + n])
        for part, members in parts.items()
        for start in range(0, len(members), n)
    ]


def _look(data: Path, name: str, settings: ShardOptions, known: Patients) -> tuple[str | None, bytes | None]:
    """The patient of a file, and the hash of what it shows; an unreadable file has no hash, and is left out later."""
    try:
        image = read_image(data / name, settings.channels, bits=settings.bits or None)
        return known.of(Path(name), image.dicom), pixel_digest(image.pixels, image.max_value)
    except (ImageError, OSError):
        return known.of(Path(name)), None


def in_order(pool: Executor, work: Callable[[str], Any], items: Iterable[str], ahead: int) -> Iterator[Any]:
    """What `work` makes of each item, at most `ahead` of them finished and waiting."""
    waiting: deque = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()
