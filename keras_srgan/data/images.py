"""Read and write single images without changing what their numbers mean.

A raster file is checked against its own header before it is decoded, because OpenCV may return a partly
decoded image for a cut file. The depth of an image comes from its type and header, never from its brightest
pixel.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pydicom

from keras_srgan.data.headers import ImageError, check_size, examine, one_line
from keras_srgan.files import write_bytes

RASTER_EXTENSIONS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
DICOM_EXTENSIONS = (".dcm", ".dicom", ".ima")
# The codecs' own chatter: the reason for a failure goes into the error instead.
if hasattr(cv2, "setLogLevel"):  # OpenCV 4
    cv2.setLogLevel(0)
else:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


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
    return write_bytes(path, encoded.tobytes())


def _write_like_dicom(path: Path, pixels: np.ndarray, max_value: int, like: Image | None) -> Path:
    from keras_srgan.data.dicom import write_dicom

    if like is None or like.dicom is None:
        raise ImageError(f"{path}: DICOM needs the header of a DICOM source; write .png instead")
    if max_value != like.max_value:
        raise ImageError(f"{path}: white is {max_value}, but {like.max_value} in {like.path}; keep it")
    rows, columns = (new / old for new, old in zip(pixels.shape[:2], like.pixels.shape[:2], strict=True))
    if rows != columns:
        raise ImageError(f"{path}: {rows:g} times the rows but {columns:g} times the columns; keep the aspect")
    return write_dicom(path, pixels, like, rows)


def _decode(data: bytes) -> np.ndarray:
    """Pixels of a raster file, or ImageError without the path."""
    if not data:
        raise ImageError("the file is empty (0 bytes); get it again")
    try:
        facts = examine(data)
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
