"""The files that a job writes: named and checked before anything is computed."""

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from keras_srgan.images import ImageError
from keras_srgan.images.dicom.parametric_map import can_map
from keras_srgan.images.formats import suffix_of
from keras_srgan.upscale.jobs import Job
from keras_srgan.upscale.record import FileOptions

if TYPE_CHECKING:
    from keras_srgan.inference import Options

_HOLDS_SEVERAL = (".tif", ".dcm")
_LONGEST_NAME = 255  # bytes, on all common file systems


def map_endings(options: "Options") -> tuple[str, ...]:
    """How the names of the maps beside a result end: of what was added, the ensemble's spread, the intervals."""
    kinds = {"added": options.map, "spread": options.map and options.self_ensemble, "interval": options.interval}
    return tuple(f"_{name}{suffix}" for name, wanted in kinds.items() if wanted for suffix in (".png", ".npy"))


def dicom_endings(options: "Options") -> tuple[str, ...]:
    """The same of the maps that are DICOM objects; intervals are none."""
    return tuple(f"_{name}.dcm" for name in ("added", "spread")[: options.map * (1 + options.self_ensemble)])


def makes_dicom_maps(job: Job) -> bool:
    """Whether the maps of a job are DICOM objects too: one of each, of all frames."""
    return job.target is not None and suffix_of(job.target) == ".dcm" and can_map()


def parts(count: int) -> list[str]:
    """What tells the files of several frames apart."""
    return [f"_{number:04d}" for number in range(1, count + 1)] if count > 1 else [""]


def targets(job: Job, count: int) -> list[Path]:
    """The results of a file of `count` images: one file, or one an image where the format holds no more."""
    assert job.target is not None
    if count == 1 or suffix_of(job.target) in _HOLDS_SEVERAL:
        return [job.target]
    return [job.beside(part + job.target.suffix) for part in parts(count)]


def all_files(job: Job, count: int, options: "Options") -> list[Path]:
    """Every file of a job: results and maps."""
    files = [*targets(job, count), *(job.beside(part + end) for part in parts(count) for end in map_endings(options))]
    if makes_dicom_maps(job):
        files += map(job.beside, dicom_endings(options))
    return files


def finished(job: Job, count: int, options: "Options") -> bool:
    """Whether every file of a job is there; not every image can have a Parametric Map, so these don't count."""
    maps = {job.beside(end) for end in dicom_endings(options)}
    return all(path.exists() for path in all_files(job, count, options) if path not in maps)


def needs_network(job: Job, options: "Options", settings: FileOptions) -> bool:
    """Whether a job has anything to compute, as far as can be seen without reading its source."""
    if job.target is None or (job.target.exists() and not settings.overwrite and not settings.resume):
        return False
    return not (settings.resume and finished(job, 1, options))


def check(paths: list[Path], settings: FileOptions) -> None:
    """Refuses files that exist, or that cannot be written.

    Args:
        paths: every file of a job.
        settings: whether files that exist are replaced. An interrupted job that is resumed leaves some of several.

    Raises:
        ImageError: naming the first that cannot be.
        OSError: for a folder that cannot be written to.
    """
    for path in paths:
        if len(os.fsencode(path.name)) > _LONGEST_NAME:
            raise ImageError(f"{path}: a name of more than {_LONGEST_NAME} bytes; rename the source")
        if path.is_dir():
            raise ImageError(f"{path}: is a folder, where a result would go; give another --out")
        if path.exists() and not (settings.overwrite or settings.resume):
            raise ImageError(f"{path}: exists; give --overwrite, --resume or another --out")
    for folder in {path.parent for path in paths}:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))
