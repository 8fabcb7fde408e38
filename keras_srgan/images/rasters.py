"""Raster files to arrays and back: decoding one page, alpha apart, and encoding."""

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np

from keras_srgan.images import tiff
from keras_srgan.images.frame import Frame, straight
from keras_srgan.images.headers import Facts, ImageError, check_size, one_line
from keras_srgan.images.jpeg import DamagedJpeg, decode_jpeg
from keras_srgan.images.metadata import Metadata, fit, jpeg_unit, text_tags
from keras_srgan.images.metadata_read import read_metadata
from keras_srgan.images.tiff_pages import check_strips

ENCODINGS = (".png", ".jpg", ".bmp", ".webp")

# What OpenCV prints of a file is said here, in a line that names the file.
if hasattr(cv2, "setLogLevel"):  # OpenCV 4
    cv2.setLogLevel(0)
else:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def decode(
    data: bytearray,
    facts: Facts,
    max_pixels: int | None = None,
    note: Callable[[str], object] = lambda text: None,
) -> Frame:
    """Decodes one image of a raster file, as it is stored.

    Args:
        data: the whole file; the header of a TIFF is changed in place.
        facts: what `examine` found about the image.
        max_pixels: as for `check_size`.
        note: called with what the decoder says of an image that it could read.

    Returns:
        A `Frame` of uint8, uint16, or float32 or float64 in `[0, 1]`.

    Raises:
        ImageError: if it cannot be decoded, is damaged, or holds other values.
    """
    check_size(facts.height, facts.width, max_pixels)
    if facts.page is not None:
        check_strips(data, facts.page)
        tiff.isolate(data, facts.page)
    pixels: np.ndarray | None
    complaint = None
    try:
        if facts.format == "jpeg":
            pixels, complaint = decode_jpeg(data)
        else:
            plain = _png_pixels(data) if facts.format == "png" else data
            pixels = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
    except DamagedJpeg as error:
        raise ImageError(f"the image's data end too early, or are damaged ({one_line(error)}); get it again") from None
    except (cv2.error, ValueError) as error:
        raise ImageError(f"cannot be decoded ({one_line(error)}); save it as PNG") from None
    if pixels is None:
        raise ImageError("cannot be decoded: damaged, or an unusual variant of its format; save it as PNG")
    if complaint:
        note(f"the decoder says: {complaint}")
    alpha = None
    if facts.page is not None and facts.page.gray_with_alpha and pixels.ndim == 2:
        pixels, alpha = tiff.split_gray_alpha(pixels, facts.page)
    if pixels.shape[:2] != (facts.height, facts.width):
        raise ImageError(f"decodes to {pixels.shape[:2]}, unlike its header; damaged, get it again")
    if pixels.ndim == 3:
        if pixels.shape[2] == 4:
            alpha = pixels[..., 3]
        pixels = pixels[..., 2::-1] if pixels.shape[2] >= 3 else pixels[..., 0]
        if facts.maybe_gray and (pixels == pixels[..., :1]).all():
            pixels = pixels[..., 0]
    if pixels.dtype in (np.float32, np.float64):
        # NaN fails both comparisons.
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            low, high = pixels.min(), pixels.max()
            raise ImageError(f"values from {low:g} to {high:g}; scale them to [0, 1], without NaN")
        alpha = None if alpha is None else np.nan_to_num(alpha).clip(0, 1)
    elif pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"pixels are {pixels.dtype}; convert to unsigned 8 or 16 bits")
    white = {"uint8": 255, "uint16": 65535}.get(pixels.dtype.name, 1)
    # OpenCV inverts 8 bits of this kind itself.
    if facts.page is not None and facts.page.get(tiff.PHOTOMETRIC, 1) == 0 and pixels.dtype != np.uint8:
        pixels = white - pixels
    if alpha is None and facts.clear:
        alpha = _but(pixels, facts.clear, facts.bits)
    associated = alpha is not None and facts.page is not None and facts.page.get(tiff.EXTRA, 0) == 1
    metadata = read_metadata(data, facts.format, facts.page)
    alpha = None if alpha is None else np.ascontiguousarray(alpha)
    return Frame(np.ascontiguousarray(pixels), white, alpha, associated, metadata)


def _png_pixels(data: bytes | bytearray) -> bytes:
    """A PNG without what surrounds its pixels, of which libpng says more than anybody wants to know."""
    parts, at = [bytes(data[:8])], 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind[:1].isupper() or kind == b"tRNS":
            parts.append(bytes(data[at : at + 12 + length]))
        at += 12 + length
    return b"".join(parts)


def _but(pixels: np.ndarray, clear: tuple[int, ...], bits: int) -> np.ndarray | None:
    """The alpha channel where one value, or colour, is transparent."""
    if len(clear) != (1 if pixels.ndim == 2 else 3):
        return None
    stored = [value * 255 // (2**bits - 1) if bits < 8 else value for value in clear]
    same = pixels == np.array(stored if len(stored) == 3 else stored[0])
    same = same if pixels.ndim == 2 else same.all(axis=2)
    return np.where(same, 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)


def encode(suffix: str, frame: Frame) -> bytes:
    """Encodes an image; without loss, except for JPEG (quality 95, no chroma subsampling).

    Args:
        suffix: one of `ENCODINGS`.
        frame: `Frame` of uint8 or (PNG only) uint16. Of its metadata, what the format holds.

    Returns:
        The bytes of the file.

    Raises:
        ImageError: if the format cannot hold the image.
    """
    frame = straight(frame)
    metadata, _ = fit(frame.metadata, suffix, frame.colours)
    try:
        return _png(frame, metadata) if suffix == ".png" else _by_pillow(suffix, frame, metadata)
    except (cv2.error, OSError, ValueError, OverflowError) as error:
        raise ImageError(f"shape {frame.pixels.shape} cannot be encoded: {one_line(error)}") from None


def _by_pillow(suffix: str, frame: Frame, metadata: Metadata) -> bytes:
    from PIL import Image  # slow to import, for those who write

    pixels = frame.pixels
    if frame.alpha is not None:
        colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        pixels = np.dstack([colour, frame.alpha])
    exif, given, text = Image.Exif(), metadata.resolution, metadata.text
    options: dict = {"icc_profile": metadata.icc} if metadata.icc else {}
    if suffix == ".jpg":
        options |= {"quality": 95, "subsampling": 0}
        if comments := [words for name, words in text if name == "Comment"]:
            options["comment"] = "\n".join(comments).encode()
            text = tuple(each for each in text if each[0] != "Comment")
    elif suffix == ".webp":
        options |= {"lossless": True, "exact": True}
        if given:
            exif[282], exif[283], exif[296] = given.as_tags()
    else:
        options["dpi"] = given.per("inch") if given else (0, 0)
    exif.update({tag: words.encode() for tag, words in text_tags(text).items()})
    if suffix != ".bmp" and len(exif):
        options["exif"] = exif.tobytes()
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, {".jpg": "JPEG"}.get(suffix, suffix[1:].upper()), **options)
    data = bytearray(out.getvalue())
    if suffix == ".jpg" and given:  # Pillow knows inches only
        x, y = given.per(jpeg_unit(given))
        struct.pack_into(">BHH", data, 13, {"": 0, "cm": 2}.get(given.unit, 1), round(x), round(y))
    return bytes(data)


def _png(frame: Frame, metadata: Metadata) -> bytes:
    pixels, alpha = frame.pixels, frame.alpha
    if alpha is not None and pixels.ndim == 2:
        data = _png_gray_alpha(pixels, alpha)
    else:
        done, encoded = cv2.imencode(
            ".png", pixels if pixels.ndim == 2 else np.dstack([pixels[..., ::-1], *([] if alpha is None else [alpha])])
        )
        if not done:
            raise ValueError("OpenCV does not say why")
        data = encoded.tobytes()
    around = [_chunk(name.encode(), body) for name, body in metadata.colour]
    if metadata.icc:
        around.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if given := metadata.resolution:
        x, y = given.per("m")
        around.append(_chunk(b"pHYs", struct.pack(">IIB", round(x), round(y), given.unit != "")))
    around += [_text_chunk(name, words.replace("\0", "")) for name, words in metadata.text]
    return data[:33] + b"".join(around) + data[33:]  # behind the header


def _text_chunk(name: str, words: str) -> bytes:
    keyword = name.encode("latin-1", "replace")[:79] or b"Comment"
    try:
        return _chunk(b"tEXt", keyword + b"\0" + words.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", keyword + b"\0\0\0\0\0" + words.encode("utf-8", "replace"))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png_gray_alpha(pixels: np.ndarray, alpha: np.ndarray) -> bytes:
    """PNG of colour type 4, which OpenCV does not write."""
    height, width = pixels.shape
    both = np.stack([pixels, alpha], axis=-1)
    rows = both.astype(both.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    lines = np.full((height, rows.shape[1] + 1), 2, np.uint8)  # 2: each row less the one above
    lines[:, 1:] = np.diff(rows, axis=0, prepend=np.uint8(0))
    header = struct.pack(">IIBBBBB", width, height, 8 * both.itemsize, 4, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines.tobytes())) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
