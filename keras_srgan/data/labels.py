"""What a table says of images: one of two labels each."""

import csv
from pathlib import Path, PurePosixPath

from keras_srgan.data.patients import tails


def read_labels(path: str | Path) -> tuple[dict[str, str], list[str]]:
    """Reads a CSV of images and labels.

    Args:
        path: with the titles `file` and `label`. A file is named by its path below the folder of images, by the end
            of it, or by its name, with or without extension.

    Returns:
        Labels by every name of a file, and the two labels in the order of the alphabet.

    Raises:
        OSError: if there is no such file.
        ValueError: for other titles, another number of labels than two, or a file with both.
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"file", "label"} <= set(rows[0]):
        raise ValueError(f"{path}: give a CSV with the titles file,label and a line for each image")
    known: dict[str, str] = {}
    for row in rows:
        name, label = (row["file"] or "").strip(), (row["label"] or "").strip()
        if name and label and known.setdefault(name, label) != label:
            raise ValueError(f"{path}: {name} has two labels")
    if len(labels := sorted(set(known.values()))) != 2:
        raise ValueError(f"{path}: {len(labels)} label(s); two are told apart")
    found: dict[str, str] = {}
    for name, label in known.items():
        for key in tails(PurePosixPath(name.replace("\\", "/"))):
            found[key] = label if found.get(key, label) == label else ""  # an end that names both says nothing
    return {key: label for key, label in found.items() if label}, labels


def label_of(name: str, known: dict[str, str]) -> str:
    """The label of an image by its path below the folder; empty where there is none."""
    return next((known[key] for key in tails(PurePosixPath(name)) if key in known), "")
