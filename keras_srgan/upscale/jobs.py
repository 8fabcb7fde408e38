"""From what a user names to files to read and files to write: folders, globs, names, clashes."""

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_srgan.images import ImageError, find_images
from keras_srgan.images.formats import ALIASES, DICOM_EXTENSIONS, RASTER_EXTENSIONS, file_format

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


def plan_jobs(
    inputs: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    scale: int,
    form: str = "same",
    endings: Sequence[str] = (),
) -> list[Job]:
    """Finds the files and names their results.

    Args:
        inputs: files, folders (searched to any depth) and glob patterns. What lies in a folder, or below the
            fixed part of a pattern, keeps its place below `out`. Files in `out` that no input names are left out.
        out: the folder of the results.
        scale: integer, part of the results' names.
        form: a key of `SUFFIXES`, or `same`: the format of the source, whatever its extension says.
        endings: how the names of the files beside each result end, as for `Job.beside`.

    Returns:
        A `Job` for each file and for each input that cannot be used, in order, no file twice.

    Raises:
        ValueError: if two files would give the same result, or a file beside it, if one would replace a source, or if
            `out` is one of the folders.
    """
    out = Path(out)
    jobs: list[Job] = []
    taken: dict[str, Path] = {}
    seen: set[object] = set()
    for given in inputs:
        try:
            found = _expand(given, out)
        except (ImageError, OSError) as error:
            problem = Job(Path(given), problem=str(error))
            jobs += [problem] if problem not in jobs else []
            continue
        for source, place in found:
            stem, suffix = _split(place.name)
            target = out / place.with_name(f"{stem}_x{scale}{_suffix(source, suffix, form)}")
            job = Job(source, target)
            # A link is a file of its own, unless it has the result of what it points to.
            known = {os.path.abspath(source), (source.resolve(), target)}
            if known & seen:
                continue
            seen |= known
            jobs.append(job)
            for path in (target, *(job.beside(ending) for ending in endings)):
                other = taken.setdefault(os.path.normcase(path), source)
                if other != source:
                    raise ValueError(
                        f"{other} and {source} would both become {path}; give them apart, to two --out folders"
                    )
    _keep_sources(jobs, endings)
    return jobs


def _keep_sources(jobs: Sequence[Job], endings: Sequence[str]) -> None:
    """Refuses a result, a page of one or a file beside it that is to be read too."""
    written: dict[tuple[Path, str, str], Job] = {}
    for job in jobs:
        if job.target is not None:
            stem, suffix = job.target.name.removesuffix(job.target.suffix), job.target.suffix
            written |= {(job.target.parent.resolve(), stem, end): job for end in (suffix, *endings)}
    ends = {end for _, _, end in written}
    for source in (job.source for job in jobs if job.target is not None):
        for end in filter(source.name.endswith, ends):
            name = source.name.removesuffix(end)
            for stem in (name, re.sub("_[0-9]{4,}$", "", name)):  # of a page
                if maker := written.get((source.parent.resolve(), stem, end)):
                    raise ValueError(
                        f"{maker.source} would become {source}, which is to be read too; give another --out"
                    )


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
    base, rest = _fixed_part(path)
    # A bracket may be part of a name.
    patterns = [os.path.join(glob.escape(str(base)), each) for each in (rest, rest.replace("[", "[[]"))]
    matches = next(filter(None, (sorted(glob.glob(each, recursive=True)) for each in patterns)), [])
    files = [Path(match) for match in matches if os.path.isfile(match)]
    for folder in map(Path, matches):
        if folder.is_dir() and "**" not in rest and folder.resolve() != out.resolve():
            files += find_images(folder)
    if not files:
        raise FileNotFoundError(f"{given}: matches no file")
    return [(file, file.relative_to(base)) for file in _outside(files, out, path)]


def _fixed_part(path: Path) -> tuple[Path, str]:
    """A pattern in two: the folders that are there by their own names, `dir[1]` too, and the rest."""
    parts = path.parts
    fixed = next(i for i in range(len(parts)) if glob.has_magic(parts[i]) and not Path(*parts[: i + 1]).exists())
    return Path(*parts[:fixed]), os.path.join(*parts[fixed:])


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
