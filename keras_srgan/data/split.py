"""Training and validation parts that share no patient."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from keras_srgan.images import Image
from keras_srgan.images.dicom import patient_id

# How two public chest X-ray collections put the patient into the file name.
_PATIENT_NAMES = (
    re.compile(r"(\d{8})_\d{3}$"),  # NIH ChestX-ray14
    re.compile(r"(person\d+)_(?:bacteria|virus)_\d+$"),  # Kermany et al., pneumonia
    re.compile(r"((?:NORMAL2-)?IM-\d+)-\d+(?:-\d+)?$"),  # Kermany et al., normal
)


def patient_of(path: str | os.PathLike, dicom_header: Dataset | None = None) -> str | None:
    """The patient an image belongs to, as far as its header or its name tells.

    Args:
        path: The file; only its name is used. Known are the names of NIH ChestX-ray14 (`00000310_001.png`)
            and of the Kermany chest X-rays (`person939_bacteria_2832.jpeg`, `NORMAL2-IM-0383-0001.jpeg`).
        dicom_header: Its DICOM header, which goes first.

    Returns:
        An identifier, or `None` where unknown.
    """
    if dicom_header is not None and (patient := patient_id(dicom_header)):
        return patient
    stem = Path(path).stem
    return next((match[1] for name in _PATIENT_NAMES if (match := name.match(stem))), None)


def split(images: Sequence[Image], fraction: float = 0.1, seed: int = 0) -> tuple[list[Image], list[Image]]:
    """Divide images into a training and a validation part that share no patient.

    An image of unknown patient is a group of its own (one file, one group). The result depends on the seed
    and on the images, not on their order.

    Args:
        images: The images.
        fraction: Wanted share of images for validation, between 0 and 1. Whole patients come as near as they
            can.
        seed: Chooses the patients.

    Returns:
        A tuple `(train, val)`, each with at least one image and sorted by path.

    Raises:
        ValueError: If `fraction` is not between 0 and 1, or there are fewer than two patients.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be between 0 and 1, received {fraction}")
    groups: defaultdict[tuple[bool, str], list[Image]] = defaultdict(list)
    for image in images:
        known = image.patient is not None
        groups[known, str(image.patient) if known else image.path.as_posix()].append(image)
    if len(groups) < 2:
        found = f"{len(images)} image(s) of {len(groups)} patient(s)"
        raise ValueError(f"{found} cannot be split; pass --val with images of other patients")
    keys = sorted(groups)
    order = [keys[i] for i in np.random.default_rng(seed).permutation(len(keys))]
    target, count, chosen = fraction * len(images), 0, set()
    for key in order[:-1]:  # the last group always trains
        size = len(groups[key])
        if abs(count + size - target) < abs(count - target):
            chosen.add(key)
            count += size
    if not chosen:
        chosen.add(min(order, key=lambda key: len(groups[key])))
    train, val = (
        sorted(
            (image for key in keys if (key in chosen) is side for image in groups[key]),
            key=lambda image: image.path.as_posix(),
        )
        for side in (False, True)
    )
    return train, val
