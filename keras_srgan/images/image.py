"""Read and write single images without changing what their numbers mean.

The depth of an image comes from its type and header; for 16-bit raster files, which do not say it, from `depth.py`.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom

from keras_srgan.files import write_atomically, write_bytes
from keras_srgan.images.colour import luma
from keras_srgan.images.formats import HOLDS_ALPHA, check_holds, suffix_of
from keras_srgan.images.frame import Frame
from keras_srgan.images.frames import open_frames
from keras_srgan.images.headers import ImageError
from keras_srgan.images.metadata import NOTHING, Metadata
from keras_srgan.images.rasters import ENCODINGS, encode
from keras_srgan.images.tiff_writer import write_tiff

if TYPE_CHECKING:
    from keras_srgan.images.dicom.padding import Padding


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
        lr: The pixels of its given LR image, of the same depth, or `None` where LR is made from `pixels`.
        padding: Where a DICOM image is padded; `pixels` are filled there from the nearest tissue.
        metadata: What the file says of it: resolution, colour profile, text.

    Example:

    >>> image = keras_srgan.read_image("chest.png")
    >>> image.pixels.shape, image.path.name
    ((96, 128), 'chest.png')
    """

    pixels: np.ndarray
    max_value: int
    path: Path
    patient: str | None = None
    dicom: pydicom.Dataset | None = None
    lr: np.ndarray | None = None
    padding: "Padding | None" = None
    metadata: Metadata = NOTHING


def read_image(
    path: str | os.PathLike, channels: int | None = None, max_pixels: int | None = None, bits: int | None = None
) -> Image:
    """Read a PNG, JPEG, single-page TIFF, BMP, WebP or DICOM image.

    The format is found from the content; the extension only tells a DICOM file that lacks the `DICM` mark.
    Transparency is dropped. Orientation tags are not applied. Floating-point TIFF in [0, 1] becomes uint16. Padding of
    DICOM images is filled; `write_image(like=)` puts it back. `frames.open_frames` keeps all of this, and reads files
    of several images.

    Args:
        path: The file.
        channels: 1 turns colour to gray (`luma`), 3 repeats gray three times, `None` keeps what is stored.
        max_pixels: Larger images are refused before they are decoded. Defaults to `headers.MAX_PIXELS`.
        bits: How many bits the values of 16-bit raster files use. Defaults to what `depth_of` finds.

    Returns:
        An `Image`. `max_value` is 255 for 8-bit raster files, `2**bits - 1` for 16-bit ones, and
        `2**BitsStored - 1` for DICOM.

    Raises:
        ImageError: If the file is not such an image, is damaged or cut short, or is too large.
        OSError: If the file cannot be opened.
        ValueError: If `channels` is not 1, 3 or `None`.

    Example:

    >>> image = read_image("chest.png")
    >>> image.pixels.shape, str(image.pixels.dtype), image.max_value
    ((96, 128), 'uint16', 65535)
    """
    path = Path(path)
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1, 3 or None, received {channels!r}")
    frames = open_frames(path, max_pixels, bits, upright=False)
    count = len(frames.areas)
    if count != 1 and frames.dicom is not None:
        raise ImageError(f"{path}: 3-D or moving DICOM of {count} frames; export the frame you need by itself")
    if count != 1:
        raise ImageError(f"{path}: the TIFF has {count} pages; save the one you need as a file of its own")
    frame, *_ = frames  # to the end, where frames are counted
    pixels, max_value = frame.pixels, frame.max_value
    if pixels.dtype.kind == "f":
        pixels, max_value = np.rint(pixels * 65535.0).astype(np.uint16), 65535
    if channels == 1 and pixels.ndim == 3:
        pixels = luma(pixels)
    elif channels == 3 and pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    patient = None
    if frames.dicom is not None:
        from keras_srgan.images.dicom import patient_id

        patient = patient_id(frames.dicom)
    return Image(pixels, max_value, path, patient, frames.dicom, padding=frame.padding, metadata=frame.metadata)


def write_image(
    path: str | os.PathLike,
    pixels: np.ndarray,
    max_value: int | None = None,
    like: Image | None = None,
    alpha: np.ndarray | None = None,
    metadata: Metadata | None = None,
) -> Path:
    """Write an image whole or not at all.

    Values are stored as they are, so a 15-bit radiograph keeps its numbers in a 16-bit PNG.

    Args:
        path: Target; `.png`, `.tif`, `.tiff` (8 or 16 bits), `.jpg`, `.jpeg`, `.bmp`, `.webp` (8 bits), `.dcm` or
            `.dicom`. Only JPEG loses anything.
        pixels: uint8 or uint16 array of shape `(height, width)`, or `(height, width, 3)` in RGB order. TIFF takes
            float32 and float64 in `[0, 1]` too.
        max_value: The value of white. Defaults to that of `like`, else to the dtype's largest value.
        like: The image this one was made from. Needed for DICOM, whose header it provides. Its resolution, times the
            scale, its colour profile and its text are written too, as far as the format holds them.
        alpha: Array of shape `(height, width)` and the same dtype, for PNG, TIFF and WebP.
        metadata: What is written instead.

    Returns:
        The path written.

    Raises:
        ImageError: If the format cannot hold these pixels.
        OSError: If the file cannot be written; nothing is left behind, and an older file stays as it was.

    Example:

    >>> _ = write_image("copy.png", np.zeros((4, 6), "uint8"))
    >>> keras_srgan.read_image("copy.png").pixels.shape
    (4, 6)
    """
    path = Path(path)
    suffix = suffix_of(path)
    floats = suffix == ".tif" and pixels.dtype in (np.float32, np.float64)
    if pixels.dtype not in (np.uint8, np.uint16) and not floats:
        raise ImageError(f"{path}: pixels are {pixels.dtype}; round them to uint8 or uint16 first")
    if pixels.size == 0 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise ImageError(f"{path}: pixels have shape {pixels.shape}; give (height, width[, 3])")
    if max_value is None:
        max_value = like.max_value if like is not None else 1 if floats else int(np.iinfo(pixels.dtype).max)
    if pixels.max() > max_value:
        raise ImageError(f"{path}: a pixel is {pixels.max()}, above white at {max_value}; clip them first")
    if alpha is not None and suffix not in HOLDS_ALPHA:
        raise ImageError(f"{path}: {suffix} holds no alpha channel; write .png instead")
    if suffix == ".dcm":
        return _write_like_dicom(path, pixels, max_value, like)
    if metadata is None and like is not None:
        metadata = like.metadata.scaled(pixels.shape[0] / like.pixels.shape[0])
    return write_frame(path, Frame(pixels, max_value, alpha, metadata=metadata or NOTHING))


def write_frame(path: Path, frame: Frame) -> Path:
    """Writes one image and what is said of it as a raster file, whole or not at all; raises as `write_image`."""
    suffix = suffix_of(path)
    if suffix == ".tif":
        return write_atomically(path, lambda temporary: write_tiff(temporary, [frame], 2 * frame.pixels.nbytes))
    if suffix not in ENCODINGS:
        raise ImageError(f"{path}: cannot write extension {suffix!r}; use .png, .tif, .jpg, .bmp, .webp or .dcm")
    try:
        check_holds(suffix, frame.pixels.dtype, *frame.pixels.shape[:2])
        return write_bytes(path, encode(suffix, frame))
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None


def _write_like_dicom(path: Path, pixels: np.ndarray, max_value: int, like: Image | None) -> Path:
    from keras_srgan.images.dicom.derived import write_dicom

    if like is None or like.dicom is None:
        raise ImageError(f"{path}: DICOM needs the header of a DICOM source; write .png instead")
    if max_value != like.max_value:
        raise ImageError(f"{path}: white is {max_value}, but {like.max_value} in {like.path}; keep it")
    rows, columns = (new / old for new, old in zip(pixels.shape[:2], like.pixels.shape[:2], strict=True))
    if rows != columns:
        raise ImageError(f"{path}: {rows:g} times the rows but {columns:g} times the columns; keep the aspect")
    if like.padding is not None and pixels.ndim == 2:
        pixels = like.padding.put_back(pixels)
    return write_dicom(path, like.dicom, [pixels], rows)
