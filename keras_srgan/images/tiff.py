"""TIFF directories: what the pages of a file are, one page made readable for OpenCV, and a writer.

OpenCV turns pages as their orientation tag says, multiplies 8-bit colour by a separate alpha channel, loses
the alpha of gray pages and reads the first directory even if it is a thumbnail. All of this is settled in
the header, before it sees the file. Layout: the TIFF 6.0 specification (Adobe, 1992) and BigTIFF.
"""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

# The few tags used here.
SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES = 254, 256, 257, 258, 259, 262, 274, 277
STRIPS, STRIP_ROWS, STRIP_SIZES, PLANAR, PREDICTOR = 273, 278, 279, 284, 317
TILE_WIDTH, TILES, TILE_SIZES, EXTRA, FORMAT = 322, 324, 325, 338, 339
_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_BIG_FROM = 2**32 - 2**20
_STRIP_BYTES = 2**20


class Directory(NamedTuple):
    """One directory of a TIFF: its whole-number tags, and where things stand in the file."""

    order: str
    big: bool
    offset: int
    next_at: int
    tags: dict[int, tuple[int, ...]]
    places: dict[int, tuple[int, str]]  # tag: place of its entry, code of its values

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
        tags, places = {}, {}
        for _ in range(count):
            tag, kind, length = struct.unpack_from(f"{order}HH{word}", data, at)
            code = _CODES.get(kind)
            if code is not None and length > 0 and SUBFILE <= tag <= FORMAT:
                value = at + 4 + room
                if length * struct.calcsize(order + code) > room:
                    (value,) = struct.unpack_from(order + word, data, value)
                tags[tag] = struct.unpack_from(f"{order}{length}{code}", data, value)
                places[tag] = at, code
            at += entry
        (following,) = struct.unpack_from(order + word, data, at)
        found.append(Directory(order, big, offset, at, tags, places))
        offset = following
    return found


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
    if page.gray_with_alpha:
        for tag in (WIDTH, TILE_WIDTH):
            put(tag, min(2 * page.get(tag, 0), 65535 if page.places.get(tag, (0, ""))[1] == "H" else 2**32 - 1))
        put(SAMPLES, 1)
        if EXTRA in page.places:
            # A tag that libtiff ignores when it holds a number.
            struct.pack_into(page.order + "H", data, page.places[EXTRA][0], EXTRA - 1)
    elif page.get(EXTRA, 0) == 2:
        put(EXTRA, 1)  # alpha that counts as multiplied in already is left alone


def split_gray_alpha(pixels: np.ndarray, page: Directory) -> tuple[np.ndarray, np.ndarray]:
    """Gray and alpha of a page that `isolate` widened."""
    if page.get(PREDICTOR, 1) == 2:
        # libtiff added neighbours up; they belong two apart.
        steps = np.diff(pixels, axis=1, prepend=pixels.dtype.type(0))
        pixels = np.empty_like(pixels)
        for i in range(2):
            pixels[:, i::2] = np.cumsum(steps[:, i::2], axis=1, dtype=pixels.dtype)
    return pixels[:, 0::2], pixels[:, 1::2]


def write_tiff(path: Path, pages: Iterable[tuple[np.ndarray, np.ndarray | None]], pages_bytes: int = 0) -> None:
    """Writes pages as they come, each compressed without loss (deflate).

    Args:
        path: the file.
        pages: pairs of pixels `(H, W)` or `(H, W, 3)`, of uint8, uint16, float32 or float64, and their alpha
            channel `(H, W)` of the same dtype, or `None`.
        pages_bytes: an upper limit of the size of all pixels, in bytes; from about 4 GB on the file is a
            BigTIFF.
    """
    big = pages_bytes > _BIG_FROM
    word = "<Q" if big else "<I"
    with open(path, "wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if big else struct.pack("<2sHI", b"II", 42, 0))
        link = 8 if big else 4
        for pixels, alpha in pages:
            tags = _write_strips(file, pixels, alpha)
            link = _write_directory(file, tags, link, word)


def _write_strips(file, pixels: np.ndarray, alpha: np.ndarray | None) -> dict[int, tuple[str, list[int]]]:
    colours = 1 if pixels.ndim == 2 else 3
    page = pixels.reshape(*pixels.shape[:2], colours)
    if alpha is not None:
        page = np.concatenate([page, alpha[..., None]], axis=2)
    height, width, samples = page.shape
    differences = page.dtype.kind == "u"  # of neighbours: they pack better
    rows = max(1, _STRIP_BYTES // (width * samples * page.itemsize))
    starts, sizes = [], []
    for top in range(0, height, rows):
        strip = page[top : top + rows]
        if differences:
            strip = np.diff(strip, axis=1, prepend=page.dtype.type(0))
        packed = zlib.compress(strip.astype(page.dtype.newbyteorder("<")).tobytes(), 6)
        starts.append(file.tell())
        sizes.append(len(packed))
        file.write(packed)
    tags = {
        WIDTH: ("I", [width]),
        HEIGHT: ("I", [height]),
        BITS: ("H", [8 * page.itemsize] * samples),
        COMPRESSION: ("H", [8]),
        PHOTOMETRIC: ("H", [1 if colours == 1 else 2]),
        STRIPS: ("Q", starts),
        SAMPLES: ("H", [samples]),
        STRIP_ROWS: ("I", [rows]),
        STRIP_SIZES: ("Q", sizes),
        PLANAR: ("H", [1]),
        PREDICTOR: ("H", [2 if differences else 1]),
        FORMAT: ("H", [3 if page.dtype.kind == "f" else 1] * samples),
    }
    if alpha is not None:
        tags[EXTRA] = ("H", [2])
    return dict(sorted(tags.items()))


def _write_directory(file, tags: dict[int, tuple[str, list[int]]], link: int, word: str) -> int:
    """Writes a directory, points `link` at it, and returns the place of its own link."""
    big = word == "<Q"
    room = struct.calcsize(word)
    kinds = {code: kind for kind, code in _CODES.items()}
    entries = []
    for tag, (wanted, values) in tags.items():
        code = "I" if wanted == "Q" and not big else wanted
        packed = struct.pack(f"<{len(values)}{code}", *values)
        if len(packed) > room:
            file.write(b"\0" * (file.tell() % 2))
            place = file.tell()
            file.write(packed)
            packed = struct.pack(word, place)
        entries.append(
            struct.pack("<HH", tag, kinds[code]) + struct.pack(word, len(values)) + packed.ljust(room, b"\0")
        )
    file.write(b"\0" * (file.tell() % 2))
    place = file.tell()
    file.write(struct.pack("<Q" if big else "<H", len(entries)) + b"".join(entries))
    own_link = file.tell()
    file.write(struct.pack(word, 0))
    file.seek(link)
    file.write(struct.pack(word, place))
    file.seek(0, 2)
    return own_link
