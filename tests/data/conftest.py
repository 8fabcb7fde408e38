"""Image files for the tests of what feeds training, and a prepared set."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.data import get_testdata_file

from keras_srgan.data.shards.reader import load_shards
from keras_srgan.files import sha256
from keras_srgan.images import Image, write_image
from keras_srgan.prepare.writer import ShardOptions, prepare


def textured(path: Path, seed: int, dtype="uint8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (100, 120)).astype(dtype)
    path.write_bytes(cv2.imencode(path.suffix, pixels * np.array(257 if dtype == "uint16" else 1, dtype))[1].tobytes())
    return path


def picture(path: Path, height: int = 100, width: int = 120, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix, np.full((height, width), value, np.uint8))
    assert done
    path.write_bytes(data.tobytes())
    return path


def dicom(path: Path, name: str = "MR_small.dcm") -> Path:
    source = get_testdata_file(name, download=False)
    assert isinstance(source, str)
    shutil.copyfile(source, path)
    return path


def of(path: str, patient: str | None = None) -> Image:
    return Image(np.zeros((2, 2), np.uint8), 255, Path(path), patient)


def names(images: list[Image]) -> list[str]:
    return [image.path.as_posix() for image in images]


SMALL = ShardOptions(min_size=32, shard_images=4, val_fraction=0.3)


def quiet(line):
    pass


@pytest.fixture
def folder(make_image, tmp_path):
    """Nine images of 8 bits and three of 16, of two formats and seven patients, in two folders."""
    data = tmp_path / "data"
    (data / "more").mkdir(parents=True)
    for i in range(12):
        name = f"more/{i}.tif" if i % 4 == 3 else f"{i // 2:08}_{i % 2:03}.png"
        write_image(data / name, make_image(60 + i, 64, "uint16" if i % 4 == 3 else "uint8").pixels)
    return data


@pytest.fixture
def made(folder, tmp_path):
    prepare(folder, tmp_path / "set", SMALL, log=quiet)
    return tmp_path / "set"


def opened(where, part="train", **options):
    return load_shards(str(where), part, **{"min_size": 32, "warn": quiet} | options)


def hashes(folder):
    return {path.relative_to(folder): sha256(path) for path in folder.rglob("*") if path.is_file()}


def damage(made, change):
    path = made / "train" / "00001.tfrecord"
    data = bytearray(path.read_bytes())
    path.write_bytes(change(data))
    return path
