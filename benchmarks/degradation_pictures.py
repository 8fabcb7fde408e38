"""The pictures of docs/degradation.md: each stage by itself on a piece of the embedded radiograph.

python benchmarks/degradation_pictures.py [OUT.png]
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from keras_srgan.data.sample import sample_radiograph
from keras_srgan.degradation.model import degrade
from keras_srgan.degradation.presets import PRESETS
from keras_srgan.degradation.settings import BICUBIC

PIECE = np.s_[232:424, 96:288]  # px of the radiograph reduced by 2: ribs and the lung's border
SCALE = 4
TILES = (
    ("bicubic", {}),
    ("blur: MTF 0.64", {"mtf": 0.64}),
    ("blur: MTF 0.35", {"mtf": 0.35}),
    ("MTF 0.35, 3:1, 45 degrees", {"mtf": 0.35, "anisotropy": 3, "angle": 45}),
    ("aperture 1, sampled", {"aperture": 1, "reduction": "sample"}),
    ("sampled only: aliasing", {"reduction": "sample"}),
    ("binning, 2 decades", {"reduction": "binning", "latitude": 2}),
    ("window 0.5", {"window": 0.5}),
    ("dose 600, linear", {"dose": 600}),
    ("dose 600, log, 2 decades", {"dose": 600, "domain": "log", "latitude": 2}),
    ("dose 600, grain 0.7", {"dose": 600, "grain": 0.7}),
    ("read-out 8", {"readout": 8}),
    ("JPEG 60", {"codec": "jpeg", "quality": 60}),
    ("JPEG 15", {"codec": "jpeg", "quality": 15}),
    ("JPEG 2000, 1:15", {"codec": "jpeg2000", "rate": 15}),
    ("one draw of real", PRESETS["real"]),
)


def tile(hr: np.ndarray, title: str, how) -> np.ndarray:
    """LR at HR's size, each pixel a square, under its title."""
    degradation = BICUBIC.replace(**how) if isinstance(how, dict) else how
    lr = degrade(hr, SCALE, 255, degradation, np.random.default_rng(3))
    shown = np.pad(lr.repeat(SCALE, 0).repeat(SCALE, 1), ((22, 0), (0, 6)), constant_values=255)
    return cv2.putText(shown, title, (2, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)


def main(out: str = "docs/images/degradation.png") -> None:
    image = sample_radiograph(reduce=2)
    piece = image.pixels[PIECE].astype("float64")
    low, high = np.percentile(piece, (0.5, 99.5))
    hr = np.clip(np.rint((piece - low) / (high - low) * 255), 0, 255).astype("uint8")
    tiles = [tile(hr, title, how) for title, how in TILES]
    rows = [np.hstack(tiles[i : i + 4]) for i in range(0, len(tiles), 4)]
    cv2.imwrite(out, np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{out}: {Path(out).stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
