"""What the tests of the notebooks read them with."""

import base64
import json
import re
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
FILES = sorted(FOLDER.glob("*.ipynb"))
RUN = ("train_xray.ipynb", "upscale_xray.ipynb", "compare_systems.ipynb")
PICTURES = {
    "train_xray.ipynb": (
        *("radiograph", "pairs", "networks", "errors", "train", "sheet"),
        *("vgg-figures", "vgg-difference", "load"),
    ),
    "upscale_xray.ipynb": ("wipe", "added", "spread", "alpha", "dicom"),
    "compare_systems.ipynb": ("detail", "trade"),
}


def code_cells(notebook):
    return {cell["id"]: cell for cell in notebook["cells"] if cell["cell_type"] == "code"}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def outputs(cell, kind):
    """What a cell put out, as a list of texts: of one MIME type, or `"stream"` for what it printed."""
    found = [
        each.get("text", "") if kind == "stream" else each.get("data", {}).get(kind, "") for each in cell["outputs"]
    ]
    return ["".join(each) for each in found if each]


def picture(cell, number=0):
    data = base64.b64decode(outputs(cell, "image/png")[number])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def number(text):
    """The number that a text begins with, or the text."""
    try:
        return float(text.split()[0].replace(",", ""))
    except ValueError:
        return text


def table(cell):
    """A cell's first Markdown table: a dictionary a method, whose keys are the columns' first words."""
    lines = outputs(cell, "text/markdown")[0].split("\n\n")[0].splitlines()
    head, _, *rows = [[each.strip() for each in line.strip("|").split("|")] for line in lines]
    keys = [re.split(r"[ ,]", each)[0] for each in head[1:]]
    return {row[0]: dict(zip(keys, map(number, row[1:]), strict=True)) for row in rows}
