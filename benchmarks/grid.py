"""The pattern of LR's period that weights draw into smooth films, enlarged past their own resolution: `metrics.grid`.

    python benchmarks/grid.py [--weights NAME...]

Crops of RG1 of pydicom-data, and of RG1 averaged over blocks of 2 and 4 px, where the film is smooth; without a border
of 4 px. Prints docs/protocols.md's table.
"""

import argparse

from keras_srgan.cli import start_quietly

start_quietly()

import numpy as np  # noqa: E402

from keras_srgan.data.sample import sample_radiograph  # noqa: E402
from keras_srgan.inference import load  # noqa: E402
from keras_srgan.markdown import markdown_table  # noqa: E402
from keras_srgan.metrics import grid  # noqa: E402
from keras_srgan.resampling import resize  # noqa: E402
from keras_srgan.weights import cards  # noqa: E402

SCALE, BORDER = 4, 4
CROPS = {1: (64, 1568, 256), 2: (288, 608, 256), 4: (64, 224, 192)}  # RG1's blocks: row, column, side


def reading(pixels: np.ndarray, white: int) -> str:
    inner = pixels[BORDER:-BORDER, BORDER:-BORDER].astype("float32")
    return f"{float(grid(inner[None, ..., None], SCALE, white)[0]):.2f}"


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--weights", nargs="+", default=[path.stem for path in cards()])
    crops, white = [], sample_radiograph().max_value
    for reduce, (row, column, side) in CROPS.items():
        crops.append(sample_radiograph(reduce).pixels[row : row + side, column : column + side])
    rows = [["the film itself", *(reading(each, white) for each in crops)]]
    rows.append(["bicubic", *(reading(np.clip(resize(each, SCALE), 0, white), white) for each in crops)])
    for name in parse.parse_args().weights:
        upscaler = load(name)
        rows.append([f"`{name}`", *(reading(upscaler.upscale(each, white), white) for each in crops)])
    print(markdown_table(["", "RG1", "RG1 / 2", "RG1 / 4"], rows))


if __name__ == "__main__":
    main()
