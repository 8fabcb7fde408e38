"""The DICOM object that a file becomes, the network that it names, and its maps as DICOM objects."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_srgan.files import write_atomically
from keras_srgan.images import ImageError
from keras_srgan.images.dicom import Network, derived_header, write_derived
from keras_srgan.images.dicom.capture import capture_header
from keras_srgan.images.dicom.parametric_map import LARGEST, parametric_map
from keras_srgan.images.headers import naming
from keras_srgan.weights import identity

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from keras_srgan.images.frames import Frame, Frames
    from keras_srgan.inference import Options, Upscaler

UNKNOWN = "not known"  # what `identity` says of weights without a card
MEANINGS = {
    "added": "What the network added to bicubic interpolation, in grey levels",
    "spread": "Standard deviation over the self-ensemble, in grey levels",
}


def made_by(upscaler: "Upscaler", options: "Options") -> Network:
    """What a derived DICOM object says of the network, and its UIDs are made from.

    Args:
        upscaler: enlarges arrays.
        options: its options; those that change pixels are named.

    Returns:
        A `Network`. The sha256 is the card's, or else that of the generator's weights as they are in memory.
    """
    known = identity(upscaler.card)
    if known == UNKNOWN:
        digest = hashlib.sha256()
        for variable in upscaler.generator.variables:
            digest.update(np.asarray(variable).tobytes())
        known = digest.hexdigest()
    settings = [
        "self-ensemble" if options.self_ensemble else "",
        f"back-projection {options.back_project}" if options.back_project else "",
        f"colour by {options.colour}" if options.colour != "luma" else "",
        "stretched" if options.stretch else "",
    ]
    name = str(upscaler.card.get("name") or upscaler.generator.name)
    return Network(name, known, ", ".join(filter(None, settings)))


def maps_fit(frames: "Frames", scale: int) -> bool:
    """Whether the maps of a file are small enough for Parametric Maps, which are made in memory; notes it if not."""
    fit = 4 * scale**2 * sum(frames.areas) <= LARGEST
    if not fit:
        frames.note("no Parametric Map, which would be above 1 GB")
    return fit


@dataclass
class DicomResult:
    """A derived object: its header is made first, so that what is wrong with it costs no network run.

    Args:
        header: of the result.
    """

    header: "FileDataset"

    @classmethod
    def of_source(cls, frames: "Frames", upscaler: "Upscaler", options: "Options") -> "DicomResult":
        """Of a DICOM file.

        Raises:
            ImageError: if it cannot be enlarged as DICOM; what is wrong is named.
        """
        assert frames.dicom is not None
        with naming(frames.path, str):
            network = made_by(upscaler, options)
            return cls(derived_header(frames.dicom, upscaler.scale, network, frames.digest, frames.notes))

    @classmethod
    def of_capture(cls, result: "Frame", upscaler: "Upscaler", options: "Options") -> "DicomResult":
        """Of a file of another format, by its result."""
        header = capture_header(result.pixels, result.max_value, result.metadata.scaled(1 / upscaler.scale))
        header.Rows, header.Columns = (side // upscaler.scale for side in result.pixels.shape[:2])
        # Its series is made from the pixels.
        return cls(derived_header(header, upscaler.scale, made_by(upscaler, options), header.SeriesInstanceUID))

    def write(self, target: Path, pixels: Iterable[np.ndarray]) -> Path:
        """Writes the object; as `write_derived`."""
        write_derived(target, self.header, pixels)
        del self.header.PixelData  # which has been read to its end
        return target

    def write_maps(
        self, maps: dict[str, list[np.ndarray]], beside: Callable[[str], Path], notes: list[str]
    ) -> list[Path]:
        """Writes maps as Parametric Maps that refer to the object.

        Args:
            maps: planes `(height, width)` of each map, by name, one a frame.
            beside: gives the file of a map by the end of its name.
            notes: list that gets a line for each map that cannot be one.

        Returns:
            The files written.
        """
        written = []
        for name, planes in maps.items():
            try:
                made = parametric_map(self.header, np.stack(planes), name, MEANINGS[name])
            except ImageError as error:
                notes.append(str(error))
                continue
            save = partial(made.save_as, enforce_file_format=True)
            written.append(write_atomically(beside(f"_{name}.dcm"), save))
        return written
