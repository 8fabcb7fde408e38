"""From what a user names to files to read and files to write: folders, globs, names, clashes."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_srgan.images import ImageError, find_images
from keras_srgan.images.frames import file_format
from keras_srgan.images.image import ALIASES, DICOM_EXTENSIONS, RASTER_EXTENSIONS

SUFFIXES = {"png": ".png", "tiff": ".tif", "jpeg": ".jpg", "bmp": ".bmp", "webp": ".webp", "dcm": ".dcm"}


@dataclass(frozen=True)
class Job:
    """One file to enlarge.

    Args:
        source: the file, or an input that names none.
        target: where the result goes, or `None` with a `problem`.
        problem: why it cannot be done, or empty.
    """

    source: Path
    target: Path | None = None
    problem: str = ""

    def beside(self, ending: str) -> Path:
        """A file beside the target: `a_x4.png` and `_added.npy` give `a_x4_added.npy`."""
        assert self.target is not None
        return self.target.with_name(self.target.name.removesuffix(self.target.suffix) + ending)


def plan_jobs(inputs: Sequence[str | os.PathLike], out: str | os.PathLike, scale: int, form: str = "same") -> list[Job]:
    """Finds the files and names their results.

    Args:
        inputs: files, folders (searched to any depth) and glob patterns. What lies in a folder, or below the
            fixed part of a pattern, keeps its place below `out`. Files in `out` that no input names are left out.
        out: the folder of the results.
        scale: integer, part of the results' names.
        form: a key of `SUFFIXES`, or `same`: the format of the source, whatever its extension says.

    Returns:
        A `Job` for each file and for each input that cannot be used, in order, no file twice.

    Raises:
        ValueError: if two files would give the same result, or `out` is one of the folders.
    """
    out = Path(out)
    jobs: dict[Path, Job] = {}
    taken: dict[Path, Path] = {}
    for given in inputs:
        try:
            found = _expand(given, out)
        except (ImageError, OSError) as error:
            jobs.setdefault(Path(given), Job(Path(given), problem=str(error)))
            continue
        for source, place in found:
            if source.resolve() in jobs:
                continue
            stem, suffix = _split(place.name)
            target = out / place.with_name(f"{stem}_x{scale}{_suffix(source, suffix, form)}")
            if target in taken:
                raise ValueError(
                    f"{taken[target]} and {source} would both become {target}; give them apart, to two --out folders"
                )
            taken[target] = source
            jobs[source.resolve()] = Job(source, target)
    for target, source in taken.items():
        if target.resolve() in jobs:
            raise ValueError(f"{source} would become {target}, which is to be read too; give another --out")
    return list(jobs.values())


def _expand(given: str | os.PathLike, out: Path) -> list[tuple[Path, Path]]:
    """The files that an input stands for, each with its place below `out`."""
    path = Path(given)
    if path.is_dir():
        if path.resolve() == out.resolve():
            raise ValueError(f"{path} is --out too; results would be taken for sources: give another --out")
        return [(file, file.relative_to(path)) for file in _outside(find_images(path), out, path)]
    if path.exists() or not glob.has_magic(str(given)):
        return [(path, Path(path.name))]
    # The shell may not have done it: quotes, Windows.
    parts = path.parts
    base = Path(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
    matches = [Path(match) for match in sorted(glob.glob(str(given), recursive=True))]
    files = [file for file in matches if file.is_file()]
    for folder in matches:
        if folder.is_dir() and "**" not in str(given) and folder.resolve() != out.resolve():
            files += find_images(folder)
    if not files:
        raise FileNotFoundError(f"{given}: matches no file")
    return [(file, file.relative_to(base)) for file in _outside(files, out, path)]


def _outside(files: list[Path], out: Path, given: Path) -> list[Path]:
    """The files that are not results of an earlier run."""
    folder = out.resolve()
    kept = [file for file in files if folder not in file.resolve().parents]
    if files and not kept:
        raise ImageError(f"{given}: holds no image outside --out")
    return kept


def _split(name: str) -> tuple[str, str]:
    """Stem and extension; `1.2.840.1` is a whole name."""
    suffix = Path(name).suffix
    known = suffix.lower() in RASTER_EXTENSIONS + DICOM_EXTENSIONS
    return (name.removesuffix(suffix), suffix.lower()) if known else (name, "")


def _suffix(source: Path, own: str, form: str) -> str:
    if form != "same":
        return SUFFIXES[form]
    found = file_format(source)
    suffix = SUFFIXES[{"dicom": "dcm"}.get(found, found)] if found else own or ".png"
    return own if ALIASES.get(own, own) == suffix else suffix
