"""Training and validation parts that share no patient."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from keras_srgan.files import sha256
from keras_srgan.images import Image


def pixel_digest(pixels: np.ndarray, max_value: int) -> bytes | None:
    """Names what an image shows, so that copies are known under any name, in any format and depth that keeps values.

    Args:
        pixels: uint8 or uint16 array.
        max_value: The value of white.

    Returns:
        The hash of the pixels in 16 bits; `None` for an image of one value, which shows nothing.
    """
    if not pixels.size or pixels.min() == pixels.max():
        return None
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    for rows in np.array_split(pixels, -(-pixels.nbytes // 2**24)):  # in bounded memory
        digest.update(((rows.astype("uint32") * 65535 + max_value // 2) // max_value).astype("<u2").tobytes())
    return digest.digest()


def pixel_digests(images: Sequence[Image], workers: int | None = None) -> list[bytes | None]:
    """`pixel_digest` of each image, in threads."""
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        return list(pool.map(lambda image: pixel_digest(np.asarray(image.pixels), image.max_value), images))


def split(
    images: Sequence[Image], fraction: float = 0.1, seed: int = 0, digests: Sequence[bytes | None] | None = None
) -> tuple[list[Image], list[Image]]:
    """Divide images into a training and a validation part that share no patient, and no image under two names.

    An image of unknown patient is a group of its own, with its copies. The result depends on the seed
    and on the images, not on their order.

    Args:
        images: The images.
        fraction: Wanted share of images for validation, between 0 and 1. Whole patients come as near as they
            can.
        seed: Chooses the patients.
        digests: `pixel_digests` of the images. `None`: they are computed.

    Returns:
        A tuple `(train, val)`, each with at least one image and sorted by path.

    Raises:
        ValueError: If `fraction` is not between 0 and 1, or there are fewer than two patients.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be between 0 and 1, received {fraction}")
    groups = _groups(images, pixel_digests(images) if digests is None else digests)
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


def _groups(images: Sequence[Image], digests: Sequence[bytes | None]) -> dict[tuple[bool, str], list[Image]]:
    """The images that must stay together, by the first of their patients' and files' names."""
    keys = [
        (image.patient is not None, image.path.as_posix() if image.patient is None else str(image.patient))
        for image in images
    ]
    leader = {key: key for key in keys}

    def lead(key):
        while leader[key] != key:
            key = leader[key] = leader[leader[key]]
        return key

    first: dict[bytes, tuple[bool, str]] = {}
    for key, digest in zip(keys, digests, strict=True):
        if digest is not None:
            a, b = lead(first.setdefault(digest, key)), lead(key)
            leader[max(a, b)] = min(a, b)
    groups: defaultdict[tuple[bool, str], list[Image]] = defaultdict(list)
    for key, image in zip(keys, images, strict=True):
        groups[lead(key)].append(image)
    return groups


def in_common(train: Sequence[Image], val: Sequence[Image]) -> list[str]:
    """What two sets of images share: patients, and images under any names.

    Args:
        train, val: The images. Those of shards are compared by their source files, others by their pixels.

    Returns:
        A line for each kind of thing that is shared, with the first example.
    """
    stored = any(hasattr(images[0], "digest") for images in (train, val))
    known: list[dict[Any, Image]] = [
        {image.patient: image for image in images if image.patient} for images in (train, val)
    ]
    marks: list[list[Any]] = [_sources(images) if stored else pixel_digests(images) for images in (train, val)]
    pairs = [zip(each, images, strict=True) for each, images in zip(marks, (train, val), strict=True)]
    copies: list[dict[Any, Image]] = [{mark: image for mark, image in each if mark} for each in pairs]
    lines = []
    for what, (here, there) in (("patient", known), ("image", copies)):
        if shared := [key for key in there if key in here]:
            a, b = here[shared[0]].path.name, there[shared[0]].path.name
            lines.append(f"{len(shared)} {what}{'s' * (len(shared) > 1)} (as {a} and {b})")
    return lines


def _sources(images: Sequence[Image]) -> list[str | None]:
    """The sha256 of the files that images were read from."""
    named = [getattr(image, "digest", "").split(",")[0] for image in images]
    return [
        each or (sha256(image.path) if image.path.is_file() else None)
        for each, image in zip(named, images, strict=True)
    ]
