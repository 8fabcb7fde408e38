"""`fetch` and `send`: once through a list of instances, each by itself, none the end of the others."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom

from keras_srgan.images import ImageError
from keras_srgan.images.dicom.classes import PICTURE, held
from keras_srgan.pacs.destinations import Destination
from keras_srgan.pacs.dicomweb import DicomWeb, Refused
from keras_srgan.pacs.enlarge import Settings, enlarge, is_result
from keras_srgan.pacs.privacy import LOG, pseudonym, reason


@dataclass(frozen=True)
class Outcome:
    """What became of an instance.

    Args:
        name: of the file, or the hash of the instance's UID.
        status: `sent`, `skipped` or `failed`.
        why: unless it was sent.
    """

    name: str
    status: str
    why: str = ""


def fetch(
    source: DicomWeb, study: str, series: str | None, destination: Destination, settings: Settings
) -> Iterator[Outcome]:
    """Enlarges the images of a study, or of one of its series, and sends the results.

    Args:
        source: where they are.
        study: Study Instance UID.
        series: Series Instance UID, or `None` for all.
        destination: where results go.
        settings: how they are enlarged.

    Returns:
        Iterator over outcomes, one an instance.

    Raises:
        Unreachable: if the source can't be searched.
        ValueError: if there is nothing to fetch, or the weights can't be loaded.
    """
    addresses = list(source.search(study, series))
    if not addresses:
        raise ValueError("the server knows no instance of that study or series; check the UIDs")
    upscaler = settings.load()
    with tempfile.TemporaryDirectory(prefix="keras-srgan-") as folder:
        received, results = Path(folder) / "received.dcm", Path(folder) / "results"
        for address in addresses:
            name = pseudonym(address.instance)
            LOG.debug("%s is %s", name, address.instance)
            try:
                source.retrieve(address, received)
                header = pydicom.dcmread(received, stop_before_pixels=True)
                if is_result(header):
                    yield Outcome(name, "skipped", "made by keras-srgan")
                elif held(header.get("SOPClassUID", "")) not in (PICTURE, None):
                    yield Outcome(name, "skipped", "no picture")
                else:
                    destination.send(enlarge(received, results, upscaler, settings))
                    yield Outcome(name, "sent")
            except Exception as error:
                LOG.debug("%r", error)
                yield Outcome(name, "failed", _words(error, received))


def send(paths: list[Path], destination: Destination) -> Iterator[Outcome]:
    """Sends DICOM files as they are.

    Args:
        paths: files, and folders, which are searched to any depth for DICOM files.
        destination: where they go.

    Returns:
        Iterator over outcomes, one a file.

    Raises:
        FileNotFoundError: if a path doesn't exist.
        ValueError: if there is no file.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
        files += sorted(each for each in path.rglob("*") if _is_dicom(each)) if path.is_dir() else [path]
    if not files:
        raise ValueError("no DICOM file in what was given")
    for file in files:
        try:
            if not _is_dicom(file):
                raise ImageError(
                    "not a DICOM file (no DICM at its start); convert it with keras-srgan upscale --format dcm"
                )
            destination.send([file])
            yield Outcome(str(file), "sent")
        except Exception as error:
            LOG.debug("%r", error)
            yield Outcome(str(file), "failed", _words(error, file))


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def _words(error: Exception, path: Path) -> str:
    """Our own words as they are; those of libraries, which may quote a header, by their kind."""
    return str(error) if isinstance(error, Refused) else reason(error, path)
