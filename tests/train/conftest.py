"""A tiny run, and what a checkpoint of it holds."""

import json
import sys

import numpy as np
import pytest

from keras_srgan.images import write_image
from keras_srgan.train.callbacks.checkpoint import Checkpoint
from keras_srgan.train.loop import train
from keras_srgan.train.run import Run

FLAGS = (
    "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 8 --patch 32 --batch 4 --val-patch 32 "
    "--patches-per-epoch 12 --pretrain-epochs 1 --epochs 2 --features none --flat 0"
).split()


@pytest.fixture
def images(make_image):
    return [make_image(60, 64, name=f"{i}.png") for i in range(5)]


@pytest.fixture
def run(tiny, images, tmp_path):
    def make(name="run", **changes):
        return Run(tiny.replace(**changes), images[:4], images[4:], tmp_path / name, log=lambda text: None)

    return make


@pytest.fixture
def folder(images, tmp_path):
    for image in images:
        write_image(tmp_path / f"p{image.path.name}", image.pixels)
    data = tmp_path / "data"
    data.mkdir()
    for path in tmp_path.glob("p*.png"):
        path.rename(data / path.name)
    return data


def state(run_folder):
    with np.load(run_folder / "checkpoints" / "last.npz") as file:
        return {name: file[name] for name in file.files if name != "progress"}


def assert_equal_states(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def command(*arguments):
    return [sys.executable, "-m", "keras_srgan.train", *map(str, arguments)]


def stop_after(monkeypatch, each, stage, after):
    """Trains until a step of a stage is done and saved."""
    original = Checkpoint.on_train_batch_end

    def die(self, batch, logs=None):
        original(self, batch, logs)
        done = self.progress["epoch"] * self.steps + self.progress["step"]
        if self.progress["stage"] == stage and done == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "on_train_batch_end", die)
        with pytest.raises(KeyboardInterrupt):
            train(each)


def folder_of(each):
    """A run's folder with what the command line leaves there."""
    record = {"arguments": {}, "recipe": json.loads(each.recipe.to_json())}
    (each.folder / "run.json").write_text(json.dumps(record))
    return each.folder
