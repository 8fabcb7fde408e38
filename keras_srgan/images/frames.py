"""Everything in an image file, one image at a time: pages, frames, alpha, and the right way up.

Training reads plain single images (`images.py`); this is for whoever has to hand the same kind of file back.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset

from keras_srgan.images.headers import Facts, ImageError, examine, raster_format
from keras_srgan.images.image import is_dicom
from keras_srgan.images.rasters import decode, upright
from keras_srgan.terminal import stderr_aside

if TYPE_CHECKING:
    from keras_srgan.images.dicom.padding import Padding


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a file.

    Args:
        pixels: Array of shape `(height, width)`, or `(height, width, 3)` in RGB order; uint8, uint16, or float32
            or float64 in [0, 1]; larger is brighter, upright.
        max_value: The value of white: `2**bits - 1`, or 1 for floats.
        alpha: Array of shape `(height, width)` and the same dtype, or `None`.
        padding: Where a DICOM image is padded; `pixels` are filled there. `None` where it is not.
    """

    pixels: np.ndarray
    max_value: int
    alpha: np.ndarray | None = None
    padding: "Padding | None" = None

    def restored(self, enlarged: np.ndarray) -> np.ndarray:
        """An enlarged image of this one's pixels with the padding put back."""
        return enlarged if self.padding is None else self.padding.put_back(enlarged)


@dataclass(eq=False)
class Frames:
    """The images of a file; iterating once decodes them.

    Args:
        path: The file.
        format: png, jpeg, tiff, bmp, webp or dicom.
        areas: The pixels of each image, as the header gives them.
        frames: Iterator of `Frame`, which raises `ImageError`.
        dicom: The DICOM header without pixel data, or `None`.
        notes: What was changed on the way, one line each; filled while iterating.
        digest: The sha256 of a DICOM file whose UIDs name nothing.
    """

    path: Path
    format: str
    areas: list[int]
    frames: Iterator[Frame]
    dicom: Dataset | None = None
    notes: list[str] = field(default_factory=list)
    digest: str | None = None

    def __iter__(self) -> Iterator[Frame]:
        return self.frames

    def note(self, text: str) -> None:
        """Adds a note once."""
        if text not in self.notes:
            self.notes.append(text)


def file_format(path: str | os.PathLike) -> str | None:
    """The format of a file by its first bytes; `None` if it is not known or cannot be opened."""
    try:
        with open(path, "rb") as file:
            start = file.read(132)
    except OSError:
        return None
    return "dicom" if is_dicom(start, path) else raster_format(start)


def open_frames(path: str | os.PathLike, max_pixels: int | None = None, bits: int | None = None) -> Frames:
    """Opens an image file of any known kind.

    Args:
        path: The file.
        max_pixels: Larger images are refused before they are decoded. Defaults to `headers.MAX_PIXELS`.
        bits: How many bits the values of 16-bit raster files use, for those that hold fewer than 16.

    Returns:
        A `Frames`.

    Raises:
        ImageError: If the file is not such an image, is damaged or cut short, or is too large.
        OSError: If the file cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        start = file.read(132)
    if is_dicom(start, path):
        return _open_dicom(path, max_pixels)
    data = bytearray(path.read_bytes())
    try:
        pages = examine(data)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    frames = Frames(path, pages[0].format, [page.height * page.width for page in pages], iter(()))
    frames.frames = _rasters(frames, data, pages, max_pixels, bits)
    return frames


def _open_dicom(path: Path, max_pixels: int | None) -> Frames:
    from keras_srgan.images.dicom import open_dicom

    opened = open_dicom(path, max_pixels)
    header = opened.header
    area = int(header.Rows) * int(header.Columns)
    frames = (Frame(pixels, opened.max_value, padding=padding) for pixels, padding in opened.frames)
    return Frames(path, "dicom", [area] * opened.count, frames, header, opened.notes, opened.digest)


def _rasters(
    frames: Frames, data: bytearray, pages: list[Facts], max_pixels: int | None, bits: int | None
) -> Iterator[Frame]:
    for number, page in enumerate(pages, 1):
        try:
            with stderr_aside(keep=True) as heard:  # libjpeg writes past OpenCV's log, and decodes a damaged image
                pixels, alpha = decode(data, page, max_pixels)
            complaints = [line for line in heard if line.startswith("Corrupt JPEG data")]
            if any("premature end" in line for line in complaints):
                raise ImageError("the JPEG's data end too early, or are damaged; get it again")
            for line in complaints:
                frames.note(f"the decoder says: {line}")
            max_value = 1 if pixels.dtype.kind == "f" else int(np.iinfo(pixels.dtype).max)
            if bits is not None and pixels.dtype == np.uint16:
                max_value = 2**bits - 1
                if pixels.max() > max_value:
                    raise ImageError(f"a value of {pixels.max()} has more than {bits} bits; give more, or none")
        except ImageError as error:
            where = f"{frames.path}: page {number}" if len(pages) > 1 else str(frames.path)
            raise ImageError(f"{where}: {error}") from None
        kind = "gray" if pixels.ndim == 2 else "colour"
        if page.palette and (page.format != "bmp" or kind == "colour"):  # gray BMP files have a palette too
            frames.note(f"a palette became 8-bit {kind}")
        elif page.bits < 8:
            frames.note(f"{page.bits} bit(s) a pixel became 8-bit {kind}")
        if page.orientation != 1:
            frames.note("turned upright")
            pixels = upright(pixels, page.orientation)
            alpha = alpha if alpha is None else upright(alpha, page.orientation)
        yield Frame(pixels, max_value, alpha)
