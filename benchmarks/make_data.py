"""Builds the data folder that the systems of docs/model-zoo.md are trained and tested on, from the public sets.

    python benchmarks/make_data.py --out ROOT --nih DIR --kermany DIR --natural DIR --mri DIR

Each DIR is where its set was unpacked, at any depth; leave out those that you do not have. `benchmarks/data.csv` names
every file: its source, its name there, and the hash of its pixels (sha256 of height, width, channels and the decoded
values). NIH images are averaged over 2x2 px, Kermany's resized by antialiased bicubic; photographs and MRI slices are
found by their hash, under any name. A file that differs is kept and counted: decoders and resamplers round differently.
`--have DIR` takes what an earlier ROOT holds.

Last it makes `ROOT/pairs`: the radiographs at 512x512, and the same reduced and enlarged by 4, for `--scale 1`.

Sources
    NIH ChestX-ray14, nihcc.app.box.com/v/ChestXray-NIHCC (Wang et al., CVPR 2017; no restriction on use)
    Kermany et al., doi 10.17632/rscbjbr9sj.2 (CC BY 4.0), Kaggle's paultimothymooney/chest-xray-pneumonia
    T91 (Yang et al., TIP 2010), BSDS200 and BSD100 (Martin et al., ICCV 2001: the 200 training images and 100 of the
    test images of BSDS300), Set5 (Bevilacqua et al., BMVC 2012), Set14 (Zeyde et al., 2010): research use
    Brain tumour MRI, Kaggle's sartajbhuvaji/brain-tumor-classification-mri: research use
"""

import argparse
import csv
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from keras_srgan.cli import start_quietly  # noqa: E402

start_quietly()

from keras_srgan.files import write_atomically, write_bytes  # noqa: E402
from keras_srgan.images import ImageError, find_images, read_image  # noqa: E402
from keras_srgan.resampling import quantise, reduce_image, resize, resize_to  # noqa: E402

LIST = Path(__file__).with_name("data.csv")
PAIRED, SIDE, SCALE = {"train": ("chest-xray/train", "chest-xray/more"), "test": ("chest-xray/test",)}, 512, 4
REDUCED = ("nih", "kermany")


def pixels_hash(pixels: np.ndarray) -> str:
    """The first 16 digits of the sha256 of an image's shape and values."""
    head = f"{pixels.shape[0]} {pixels.shape[1]} {1 if pixels.ndim == 2 else pixels.shape[2]} ".encode()
    return hashlib.sha256(head + np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16]


def read(path: Path, channels: int | None = None) -> np.ndarray:
    return read_image(path, channels).pixels


def save(path: Path, pixels: np.ndarray) -> None:
    """A PNG, whole or not at all."""
    colour = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    write_bytes(path, cv2.imencode(".png", np.ascontiguousarray(colour))[1].tobytes())


def halved(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """NIH's 1024x1024 px: the mean of 2x2."""
    return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return quantise(resize_to(pixels, size), 255, pixels.dtype)


REDUCE: dict[str, Callable] = {"nih": halved, "kermany": resized}


def place(row: dict, source: Path, out: Path) -> bool:
    """Puts a file of the list under `out`; returns whether its pixels are those of the list."""
    target = out / row["file"]
    if row["source"] in REDUCED:
        size = int(row["height"]), int(row["width"])
        pixels = read(source, 1)
        pixels = pixels if pixels.shape == size else REDUCE[row["source"]](pixels, size)
        save(target, pixels)
    else:
        pixels = read(source)
        write_atomically(target, lambda temporary: temporary.write_bytes(source.read_bytes()))
    return pixels_hash(pixels) == row["pixels"]


def link(row: dict, have: Path, out: Path) -> bool:
    """The same by a link to a file that is laid out already."""
    target, source = out / row["file"], (have / row["file"]).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)
    return pixels_hash(read(source)) == row["pixels"]


def by_hash(folder: Path) -> dict[str, Path]:
    """Every image under a folder by the hash of its pixels."""
    found = {}
    for path in find_images(folder):
        try:
            found[pixels_hash(read(path))] = path
        except (ImageError, OSError) as error:
            print(f"make_data: left out: {error}", file=sys.stderr)
    return found


def build(rows: list[dict], arguments: argparse.Namespace) -> Counter:
    """Places all files that can be had; returns how many are exact, different, there already and missing."""
    done: Counter = Counter()
    names, hashes = {}, {}
    for source in ("nih", "kermany", "natural", "mri"):
        if folder := getattr(arguments, source):
            if source in REDUCED:
                names[source] = {path.name: path for path in find_images(folder)}
            else:
                hashes[source] = by_hash(folder)
    for row in rows:
        kind, target = row["source"], arguments.out / row["file"]
        known = names[kind].get(row["source_file"]) if kind in names else hashes.get(kind, {}).get(row["pixels"])
        if os.path.lexists(target):
            done["there already"] += 1
        elif known:
            done["exact" if place(row, known, arguments.out) else "different"] += 1
        elif arguments.have and (arguments.have / row["file"]).is_file():
            done["exact" if link(row, arguments.have, arguments.out) else "different"] += 1
        else:
            done["missing"] += 1
            if done["missing"] <= 5:
                print(f"make_data: missing: {row['file']} ({kind})", file=sys.stderr)
    return done


def pairs(out: Path) -> int:
    """HR of 512x512 and LR enlarged to the same size, of every radiograph that is there; returns their number."""
    count = 0
    for part, folders in PAIRED.items():
        for folder in folders:
            for path in find_images(out / folder) if (out / folder).is_dir() else []:
                hr, lr = (out / "pairs" / part / kind / f"{path.stem}.png" for kind in ("hr", "lr"))
                count += 1
                if hr.is_file() and lr.is_file():
                    continue
                pixels = resized(read(path, 1), (SIDE, SIDE))
                low = reduce_image(pixels, SCALE, 255)
                save(lr, quantise(resize(low, SCALE), 255, low.dtype))
                save(hr, pixels)
    return count


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--out", type=Path, required=True, metavar="ROOT", help="folder to build")
    for name in ("nih", "kermany", "natural", "mri", "have"):
        parse.add_argument(f"--{name}", type=Path, metavar="DIR", help="see above")
    parse.add_argument("--list", type=Path, default=LIST, help="the files and their hashes [benchmarks/data.csv]")
    arguments = parse.parse_args()
    try:
        with open(arguments.list, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        done = build(rows, arguments)
        print(", ".join(f"{count} {what}" for what, count in done.items()))
        print(f"{pairs(arguments.out)} pairs")
    except (ValueError, OSError) as error:
        print(f"make_data: {error}", file=sys.stderr)
        return 1
    return int(done["missing"] > 0)


if __name__ == "__main__":
    sys.exit(main())
