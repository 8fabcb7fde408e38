"""Image files under a folder, and by name."""

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from keras_srgan.images.formats import DICOM_EXTENSIONS, RASTER_EXTENSIONS
from keras_srgan.images.headers import ImageError

_SHOWN = 5
# What lies beside images and is meant for no network.
_TEXTS = ".txt .csv .tsv .json .jsonl .xml .xlsx .md .html .pdf .yaml .yml .toml .py .sha256 .md5 .log .ini .db".split()


def by_stem(folder: str | os.PathLike, warn: Callable[[str], object] | None = None) -> dict[str, Path]:
    """The images under a folder by their path without extension; arguments as for `find_images`.

    Raises:
        ImageError: if two have one name, or as `find_images`.
        FileNotFoundError: if the folder does not exist.

    Example:

    >>> sorted(by_stem("images"))
    ['chest']
    """
    stems: defaultdict[str, list[Path]] = defaultdict(list)
    for path in find_images(folder, warn):
        stems[path.relative_to(folder).with_suffix("").as_posix()].append(path)
    for paths in stems.values():
        if len(paths) > 1:
            raise ImageError(f"{paths[0]} and {paths[1]} have one name; keep one of them")
    return {stem: paths[0] for stem, paths in stems.items()}


def find_images(folder: str | os.PathLike, warn: Callable[[str], object] | None = None) -> list[Path]:
    """All image files under a folder, at any depth.

    Hidden files and folders are skipped. A file without extension, or whose extension is a number (as in a
    name made from a DICOM UID), counts if it carries the DICOM mark; a DICOMDIR does not. Links to folders
    are followed; a folder that is there in several ways is read once.

    Args:
        folder: Where to look.
        warn: Called with a line for each of the first five folders and files that can't be read, then once with their
            number, and with a line that counts files of other kinds, but for tables and texts. Defaults to printing on
            stderr.

    Returns:
        The files, sorted by their path relative to `folder`, with `/` between parts on every system.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImageError: If it is a file, or holds no image.
        OSError: If it can't be read.

    Example:

    >>> [path.name for path in find_images("images")]
    ['chest.png']
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"no folder {folder}; give an existing folder of images")
    if not folder.is_dir():
        raise ImageError(f"{folder} is a file; give the folder that holds it")
    found: list[Path] = []
    others: Counter[str] = Counter()
    unread: list[str] = []
    for path in _files(folder, unread):
        try:
            if _is_image(path):
                found.append(path)
                continue
        except OSError as error:
            unread.append(f"{path}: {error.strerror or error}")
            continue
        others[path.suffix.lower() or "without extension"] += 1
    warn = warn or _to_stderr
    for line in unread[:_SHOWN]:
        warn(f"left out: {line}")
    if len(unread) > _SHOWN:
        warn(f"left out: {len(unread)} files and folders under {folder} that can't be read, in all")
    if not found:
        seen = ", ".join(f"{count} {kind}" for kind, count in others.most_common(_SHOWN)) or "no file at all"
        formats = ", ".join(RASTER_EXTENSIONS + DICOM_EXTENSIONS)
        raise ImageError(f"no image under {folder} ({seen}); give {formats}")
    unknown = Counter({kind: count for kind, count in others.items() if kind not in _TEXTS})
    if unknown:
        kinds = ", ".join(f"{count} {kind}" for kind, count in unknown.most_common(_SHOWN))
        warn(f"left out: {unknown.total()} files under {folder} that are of no kind that is read ({kinds})")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _files(folder: Path, unread: list[str]) -> Iterator[Path]:
    """The files under a folder, and below links to folders; what lies there itself goes before what is linked."""
    seen: set[str] = set()
    waiting, linked = [folder], list[Path]()
    while waiting or linked:
        here = waiting.pop() if waiting else linked.pop(0)
        real = os.path.realpath(here)
        if real in seen:  # there already, or a link to a folder above
            continue
        seen.add(real)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            if here == folder:
                raise
            unread.append(f"{here}: {error.strerror or error}")
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            try:
                if entry.is_dir():
                    (linked if entry.is_symlink() else waiting).append(path)
                elif entry.is_file() or entry.is_symlink():  # a broken link is a file that can't be read
                    yield path
            except OSError as error:  # a link to itself
                unread.append(f"{path}: {error.strerror or error}")


def _to_stderr(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)


def _is_image(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in RASTER_EXTENSIONS + DICOM_EXTENSIONS:
        return True
    if (suffix and not suffix[1:].isdigit()) or path.name.upper() == "DICOMDIR":
        return False
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"
