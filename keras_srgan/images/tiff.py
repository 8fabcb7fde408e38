"""TIFF directories: what the pages of a file are, and one page made readable for OpenCV.

OpenCV turns pages as their orientation tag says, multiplies 8-bit colour by a separate alpha channel, loses
the alpha of gray pages and reads the first directory even if it is a thumbnail. All of this is settled in
the header, before it sees the file. Layout: the TIFF 6.0 specification (Adobe, 1992) and BigTIFF.
"""

import json
import re
import struct
from typing import NamedTuple

import numpy as np

# The few tags used here.
SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES = 254, 256, 257, 258, 259, 262, 274, 277
FILL_ORDER, DESCRIPTION, STRIPS, ROWS, STRIP_SIZES, PLANAR, PREDICTOR = 266, 270, 273, 278, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, EXTRA, FORMAT, JPEG_TABLES = 322, 323, 324, 325, 338, 339, 347
DEPTH, METAMORPH = 32997, 33629  # several images in one directory: SGI's, and MetaMorph's
_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LARGEST_TEXT = 2**24  # bytes


class Directory(NamedTuple):
    """One directory of a TIFF: its whole-number tags, and where things stand in the file."""

    order: str
    big: bool
    offset: int
    next_at: int
    tags: dict[int, tuple[int, ...]]
    places: dict[int, tuple[int, str]]  # tag: place of its entry, code of its values
    raw: dict[int, bytes]  # texts, fractions and profiles, and tags above those that describe pixels
    start: int | None = None  # where the pixels of one of several images in it begin

    def get(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        return self.tags.get(tag, (default,))[0]

    @property
    def gray_with_alpha(self) -> bool:
        return self.get(PHOTOMETRIC, 1) in (0, 1) and self.get(SAMPLES, 1) == 2


def directories(data: bytes | bytearray) -> list[Directory]:
    """The directories of a TIFF, a BigTIFF or an EXIF block.

    Raises:
        struct.error: if one of them lies outside the file.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    word, number, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    room = struct.calcsize(order + word)
    (offset,) = struct.unpack_from(order + word, data, 8 if big else 4)
    found: list[Directory] = []
    seen = set()
    while offset and offset not in seen:
        seen.add(offset)
        (count,) = struct.unpack_from(order + number, data, offset)
        at = offset + struct.calcsize(order + number)
        tags: dict[int, tuple[int, ...]] = {}
        places: dict[int, tuple[int, str]] = {}
        raw: dict[int, bytes] = {}
        for _ in range(count):
            tag, kind, length = struct.unpack_from(f"{order}HH{word}", data, at)
            code, size, value = _CODES.get(kind), length * _SIZES.get(kind, 0), at + 4 + room
            if size > room:
                (value,) = struct.unpack_from(order + word, data, value)
            if code is not None and length > 0 and SUBFILE <= tag <= FORMAT:
                tags[tag] = struct.unpack_from(f"{order}{length}{code}", data, value)
                places[tag] = at, code
            elif 0 < size <= _LARGEST_TEXT and len(raw) < 1000:
                raw[tag] = bytes(data[value : value + size])
            at += entry
        (following,) = struct.unpack_from(order + word, data, at)
        found.append(Directory(order, big, offset, at, tags, places, raw))
        offset = following
    return found


def images_in(page: Directory) -> int:
    """How many images the only directory of a file says that it holds, one behind the other."""
    text = page.raw.get(DESCRIPTION, b"").rstrip(b"\0").decode("utf-8", "replace")
    if text.startswith("ImageJ=") and (found := re.search(r"^images=(\d{1,9})\s*$", text, re.MULTILINE)):
        return int(found[1])
    if text.startswith('{"shape":'):  # tifffile
        return _images_of_shape(text, page)
    if METAMORPH in page.raw:
        return len(page.raw[METAMORPH]) // 8  # its type is a fraction
    depth = page.raw.get(DEPTH, b"")
    return int.from_bytes(depth, "little" if page.order == "<" else "big") if len(depth) in (2, 4) else 1


def _images_of_shape(text: str, page: Directory) -> int:
    try:
        shape = json.loads(text)["shape"]
        whole = int(np.prod([int(side) for side in shape], dtype=object))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return 1
    one = page.get(WIDTH, 0) * page.get(HEIGHT, 0) * page.get(SAMPLES, 1)
    return whole // one if one and whole % one == 0 else 1


def part(page: Directory, number: int) -> Directory:
    """One of the images in a directory, counted from 0: uncompressed, without a gap between them."""
    return page._replace(start=page.get(STRIPS, 0) + number * sum(page.tags.get(STRIP_SIZES, ())))


def in_one_piece(page: Directory) -> bool:
    """Whether the pixels of a page lie in the file as they are, row after row."""
    starts, sizes = page.tags.get(STRIPS, ()), page.tags.get(STRIP_SIZES, ())
    size = page.get(WIDTH, 0) * page.get(HEIGHT, 0) * page.get(SAMPLES, 1) * page.get(BITS, 1) // 8
    ends = [start + length for start, length in zip(starts, sizes, strict=False)]
    adjoining = len(starts) == len(sizes) > 0 and list(starts[1:]) == ends[:-1]
    return adjoining and page.get(COMPRESSION, 1) == 1 and sum(sizes) == size


def isolate(data: bytearray, page: Directory) -> None:
    """Changes the header in place, so that OpenCV decodes this page, as it is stored.

    Gray with alpha becomes gray of twice the width, which `split_gray_alpha` takes apart.
    """

    def put(tag: int, value: int) -> None:
        if tag in page.places:
            at, code = page.places[tag]
            struct.pack_into(page.order + code, data, at + (12 if page.big else 8), value)

    word = page.order + ("Q" if page.big else "I")
    struct.pack_into(word, data, 8 if page.big else 4, page.offset)
    struct.pack_into(word, data, page.next_at, 0)
    put(ORIENTATION, 1)
    if page.start is not None:
        _move_strips(data, page, page.start)
    if page.gray_with_alpha:
        for tag in (WIDTH, TILE_WIDTH):
            put(tag, min(2 * page.get(tag, 0), 65535 if page.places.get(tag, (0, ""))[1] == "H" else 2**32 - 1))
        put(SAMPLES, 1)
        if EXTRA in page.places:
            # A tag that libtiff ignores when it holds a number.
            struct.pack_into(page.order + "H", data, page.places[EXTRA][0], EXTRA - 1)
    elif page.get(EXTRA, 0) == 2:
        put(EXTRA, 1)  # alpha that counts as multiplied in already is left alone


def _move_strips(data: bytearray, page: Directory, start: int) -> None:
    """Has the strips, which adjoin, begin elsewhere."""
    at, code = page.places[STRIPS]
    starts, value = page.tags[STRIPS], at + (12 if page.big else 8)
    if len(starts) * struct.calcsize(page.order + code) > (8 if page.big else 4):
        (value,) = struct.unpack_from(page.order + ("Q" if page.big else "I"), data, value)
    moved = [each - starts[0] + start for each in starts]
    struct.pack_into(f"{page.order}{len(moved)}{code}", data, value, *moved)


def split_gray_alpha(pixels: np.ndarray, page: Directory) -> tuple[np.ndarray, np.ndarray]:
    """Gray and alpha of a page that `isolate` widened."""
    if page.get(PREDICTOR, 1) == 2:
        # libtiff added neighbours up; they belong two apart.
        steps = np.diff(pixels, axis=1, prepend=pixels.dtype.type(0))
        pixels = np.empty_like(pixels)
        for i in range(2):
            pixels[:, i::2] = np.cumsum(steps[:, i::2], axis=1, dtype=pixels.dtype)
    return pixels[:, 0::2], pixels[:, 1::2]
