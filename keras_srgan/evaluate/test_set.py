"""The images of an evaluation: a folder, two folders matched by name, or LR alone; each is read when its turn comes."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from keras_srgan.evaluate.protocols import Pair, Protocol, digest
from keras_srgan.files import sha256
from keras_srgan.images import Image, ImageError, by_stem, find_images, read_image

_SHOWN = 5


@dataclass(frozen=True)
class Item:
    """An image that is not read yet: its name, and the function that reads it."""

    name: str
    load: Callable[[], Pair]


def items_of(
    protocol: Protocol,
    data: str | os.PathLike | Sequence[Image] | None = None,
    hr: str | os.PathLike | None = None,
    lr: str | os.PathLike | None = None,
) -> list[Item]:
    """Lists the images of an evaluation.

    Args:
        protocol: `Protocol`.
        data: a folder of HR images, or a list of `Image`.
        hr, lr: instead, two folders whose files match by their path without extension; or `lr` alone.

    Returns:
        List of `Item`, in the order of their names (of `data`, where it is a list).

    Raises:
        OSError: for a missing folder.
        ValueError: for none or too many sources, no image, or files without a partner, which are named.
    """
    given = (data is not None, hr is not None, lr is not None)
    if given not in ((True, False, False), (False, True, True), (False, False, True)):
        raise ValueError("give one of: a folder of HR images; an HR and an LR folder; an LR folder alone")
    if data is not None:
        if not isinstance(data, str | os.PathLike):
            return [Item(image.path.name, partial(_of_image, protocol, image)) for image in data]
        return [
            Item(path.relative_to(data).as_posix(), partial(_of_file, protocol, path, Path(data)))
            for path in find_images(data)
        ]
    assert lr is not None
    low = by_stem(lr)
    if hr is None:
        return [Item(stem, partial(_alone, protocol, path, stem)) for stem, path in low.items()]
    if protocol.image_size or protocol.patch:
        raise ValueError(f"protocol {protocol.name} makes its own LR; paired folders take another")
    high = by_stem(hr)
    for here, there, folder in ((high, low, lr), (low, high, hr)):
        if missing := [str(path) for stem, path in here.items() if stem not in there]:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise ImageError(f"no partner under {folder} of {', '.join(missing[:_SHOWN])}{more}")
    return [Item(stem, partial(_of_two, protocol, path, low[stem], stem)) for stem, path in high.items()]


def _of_image(protocol: Protocol, image: Image) -> Pair:
    return replace(
        protocol.pair(image),
        digest=digest(str(image.pixels.dtype).encode(), np.ascontiguousarray(image.pixels).tobytes()),
    )


def _of_file(protocol: Protocol, path: Path, folder: Path) -> Pair:
    pair = protocol.pair(read_image(path, bits=protocol.bits), path.relative_to(folder).as_posix())
    return replace(pair, digest=sha256(path))


def _of_two(protocol: Protocol, hr: Path, lr: Path, name: str) -> Pair:
    high, low = (read_image(path, bits=protocol.bits) for path in (hr, lr))
    pair = protocol.given(high, low, name)
    return replace(pair, digest=digest(sha256(hr).encode(), sha256(lr).encode()))


def _alone(protocol: Protocol, lr: Path, name: str) -> Pair:
    return replace(protocol.alone(read_image(lr, bits=protocol.bits), name), digest=sha256(lr))


def read_ahead(items: Sequence[Item], workers: int = 2) -> Iterator[Pair | ImageError]:
    """Reads images in threads, a few ahead of their use, so that memory does not grow with their number.

    Args:
        items: list of `Item`.
        workers: number of threads.

    Yields:
        In order, the `Pair` of each item, or the error of one that cannot be used.
    """

    def read(item: Item) -> Pair | ImageError:
        try:
            return item.load()
        except (ImageError, OSError) as error:
            return error if isinstance(error, ImageError) else ImageError(str(error))

    waiting: deque = deque()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for item in items:
            waiting.append(pool.submit(read, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
