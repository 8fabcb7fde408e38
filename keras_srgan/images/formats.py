"""The formats of image files: how they are recognised, and what each can hold."""

import os
from pathlib import Path

import numpy as np

from keras_srgan.images.headers import ImageError

RASTER_EXTENSIONS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
DICOM_EXTENSIONS = (".dcm", ".dicom", ".ima")
ALIASES = {".jpeg": ".jpg", ".tiff": ".tif", ".dicom": ".dcm"}
HOLDS_ALPHA = (".png", ".tif", ".webp")

_LONGEST = {".webp": 16383, ".jpg": 65500, ".bmp": 32767, ".dcm": 65535}
_NAMES = {".jpg": "JPEG", ".bmp": "BMP", ".webp": "WebP"}


def suffix_of(path: str | os.PathLike) -> str:
    """The extension of a file in its usual form: `.jpg` for `.JPEG`."""
    suffix = Path(path).suffix.lower()
    return ALIASES.get(suffix, suffix)


def is_dicom(start: bytes | bytearray, path: str | os.PathLike) -> bool:
    """Whether a file is to be read as DICOM, by its first bytes, or else by its extension."""
    return start[128:132] == b"DICM" or Path(path).suffix.lower() in DICOM_EXTENSIONS


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


def file_format(path: str | os.PathLike) -> str | None:
    """The format of a file by its first bytes; `None` if it is not known or cannot be opened."""
    try:
        with open(path, "rb") as file:
            start = file.read(132)
    except OSError:
        return None
    return "dicom" if is_dicom(start, path) else raster_format(start)


def check_holds(suffix: str, dtype, height: int, width: int) -> None:
    """Refuses an image that a format cannot hold.

    Args:
        suffix: as `suffix_of` gives it.
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
