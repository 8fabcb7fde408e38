"""What a raster file's header says before decoding: size, kind, and whether the file is whole.

OpenCV decodes what there is of a truncated file without a word, so that is found out here.
"""

import re
import struct
import zlib
from typing import NamedTuple

MAX_PIXELS = 2**28
"""Larger images are refused before they are decoded: a small file can claim any size."""


class ImageError(ValueError):
    """An image that cannot be used. The message is one line: which file, what was found, what to do."""


class Facts(NamedTuple):
    """What the header says before decoding."""

    height: int
    width: int
    maybe_gray: bool = False  # OpenCV gives colour for a palette or for gray with alpha
    white_is_zero: bool = False  # of a 16-bit TIFF, which OpenCV does not invert


def one_line(error: object, limit: int = 200) -> str:
    """The text of an error on one line.

    Args:
        error: An exception or anything with a text.
        limit: Longest text returned, in characters.

    Returns:
        The text, its white space collapsed, cut to `limit`.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."


def check_size(height: int, width: int) -> None:
    """Refuse an image that is empty or larger than `MAX_PIXELS`.

    Args:
        height: Rows.
        width: Columns.

    Raises:
        ImageError: If it is.
    """
    if height <= 0 or width <= 0:
        raise ImageError(f"the header gives {height}x{width} pixels; the file is damaged, get it again")
    if height * width > MAX_PIXELS:
        raise ImageError(f"{height}x{width} pixels, more than the limit of {MAX_PIXELS}; cut it into parts")


def examine(data: bytes) -> Facts:
    """Size and kind from the header; ImageError if the file is cut short."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _examine_png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _examine_jpeg(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _examine_tiff(data)
    if data.startswith(b"BM"):
        return _examine_bmp(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
            raise ImageError("the WebP file is cut short; get it again")
        return Facts(0, 0)  # the format itself stops at 16383x16383, below MAX_PIXELS
    raise ImageError(f"not PNG, JPEG, TIFF, BMP, WebP or DICOM (it starts with {data[:8]!r}); convert it")


def _examine_png(data: bytes) -> Facts:
    at, facts = 8, None
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        # A lower-case first letter marks a chunk that a reader may ignore.
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if kind[:1].isupper() and zlib.crc32(data[at + 4 : end - 4]) != checksum:
            raise ImageError(f"the PNG is damaged (checksum of chunk {kind!r}); get it again")
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack_from(">IIBB", data, at + 8)
            facts = Facts(height, width, maybe_gray=colour in (0, 3, 4))
        if kind == b"IEND" and facts is not None:
            return facts
        at = end
    raise ImageError("the PNG is cut short (no IEND chunk); get it again")


# 0xff and a code; inside coded data 0xff is followed by 0 or by a restart code (d0 to d7).
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


def _examine_jpeg(data: bytes) -> Facts:
    at, size, coded = 2, None, False
    while found := _JPEG_MARKER.search(data, at):
        code = found[1][0]
        if code == 0xD9:
            if size is None or not coded:
                break
            return Facts(*size)
        if code in (0x01, 0xD8):
            at = found.end()
            continue
        (length,) = struct.unpack_from(">H", data, found.end())
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            size = struct.unpack_from(">HH", data, found.end() + 3)
        coded = coded or code == 0xDA
        at = found.end() + max(length, 2)
    raise ImageError("the JPEG is cut short (no end marker); get it again")


def _examine_bmp(data: bytes) -> Facts:
    offset, header = struct.unpack_from("<II", data, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packed = 0
    else:
        width, height, _, bits, packed = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)
    if packed in (0, 3) and offset + (width * bits + 31) // 32 * 4 * height > len(data):
        raise ImageError("the BMP is cut short; get it again")
    return Facts(height, width, maybe_gray=bits <= 8)


# The few TIFF tags used here.
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR = 254, 256, 257, 258, 262, 277, 284
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES = 273, 279, 324, 325


def _examine_tiff(data: bytes) -> Facts:
    # A reduced copy of the image (a thumbnail) is no page of its own.
    pages = [tags for tags in _tiff_pages(data) if not tags.get(_SUBFILE, (0,))[0] & 1]
    if len(pages) != 1:
        raise ImageError(f"the TIFF has {len(pages)} pages; save the one you need as a file of its own")
    tags = pages[0]
    if _WIDTH not in tags or _HEIGHT not in tags:
        raise ImageError("the TIFF gives no size; the file is damaged, get it again")
    bits = tags.get(_BITS, (1,))[0]
    photometric = tags.get(_PHOTOMETRIC, (1,))[0]
    if bits not in (1, 4, 8, 16, 32, 64):
        raise ImageError(f"TIFF with {bits} bits a sample; save it with 8 or 16")
    if photometric == 5:
        raise ImageError("CMYK TIFF; save it as gray or RGB")
    if tags.get(_SAMPLES, (1,))[0] > 1 and tags.get(_PLANAR, (1,))[0] == 2 and bits != 8:
        raise ImageError(f"TIFF with separate planes of {bits} bits; save it interleaved")
    for starts, sizes in ((_STRIPS, _STRIP_SIZES), (_TILES, _TILE_SIZES)):
        parts = zip(tags.get(starts, ()), tags.get(sizes, ()), strict=False)
        if any(start + size > len(data) for start, size in parts):
            raise ImageError("the TIFF is cut short; get it again")
    return Facts(tags[_HEIGHT][0], tags[_WIDTH][0], photometric == 3, photometric == 0)


def _tiff_pages(data: bytes) -> list[dict[int, tuple[int, ...]]]:
    """The whole-number tags of each page of a TIFF or BigTIFF."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    word, number, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    room = struct.calcsize(order + word)
    (page,) = struct.unpack_from(order + word, data, 8 if big else 4)
    pages: list[dict[int, tuple[int, ...]]] = []
    seen = set()
    while page and page not in seen:
        seen.add(page)
        (count,) = struct.unpack_from(order + number, data, page)
        at = page + struct.calcsize(order + number)
        tags = {}
        for _ in range(count):
            tag, kind, length = struct.unpack_from(f"{order}HH{word}", data, at)
            code = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
            if code is not None and length > 0 and 254 <= tag <= 325:
                value = at + 4 + room
                if length * struct.calcsize(order + code) > room:
                    (value,) = struct.unpack_from(order + word, data, value)
                tags[tag] = struct.unpack_from(f"{order}{length}{code}", data, value)
            at += entry
        pages.append(tags)
        (page,) = struct.unpack_from(order + word, data, at)
    return pages
