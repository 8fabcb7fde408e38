"""Read and write single images without changing what their numbers mean.

A raster file is checked against its own header before it is decoded, because OpenCV may return a partly
decoded image for a cut file. The depth of an image comes from its type and header, never from its brightest
pixel.
"""

import os
import re
import secrets
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pydicom

RASTER_EXTENSIONS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
DICOM_EXTENSIONS = (".dcm", ".dicom", ".ima")
MAX_PIXELS = 2**28
"""Larger images are refused before they are decoded: a small file can claim any size."""

# The codecs' own chatter: the reason for a failure goes into the error instead.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class ImageError(ValueError):
    """An image that cannot be used. The message is one line: which file, what was found, what to do."""


@dataclass(frozen=True, eq=False)
class Image:
    """One decoded image and where it came from.

    Args:
        pixels: Array of shape `(height, width)`, or `(height, width, 3)` in RGB order; uint8 or uint16;
            larger is brighter.
        max_value: The value of white, `2**bits - 1`.
        path: The file it was read from.
        patient: Identifier of the patient, or `None` where unknown.
        dicom: The DICOM header without its pixel data, or `None` for other formats.
    """

    pixels: np.ndarray
    max_value: int
    path: Path
    patient: str | None = None
    dicom: pydicom.Dataset | None = None


def luma(rgb: np.ndarray) -> np.ndarray:
    """Gray version of a colour image: BT.601 luma, rounded.

    Args:
        rgb: uint8 or uint16 array of shape `(height, width, 3)`, RGB.

    Returns:
        Array of shape `(height, width)` and the same dtype. Where the three channels are equal it is exactly
        that channel.
    """
    # Whole thousandths: the weights add to one exactly, and 65535 * 1000 fits.
    red, green, blue = (rgb[..., i].astype(np.uint32) for i in range(3))
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(rgb.dtype)


def read_image(path: str | os.PathLike, channels: int | None = None) -> Image:
    """Read a PNG, JPEG, single-page TIFF, BMP, WebP or DICOM image.

    The format is found from the content; the extension only tells a DICOM file that lacks the `DICM` mark.
    Transparency is dropped. Orientation tags are not applied. Floating-point TIFF in [0, 1] becomes uint16.

    Args:
        path: The file.
        channels: 1 turns colour to gray (`luma`), 3 repeats gray three times, `None` keeps what is stored.

    Returns:
        An `Image`. `max_value` is 255 for 8-bit and 65535 for 16-bit raster files, and `2**BitsStored - 1`
        for DICOM.

    Raises:
        ImageError: If the file is not such an image, is damaged or cut short, or is too large.
        OSError: If the file cannot be opened.
        ValueError: If `channels` is not 1, 3 or `None`.
    """
    path = Path(path)
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1, 3 or None, received {channels!r}")
    data = path.read_bytes()
    header = patient = None
    if data[128:132] == b"DICM" or path.suffix.lower() in DICOM_EXTENSIONS:
        from keras_srgan.data.dicom import patient_id, read_dicom

        pixels, max_value, header = read_dicom(path)
        patient = patient_id(header)
    else:
        try:
            pixels = _decode(data)
        except ImageError as error:
            raise ImageError(f"{path}: {error}") from None
        max_value = int(np.iinfo(pixels.dtype).max)
    if channels == 1 and pixels.ndim == 3:
        pixels = luma(pixels)
    elif channels == 3 and pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return Image(pixels, max_value, path, patient, header)


def write_image(
    path: str | os.PathLike,
    pixels: np.ndarray,
    max_value: int | None = None,
    like: Image | None = None,
) -> Path:
    """Write an image whole or not at all.

    Values are stored as they are, so a 15-bit radiograph keeps its numbers in a 16-bit PNG.

    Args:
        path: Target; `.png`, `.tif`, `.tiff` (8 or 16 bits), `.jpg`, `.jpeg` (8 bits) or `.dcm`, `.dicom`.
        pixels: uint8 or uint16 array of shape `(height, width)`, or `(height, width, 3)` in RGB order.
        max_value: The value of white. Defaults to that of `like`, else to the dtype's largest value.
        like: The image this one was made from. Needed for DICOM, whose header it provides.

    Returns:
        The path written.

    Raises:
        ImageError: If the format cannot hold these pixels.
        OSError: If the file cannot be written; nothing is left behind, and an older file stays as it was.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{path}: pixels are {pixels.dtype}; round them to uint8 or uint16 first")
    if pixels.size == 0 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise ImageError(f"{path}: pixels have shape {pixels.shape}; give (height, width[, 3])")
    if max_value is None:
        max_value = like.max_value if like is not None else int(np.iinfo(pixels.dtype).max)
    if pixels.max() > max_value:
        raise ImageError(f"{path}: a pixel is {pixels.max()}, above white at {max_value}; clip them first")
    if suffix in (".dcm", ".dicom"):
        return _write_like_dicom(path, pixels, max_value, like)
    if suffix not in (".png", ".tif", ".tiff", ".jpg", ".jpeg"):
        raise ImageError(f"{path}: cannot write extension {suffix!r}; use .png, .tif, .jpg or .dcm")
    if suffix in (".jpg", ".jpeg") and pixels.dtype != np.uint8:
        raise ImageError(f"{path}: JPEG holds 8 bits and the pixels are {pixels.dtype}; write .png instead")
    try:
        done, encoded = cv2.imencode(suffix, pixels if pixels.ndim == 2 else pixels[..., ::-1])
    except cv2.error as error:
        raise ImageError(f"{path}: OpenCV cannot encode shape {pixels.shape}: {one_line(error)}") from None
    if not done:
        raise ImageError(f"{path}: OpenCV cannot encode shape {pixels.shape}; try another format")
    return write_whole(path, encoded.tobytes())


def write_whole(path: str | os.PathLike, data: bytes) -> Path:
    """Write bytes to a file through a temporary name beside it, so that a reader never sees half of it.

    Args:
        path: Target; replaced if it exists.
        data: The content.

    Returns:
        The path written.

    Raises:
        OSError: Naming `path`, if it cannot be written. The temporary file is removed.
    """
    path = Path(path)
    # A short name of its own: the target's may already be as long as the file system allows.
    temporary = path.with_name(f".keras-srgan-{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            # A full disk names no file, and the temporary name means nothing to the caller.
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    return path


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


def _write_like_dicom(path: Path, pixels: np.ndarray, max_value: int, like: Image | None) -> Path:
    from keras_srgan.data.dicom import write_dicom

    if like is None or like.dicom is None:
        raise ImageError(f"{path}: DICOM needs the header of a DICOM source; write .png instead")
    if max_value != like.max_value:
        raise ImageError(f"{path}: white is {max_value}, but {like.max_value} in {like.path}; keep it")
    rows, columns = (new / old for new, old in zip(pixels.shape[:2], like.pixels.shape[:2], strict=True))
    if rows != columns:
        raise ImageError(
            f"{path}: {rows:g} times the rows but {columns:g} times the columns; keep the aspect"
        )
    return write_dicom(path, pixels, like, rows)


class _Facts(NamedTuple):
    """What the header says before decoding."""

    height: int
    width: int
    maybe_gray: bool = False  # OpenCV gives colour for a palette or for gray with alpha
    white_is_zero: bool = False  # of a 16-bit TIFF, which OpenCV does not invert


def _decode(data: bytes) -> np.ndarray:
    """Pixels of a raster file, or ImageError without the path."""
    if not data:
        raise ImageError("the file is empty (0 bytes); get it again")
    try:
        facts = _examine(data)
    except (struct.error, OverflowError):
        raise ImageError("the header is cut short or damaged; get the file again") from None
    if facts.height or facts.width:
        check_size(facts.height, facts.width)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(f"cannot be decoded ({one_line(error)}); save it as PNG") from None
    if pixels is None:
        raise ImageError("cannot be decoded: damaged, or an unusual variant of its format; save it as PNG")
    if facts.height and pixels.shape[:2] != (facts.height, facts.width):
        raise ImageError(f"decodes to {pixels.shape[:2]}, unlike its header; damaged, get it again")
    if pixels.ndim == 3:
        pixels = pixels[..., 2::-1] if pixels.shape[2] >= 3 else pixels[..., 0]
        if facts.maybe_gray and (pixels == pixels[..., :1]).all():
            pixels = pixels[..., 0]
    if pixels.dtype in (np.float32, np.float64):
        # NaN fails both comparisons.
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            low, high = pixels.min(), pixels.max()
            raise ImageError(f"values from {low:g} to {high:g}; scale them to [0, 1], without NaN")
        pixels = np.rint(pixels * 65535.0).astype(np.uint16)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"pixels are {pixels.dtype}; convert to unsigned 8 or 16 bits")
    if facts.white_is_zero and pixels.dtype == np.uint16:
        pixels = 65535 - pixels
    return np.ascontiguousarray(pixels)


def _examine(data: bytes) -> _Facts:
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
        return _Facts(0, 0)  # the format itself stops at 16383x16383, below MAX_PIXELS
    raise ImageError(f"not PNG, JPEG, TIFF, BMP, WebP or DICOM (it starts with {data[:8]!r}); convert it")


def _examine_png(data: bytes) -> _Facts:
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
            facts = _Facts(height, width, maybe_gray=colour in (0, 3, 4))
        if kind == b"IEND" and facts is not None:
            return facts
        at = end
    raise ImageError("the PNG is cut short (no IEND chunk); get it again")


# 0xff and a code; inside coded data 0xff is followed by 0 or by a restart code (d0 to d7).
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


def _examine_jpeg(data: bytes) -> _Facts:
    at, size, coded = 2, None, False
    while found := _JPEG_MARKER.search(data, at):
        code = found[1][0]
        if code == 0xD9:
            if size is None or not coded:
                break
            return _Facts(*size)
        if code in (0x01, 0xD8):
            at = found.end()
            continue
        (length,) = struct.unpack_from(">H", data, found.end())
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            size = struct.unpack_from(">HH", data, found.end() + 3)
        coded = coded or code == 0xDA
        at = found.end() + max(length, 2)
    raise ImageError("the JPEG is cut short (no end marker); get it again")


def _examine_bmp(data: bytes) -> _Facts:
    offset, header = struct.unpack_from("<II", data, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packed = 0
    else:
        width, height, _, bits, packed = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)
    if packed in (0, 3) and offset + (width * bits + 31) // 32 * 4 * height > len(data):
        raise ImageError("the BMP is cut short; get it again")
    return _Facts(height, width, maybe_gray=bits <= 8)


# The few TIFF tags used here.
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR = 254, 256, 257, 258, 262, 277, 284
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES = 273, 279, 324, 325


def _examine_tiff(data: bytes) -> _Facts:
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
    return _Facts(tags[_HEIGHT][0], tags[_WIDTH][0], photometric == 3, photometric == 0)


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
