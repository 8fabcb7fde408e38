"""Everything in an image file, one image at a time: pages, frames, alpha, and the right way up.

The one reader: `read_image` takes what it needs from here, so that all commands refuse the same files alike.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from keras_srgan.images.depth import depth_of
from keras_srgan.images.examine import examine
from keras_srgan.images.formats import is_dicom
from keras_srgan.images.frame import Frame, turn
from keras_srgan.images.headers import Facts, ImageError, naming, one_line
from keras_srgan.images.rasters import decode


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


def open_frames(
    path: str | os.PathLike, max_pixels: int | None = None, bits: int | None = None, upright: bool = True
) -> Frames:
    """Opens an image file of any known kind.

    Args:
        path: The file.
        max_pixels: Larger images are refused before they are decoded. Defaults to `headers.MAX_PIXELS`.
        bits: How many bits the values of 16-bit raster files use. Defaults to what `depth_of` finds in each image.
        upright: Whether images are turned as their orientation tag says.

    Returns:
        A `Frames`.

    Raises:
        ImageError: If the file is not such an image, is damaged or cut short, or is too large.
        OSError: If the file cannot be opened.

    Example:

    >>> frames = open_frames("chest.png")
    >>> [frame.pixels.shape for frame in frames]
    [(96, 128)]
    """
    path = Path(path)
    with open(path, "rb") as file:
        start = file.read(132)
    if is_dicom(start, path):
        return _open_dicom(path, max_pixels)
    data = bytearray(path.read_bytes())
    with naming(path, _unreadable, MemoryError):
        pages = examine(data)
    frames = Frames(path, pages[0].format, [page.height * page.width for page in pages], iter(()))
    frames.frames = _rasters(frames, data, pages, max_pixels, bits, upright)
    return frames


def _unreadable(error: Exception) -> str:
    return f"unreadable ({type(error).__name__}: {one_line(error)}); get it again, or save it as PNG"


def _open_dicom(path: Path, max_pixels: int | None) -> Frames:
    from keras_srgan.images.dicom import open_dicom
    from keras_srgan.images.dicom.metadata import dicom_metadata

    opened = open_dicom(path, max_pixels)
    header = opened.header
    area, metadata = int(header.Rows) * int(header.Columns), dicom_metadata(header)
    frames = (Frame(pixels, opened.max_value, metadata=metadata, padding=padding) for pixels, padding in opened.frames)
    return Frames(path, "dicom", [area] * opened.count, frames, header, opened.notes, opened.digest)


def _rasters(
    frames: Frames, data: bytearray, pages: list[Facts], max_pixels: int | None, bits: int | None, upright: bool
) -> Iterator[Frame]:
    for number, page in enumerate(pages, 1):
        where = f"{frames.path}: page {number}" if len(pages) > 1 else frames.path
        with naming(where, _unreadable, MemoryError):
            frame = _with_depth(frames, decode(data, page, max_pixels, frames.note), bits)
        kind = "gray" if frame.pixels.ndim == 2 else "colour"
        if page.palette and (page.format != "bmp" or kind == "colour"):  # gray BMP files have a palette too
            frames.note(f"a palette became 8-bit {kind}")
        elif page.bits < 8:
            frames.note(f"{page.bits} bit(s) a pixel became 8-bit {kind}")
        if upright and page.orientation != 1:
            frames.note("turned upright")
            frame = turn(frame, page.orientation)
        yield frame


def _with_depth(frames: Frames, frame: Frame, bits: int | None) -> Frame:
    if frame.pixels.dtype != np.uint16:
        return frame
    found = depth_of(frame.pixels)
    if bits is not None and frame.pixels.max() >= 2**bits:
        raise ImageError(f"a value of {frame.pixels.max()} has more than {bits} bits; give more, or none")
    if bits is None and found < 16:
        frames.note(f"taken as {found} bits in 16 (no value above {frame.pixels.max()}); --bits says otherwise")
    return replace(frame, max_value=2 ** (bits or found) - 1)
