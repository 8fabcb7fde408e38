"""One instance to its derived ones: the single place where this command meets the upscaler and the DICOM writer."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

if TYPE_CHECKING:
    from keras_srgan.inference import Upscaler


@dataclass(frozen=True)
class Settings:
    """How instances are enlarged.

    Args:
        weights: name, file or run folder.
        alpha, engine: as for `keras_srgan.load`.
        max_pixels: the largest image enlarged, in pixels of one frame.
        map: whether a Parametric Map of what was added goes along.
    """

    weights: str
    alpha: float | None = None
    engine: str = "auto"
    max_pixels: int | None = None
    map: bool = False

    def load(self) -> "Upscaler":
        """The upscaler; imports what Keras runs on."""
        from keras_srgan.cli import start_quietly

        start_quietly()
        from keras_srgan.inference import load

        return load(self.weights, alpha=self.alpha, engine=self.engine)


def enlarge(source: Path, folder: Path, upscaler: "Upscaler", settings: Settings) -> list[Path]:
    """Enlarges a DICOM file.

    Args:
        source: the file.
        folder: where the derived objects go, each whole or not at all; emptied first.
        upscaler: of `settings.load`.
        settings: the rest.

    Returns:
        The files to send.

    Raises:
        ImageError: if it is no image that can be enlarged.
        OSError: if a file can't be read or written.
    """
    from keras_srgan.inference import Options
    from keras_srgan.upscale.image_file import enlarge_file
    from keras_srgan.upscale.jobs import Job
    from keras_srgan.upscale.record import FileOptions, Record

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record = Record(str(source))
    job, options = Job(source, folder / "enlarged.dcm"), Options(map=settings.map)
    enlarge_file(job, record, upscaler, options, FileOptions(max_pixels=settings.max_pixels), lambda text: None)
    for path in map(Path, record.maps):
        if path.suffix != ".dcm":  # the same as a picture and as an array
            path.unlink()
    return sorted(folder.iterdir())  # the image first


def is_result(header: Dataset) -> bool:
    """Whether an object was made by this package: enlarging what comes back would never end.

    Args:
        header: its data set. An enhanced object says in its functional groups what it was derived from.

    Returns:
        Whether its equipment or its derivation names this package.
    """
    groups = [item for group in header.get("SharedFunctionalGroupsSequence") or [] for item in _derivations(group)]
    equipment = header.get("ContributingEquipmentSequence") or []
    return any("by keras-srgan" in str(each.get("DerivationDescription") or "") for each in [header, *groups]) or any(
        each.get("ManufacturerModelName") == "keras-srgan" for each in [header, *equipment]
    )


def _derivations(group: Dataset) -> list[Dataset]:
    return list(group.get("DerivationImageSequence") or [])
