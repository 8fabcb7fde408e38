"""Examines raster files before they are decoded: size, kind, and whether the file is whole.

OpenCV decodes what there is of a truncated file without a word, so that is found out here.
"""

import struct
import zlib

from keras_srgan.images import tiff
from keras_srgan.images.formats import raster_format
from keras_srgan.images.headers import Facts, ImageError
from keras_srgan.images.jpeg import markers
from keras_srgan.images.tiff_pages import examine_tiff


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
        return examine_tiff(data)
    one = {"png": _examine_png, "jpeg": _examine_jpeg, "bmp": _examine_bmp, "webp": _examine_webp}
    if kind is None:
        start = bytes(data[:8])
        if start.startswith(b"version "):
            raise ImageError("a Git-LFS pointer, not the image; run git lfs pull")
        raise ImageError(f"not PNG, JPEG, TIFF, BMP, WebP or DICOM (it starts with {start!r}); convert it")
    return [one[kind](data)]


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
        if kind == b"tRNS" and facts is not None and not facts.palette:
            facts = facts._replace(clear=struct.unpack(f">{length // 2}H", data[at + 8 : at + 8 + length // 2 * 2]))
        if kind == b"eXIf":
            orientation = _exif_orientation(data[at + 8 : end - 4])
        if kind == b"acTL" and (frames := struct.unpack_from(">I", data, at + 8)[0]) > 1:
            raise ImageError(f"an animated PNG of {frames} frames; save the one you need as a file of its own")
        if kind == b"IEND" and facts is not None:
            return facts._replace(orientation=orientation)
        at = end
    raise ImageError("the PNG is cut short (no IEND chunk); get it again")


def _examine_jpeg(data: bytes | bytearray) -> Facts:
    size, coded, orientation = None, False, 1
    for code, start, end in markers(data):
        if code == 0xD9:
            if size is None or not coded:
                break
            return Facts("jpeg", size[0], size[1], orientation=orientation)
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            size = struct.unpack_from(">HH", data, start + 1)
        if code == 0xE1 and data[start : start + 6] == b"Exif\0\0":
            orientation = _exif_orientation(data[start:end])
        coded = coded or code == 0xDA
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
