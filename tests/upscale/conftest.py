"""Small pictures of every kind, and the command run on them in this process."""

import os

import cv2
import numpy as np
import pytest
from pydicom.data import get_testdata_file

from keras_srgan.images.frames import open_frames
from keras_srgan.resampling import quantise, resize
from keras_srgan.upscale import __main__ as upscale

RNG = np.random.default_rng(23)
SMOOTH = cv2.GaussianBlur(RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8), (0, 0), 2)
GRAY, RGB = SMOOTH[..., 0].copy(), SMOOTH
DEEP = GRAY.astype(np.uint16) * 16  # 12 bits
ALPHA = np.where(np.add.outer(np.arange(20), np.arange(30)) > 25, 255, 40).astype(np.uint8)


def untrained(channels=1):
    """Twice as large, by a network that adds nothing to bicubic yet."""
    from keras_srgan.inference import Upscaler
    from keras_srgan.networks.generators.srresnet import srresnet

    generator = srresnet(filters=4, blocks=1, norm="none", skip="bicubic", scale=2, channels=channels)
    return Upscaler(generator, 2, channels, engine="keras")


@pytest.fixture(scope="session")
def bicubic():
    return untrained()


@pytest.fixture
def run(bicubic, monkeypatch, tmp_path, capsys):
    """Runs the command in `tmp_path` with `--out out`; gives exit status, stdout lines, stderr lines."""
    from keras_srgan import inference

    monkeypatch.setattr(inference, "load", lambda *_, **__: run_.upscaler)
    monkeypatch.chdir(tmp_path)

    def run_(*arguments):
        try:
            status = upscale.main([*map(str, arguments), "--out", "out"])
        except SystemExit as stop:
            status = stop.code
        captured = capsys.readouterr()
        return status, captured.out.splitlines(), captured.err.splitlines()

    run_.upscaler = bicubic
    return run_


def found(folder="out"):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def read(path):
    frames = open_frames(path)
    (frame,) = frames
    return frame


def larger(pixels, white=None):
    white = white or np.iinfo(pixels.dtype).max
    return quantise(resize(pixels, 2), white, pixels.dtype)


def near(pixels, expected, most=1):
    assert pixels.dtype == expected.dtype and pixels.shape == expected.shape
    assert np.abs(pixels.astype(float) - expected).max() <= most


def sample(name):
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return path
