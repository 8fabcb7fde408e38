"""The chest X-rays of Kermany et al. as Kaggle keeps them: 5,856 paediatric frontal views, JPEG, 8-bit.

Needs the extra `kaggle`, and the network once. The set is CC BY 4.0; Kaggle may ask for a login.
"""

import os
from pathlib import Path
from typing import NamedTuple

from keras_srgan.images import ImageError, find_images
from keras_srgan.packages import require

HANDLE = "paultimothymooney/chest-xray-pneumonia"
CLASSES = ("NORMAL", "PNEUMONIA")
_DEEPEST = 3  # folders between what was downloaded and chest_xray


class ChestXray(NamedTuple):
    """The set's three folders, each with `NORMAL` and `PNEUMONIA`; `load_folder` reads them.

    Args:
        train: 5,216 images.
        val: 16 images, the set's own; `sources.split` holds out more, by patient.
        test: 624 images.
    """

    train: Path
    val: Path
    test: Path


def kaggle_chest_xray(root: str | os.PathLike | None = None) -> ChestXray:
    """Find, and if need be download, Kaggle's `paultimothymooney/chest-xray-pneumonia`.

    The archive holds a second copy of itself, `chest_xray/chest_xray`; only one copy is returned, so that no image
    counts twice.

    Args:
        root: A copy that is already there, at or below this folder. `None` downloads with `kagglehub`, into its own
            cache, which it uses again.

    Returns:
        A `ChestXray`.

    Raises:
        ValueError: If `kagglehub` is needed and not installed.
        OSError: If the download fails, or the folder does not hold the set.

    Example:

    >>> images = load_folder(kaggle_chest_xray().train)

    Reference:
        Kermany, Zhang, Goldbaum: Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images for Classification,
        Mendeley Data, 2018, doi 10.17632/rscbjbr9sj.2.
    """
    top = Path(_download() if root is None else root)
    if not top.is_dir():
        raise FileNotFoundError(f"no folder {top}; give the folder of {HANDLE}, or none to download it")
    level = [top]
    for _ in range(_DEEPEST + 1):
        for folder in level:
            parts = ChestXray(*(folder / part for part in ChestXray._fields))
            if all((part / name).is_dir() for part in parts for name in CLASSES):
                _check_images(parts)
                return parts
        # The nearest copy is the one; what macOS packed beside it (__MACOSX) holds no images.
        level = sorted(
            each for folder in level for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._"
        )
    wanted = f"{', '.join(ChestXray._fields)}, each with {' and '.join(CLASSES)}"
    raise FileNotFoundError(f"{top}: not {HANDLE}: no folder there holds {wanted}; fetch it again")


def _download() -> str:
    require(HANDLE, "kaggle", "kagglehub")
    import kagglehub

    try:
        return kagglehub.dataset_download(HANDLE)
    except Exception as error:  # of requests, of kagglehub, of the disk
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise OSError(
            f"{HANDLE}: Kaggle's download failed ({reason}); check the network and the Kaggle login, or give the "
            f"folder of a copy"
        ) from None


def _check_images(parts: ChestXray) -> None:
    for part in parts:
        for name in CLASSES:
            try:
                find_images(part / name)
            except ImageError as error:  # an interrupted copy
                raise OSError(f"{error}; fetch {HANDLE} again") from None
