"""Image files under a folder, and by name."""

import os
from collections import Counter, defaultdict
from pathlib import Path

from keras_srgan.images.formats import DICOM_EXTENSIONS, RASTER_EXTENSIONS
from keras_srgan.images.headers import ImageError

_SHOWN = 5


def by_stem(folder: str | os.PathLike) -> dict[str, Path]:
    """The images under a folder by their path without extension.

    Raises:
        ImageError: if two have one name, or as `find_images`.
        FileNotFoundError: if the folder does not exist.

    Example:

    >>> sorted(by_stem("images"))
    ['chest']
    """
    stems: defaultdict[str, list[Path]] = defaultdict(list)
    for path in find_images(folder):
        stems[path.relative_to(folder).with_suffix("").as_posix()].append(path)
    for paths in stems.values():
        if len(paths) > 1:
            raise ImageError(f"{paths[0]} and {paths[1]} have one name; keep one of them")
    return {stem: paths[0] for stem, paths in stems.items()}


def find_images(folder: str | os.PathLike) -> list[Path]:
    """All image files under a folder, at any depth.

    Hidden files and folders are skipped. A file without extension, or whose extension is a number (as in a
    name made from a DICOM UID), counts if it carries the DICOM mark; a DICOMDIR does not.

    Args:
        folder: Where to look.

    Returns:
        The files, sorted by their path relative to `folder`, with `/` between parts on every system.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImageError: If it is a file, or holds no image.

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
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            if _is_image(path):
                found.append(path)
            else:
                others[path.suffix.lower() or "without extension"] += 1
    if not found:
        seen = ", ".join(f"{count} {kind}" for kind, count in others.most_common(_SHOWN)) or "no file at all"
        formats = ", ".join(RASTER_EXTENSIONS + DICOM_EXTENSIONS)
        raise ImageError(f"no image under {folder} ({seen}); give {formats}")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _is_image(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in RASTER_EXTENSIONS + DICOM_EXTENSIONS:
        return True
    if (suffix and not suffix[1:].isdigit()) or path.name.upper() == "DICOMDIR":
        return False
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False
