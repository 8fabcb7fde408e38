"""Raster files to arrays and back: decoding one page, alpha apart, and lossless encoding."""

import struct
import zlib

import cv2
import numpy as np

from keras_srgan.images import tiff
from keras_srgan.images.headers import Facts, ImageError, check_size, one_line

# The codecs' own chatter: the reason for a failure goes into the error instead.
if hasattr(cv2, "setLogLevel"):  # OpenCV 4
    cv2.setLogLevel(0)
else:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


ENCODINGS = {
    ".png": [],
    ".bmp": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100: without loss
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
}

_LONGEST = {".webp": 16383, ".jpg": 65500, ".bmp": 32767, ".dcm": 65535}
_NAMES = {".jpg": "JPEG", ".bmp": "BMP", ".webp": "WebP"}


def decode(data: bytearray, facts: Facts, max_pixels: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Decodes one image of a raster file, as it is stored.

    Args:
        data: the whole file; the header of a TIFF is changed in place.
        facts: what `examine` found about the image.
        max_pixels: as for `check_size`.

    Returns:
        A tuple `(pixels, alpha)`: `(H, W)` or `(H, W, 3)` in RGB order, of uint8, uint16, or float32 or float64 in
        `[0, 1]`; and `(H, W)` of the same dtype, or `None`.

    Raises:
        ImageError: if it cannot be decoded, or holds other values.
    """
    check_size(facts.height, facts.width, max_pixels)
    if facts.page is not None:
        tiff.isolate(data, facts.page)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(f"cannot be decoded ({one_line(error)}); save it as PNG") from None
    if pixels is None:
        raise ImageError("cannot be decoded: damaged, or an unusual variant of its format; save it as PNG")
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
    # OpenCV inverts this kind of 8 bits itself.
    if facts.page is not None and facts.page.get(tiff.PHOTOMETRIC, 1) == 0 and pixels.dtype == np.uint16:
        pixels = 65535 - pixels
    return np.ascontiguousarray(pixels), None if alpha is None else np.ascontiguousarray(alpha)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turns an image as its EXIF orientation says.

    Args:
        pixels: array `(H, W[, C])`.
        orientation: integer, 1 (as it is) to 8.

    Returns:
        The array, its sides swapped from 5 on.
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def check_holds(suffix: str, dtype, height: int, width: int) -> None:
    """Refuses an image that a format cannot hold.

    Args:
        suffix: `.tif`, `.dcm` or a key of `ENCODINGS`.
        dtype: of the pixels.
        height: rows.
        width: columns.

    Raises:
        ImageError: naming the limit.
    """
    if suffix in _NAMES and dtype != np.uint8:
        raise ImageError(f"{_NAMES[suffix]} holds 8 bits and the pixels are {dtype}; write .png instead")
    if suffix == ".dcm" and dtype not in (np.uint8, np.uint16):
        raise ImageError(f"DICOM holds 8 or 16 bits and the pixels are {dtype}; write .tif instead")
    longest = _LONGEST.get(suffix)
    if longest and max(height, width) > longest:
        raise ImageError(f"{width}x{height} pixels, {suffix} ends at {longest} a side; write .tif or .png instead")


def encode(suffix: str, pixels: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
    """Encodes an image; without loss, except for JPEG (quality 95, no chroma subsampling).

    Args:
        suffix: a key of `ENCODINGS`.
        pixels: uint8 or (PNG only) uint16 array `(H, W)` or `(H, W, 3)` in RGB order.
        alpha: array `(H, W)` of the same dtype, or `None`.

    Returns:
        The bytes of the file.

    Raises:
        ImageError: if the format cannot hold the image.
    """
    if alpha is not None and suffix == ".png" and pixels.ndim == 2:
        return _png_gray_alpha(pixels, alpha)
    if alpha is not None:
        colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        pixels = np.concatenate([colour, alpha[..., None]], axis=2)
    if pixels.ndim == 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    try:
        done, encoded = cv2.imencode(suffix, pixels, ENCODINGS[suffix])
    except cv2.error as error:
        raise ImageError(f"OpenCV cannot encode shape {pixels.shape}: {one_line(error)}") from None
    if not done:
        raise ImageError(f"OpenCV cannot encode shape {pixels.shape}; try another format")
    return encoded.tobytes()


def _png_gray_alpha(pixels: np.ndarray, alpha: np.ndarray) -> bytes:
    """PNG of colour type 4, which OpenCV does not write."""
    height, width = pixels.shape
    both = np.stack([pixels, alpha], axis=-1)
    rows = both.astype(both.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    lines = np.full((height, rows.shape[1] + 1), 2, np.uint8)  # 2: each row less the one above
    lines[:, 1:] = np.diff(rows, axis=0, prepend=np.uint8(0))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8 * both.itemsize, 4, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines.tobytes())) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
