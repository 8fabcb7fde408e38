"""What a raster file's header says before decoding: size, kind, and whether the file is whole.

OpenCV decodes what there is of a truncated file without a word, so that is found out here.
"""

import contextlib
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from keras_srgan.images import tiff

MAX_PIXELS = 2**28


"""Larger images are refused before they are decoded: a small file can claim any size."""


class ImageError(ValueError):
    """An image that cannot be used. The message is one line: which file, what was found, what to do."""


class Facts(NamedTuple):
    """What the header says of one image, before decoding."""

    format: str
    height: int
    width: int
    maybe_gray: bool = False  # OpenCV gives colour for a palette or for gray with alpha
    orientation: int = 1  # as EXIF counts it
    bits: int = 8
    palette: bool = False
    page: tiff.Directory | None = None


def one_line(error: object, limit: int = 200) -> str:
    """The text of an error on one line.

    Args:
        error: An exception or anything with a text.
        limit: Longest text returned, in characters.

    Returns:
        The text, its white space and what cannot be printed collapsed, cut to `limit`.
    """
    shown = "".join(each if each.isprintable() else " " for each in str(error))
    text = " ".join(shown.split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."


@contextlib.contextmanager
def naming(path: str | os.PathLike, describe: Callable[[Exception], str], *passed: type[Exception]) -> Iterator[None]:
    """Makes every error inside an ImageError that names the file.

    Args:
        path: The file.
        describe: Function from another error than ImageError to what is said of it.
        passed: Kinds of errors that stay what they are.
    """
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{path}: {one_line(error, 400)}") from None
    except passed:
        raise
    except Exception as error:
        raise ImageError(f"{path}: {describe(error)}") from error


def check_size(height: int, width: int, max_pixels: int | None = None) -> None:
    """Refuse an image that is empty or larger than a limit.

    Args:
        height: Rows.
        width: Columns.
        max_pixels: The limit. Defaults to `MAX_PIXELS`.

    Raises:
        ImageError: If it is.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    if height <= 0 or width <= 0:
        raise ImageError(f"the header gives {height}x{width} pixels; the file is damaged, get it again")
    if height * width > limit:
        raise ImageError(
            f"{height}x{width} pixels, more than the limit of {limit}; raise it or cut the image into parts"
        )


def examine(data: bytes | bytearray) -> list[Facts]:
    """What the header says of each image in a raster file.

    Args:
        data: The whole file.

    Returns:
        One `Facts` for each page of a TIFF, without thumbnails; one for any other file.

    Raises:
        ImageError: If the file is of no known format, damaged or cut short.
    """
    if not data:
        raise ImageError("the file is empty (0 bytes); get it again")
    try:
        return _examine(data)
    except (struct.error, OverflowError):
        raise ImageError("the header is cut short or damaged; get the file again") from None


def _examine(data: bytes | bytearray) -> list[Facts]:
    kind = raster_format(data)
    if kind == "tiff":
        return _examine_tiff(data)
    one = {"png": _examine_png, "jpeg": _examine_jpeg, "bmp": _examine_bmp, "webp": _examine_webp}
    if kind is None:
        start = bytes(data[:8])
        if start.startswith(b"version "):
            raise ImageError("a Git-LFS pointer, not the image; run git lfs pull")
        raise ImageError(f"not PNG, JPEG, TIFF, BMP, WebP or DICOM (it starts with {start!r}); convert it")
    return [one[kind](data)]


def raster_format(start: bytes | bytearray) -> str | None:
    """The format of a raster file by its first bytes: png, jpeg, tiff, bmp, webp, or `None`."""
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if start.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if start.startswith(b"BM"):
        return "bmp"
    return "webp" if start.startswith(b"RIFF") and start[8:12] == b"WEBP" else None


def _exif_orientation(block: bytes | bytearray) -> int:
    """The orientation in an EXIF block, 1 to 8; a damaged block is no reason to refuse an image."""
    block = bytes(block).removeprefix(b"Exif\0\0")
    try:
        value = tiff.directories(block)[0].get(tiff.ORIENTATION, 1)
    except (struct.error, OverflowError, IndexError):
        return 1
    return value if 1 <= value <= 8 else 1


def _examine_png(data: bytes | bytearray) -> Facts:
    at, facts, orientation = 8, None, 1
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
            width, height, bits, colour = struct.unpack_from(">IIBB", data, at + 8)
            facts = Facts("png", height, width, colour in (0, 3, 4), bits=bits, palette=colour == 3)
        if kind == b"eXIf":
            orientation = _exif_orientation(data[at + 8 : end - 4])
        if kind == b"acTL" and (frames := struct.unpack_from(">I", data, at + 8)[0]) > 1:
            raise ImageError(f"an animated PNG of {frames} frames; save the one you need as a file of its own")
        if kind == b"IEND" and facts is not None:
            return facts._replace(orientation=orientation)
        at = end
    raise ImageError("the PNG is cut short (no IEND chunk); get it again")


# 0xff and a code; inside coded data 0xff is followed by 0 or by a restart code (d0 to d7).
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


def _examine_jpeg(data: bytes | bytearray) -> Facts:
    at, size, coded, orientation = 2, None, False, 1
    while found := _JPEG_MARKER.search(data, at):
        code = found[1][0]
        if code == 0xD9:
            if size is None or not coded:
                break
            return Facts("jpeg", size[0], size[1], orientation=orientation)
        if code in (0x01, 0xD8):
            at = found.end()
            continue
        (length,) = struct.unpack_from(">H", data, found.end())
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            size = struct.unpack_from(">HH", data, found.end() + 3)
        if code == 0xE1 and data[found.end() + 2 : found.end() + 8] == b"Exif\0\0":
            orientation = _exif_orientation(data[found.end() + 2 : found.end() + length])
        coded = coded or code == 0xDA
        at = found.end() + max(length, 2)
    raise ImageError("the JPEG is cut short (no end marker); get it again")


def _examine_bmp(data: bytes | bytearray) -> Facts:
    offset, header = struct.unpack_from("<II", data, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packed = 0
    else:
        width, height, _, bits, packed = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)
    if packed in (0, 3) and offset + (width * bits + 31) // 32 * 4 * height > len(data):
        raise ImageError("the BMP is cut short; get it again")
    return Facts("bmp", height, width, bits <= 8, bits=bits if bits < 8 else 8, palette=bits <= 8)


def _examine_webp(data: bytes | bytearray) -> Facts:
    end = struct.unpack_from("<I", data, 4)[0] + 8
    if end > len(data):
        raise ImageError("the WebP file is cut short; get it again")
    at, size, orientation = 12, None, 1
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        body = at + 8
        if kind == b"VP8X":
            if data[body] & 2:
                raise ImageError("an animated WebP; save the frame you need as a file of its own")
            size = [1 + int.from_bytes(data[body + i : body + i + 3], "little") for i in (7, 4)]
        elif kind == b"VP8L" and size is None:
            (packed,) = struct.unpack_from("<I", data, body + 1)
            size = [1 + (packed >> 14 & 0x3FFF), 1 + (packed & 0x3FFF)]
        elif kind == b"VP8 " and size is None:
            size = [side & 0x3FFF for side in struct.unpack_from("<HH", data, body + 6)][::-1]
        elif kind == b"EXIF":
            orientation = _exif_orientation(data[body : body + length])
        at = body + length + length % 2
    if size is None:
        raise ImageError("the WebP holds no image; get it again")
    # The format has no gray of its own.
    return Facts("webp", size[0], size[1], maybe_gray=True, orientation=orientation)


def _examine_tiff(data: bytes | bytearray) -> list[Facts]:
    # A reduced copy of the image (a thumbnail) is no page of its own.
    pages = [page for page in tiff.directories(data) if not page.get(tiff.SUBFILE, 0) & 1]
    if not pages:
        raise ImageError("the TIFF has 0 pages; the file is damaged, get it again")
    return [_examine_page(data, page) for page in pages]


def _examine_page(data: bytes | bytearray, page: tiff.Directory) -> Facts:
    if tiff.WIDTH not in page.tags or tiff.HEIGHT not in page.tags:
        raise ImageError("the TIFF gives no size; the file is damaged, get it again")
    bits, photometric = page.get(tiff.BITS, 1), page.get(tiff.PHOTOMETRIC, 1)
    if bits not in (1, 4, 8, 16, 32, 64):
        raise ImageError(f"TIFF with {bits} bits a sample; save it with 8 or 16")
    if bits == 16 and page.get(tiff.FORMAT, 1) == 3:
        raise ImageError("TIFF of 16-bit floats; save it with 32-bit floats or 16-bit whole numbers")
    if photometric == 5:
        raise ImageError("CMYK TIFF; save it as gray or RGB")
    separate = page.get(tiff.SAMPLES, 1) > 1 and page.get(tiff.PLANAR, 1) == 2
    if separate and (bits != 8 or page.gray_with_alpha):
        raise ImageError(f"TIFF with separate planes of {bits} bits; save it interleaved")
    if page.gray_with_alpha and (photometric == 0 or bits not in (8, 16)):
        raise ImageError("an unusual TIFF of gray with alpha; save it as PNG")
    if page.gray_with_alpha and tiff.TILES in page.tags and page.get(tiff.PREDICTOR, 1) != 1:
        raise ImageError("a tiled TIFF of gray with alpha; save it as PNG")
    for starts, sizes in ((tiff.STRIPS, tiff.STRIP_SIZES), (tiff.TILES, tiff.TILE_SIZES)):
        parts = zip(page.tags.get(starts, ()), page.tags.get(sizes, ()), strict=False)
        if any(start + size > len(data) for start, size in parts):
            raise ImageError("the TIFF is cut short; get it again")
    orientation = page.get(tiff.ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    height, width, palette = page.get(tiff.HEIGHT, 0), page.get(tiff.WIDTH, 0), photometric == 3
    return Facts("tiff", height, width, palette, orientation, min(bits, 8), palette, page)
