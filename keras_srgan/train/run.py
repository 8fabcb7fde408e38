"""What a training run works on, and its folder."""

import contextlib
import dataclasses
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.backend.replicas import Replicas
from keras_srgan.images import Image
from keras_srgan.recipes import Recipe
from keras_srgan.weights import SUFFIX

STAGES = ("pretrain", "adversarial")


@dataclasses.dataclass
class Run:
    """What a training run works on.

    Args:
        recipe: `Recipe`.
        train, val: lists of `Image`.
        folder: the run folder.
        data: dictionary for the model card: set, licence.
        init: name or path of the generator's first weights.
        init_discriminator: the same of the discriminator's.
        checkpoint_minutes: float, time between checkpoints inside an epoch.
        log: function that prints a line.
        replicas: `Replicas`, started: the devices and hosts that share each batch. On every host but the chief, the
            folder is one of its own.

    Example:

    >>> image = keras_srgan.read_image("chest.png")
    >>> run = Run(find_recipe("xray-fast"), [image], [image], "run")
    >>> run.steps
    250
    """

    recipe: Recipe
    train: Sequence[Image]
    val: Sequence[Image]
    folder: Path
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    init: str | None = None
    init_discriminator: str | None = None
    checkpoint_minutes: float = 10.0
    log: Callable[[str], None] = print
    replicas: Replicas = dataclasses.field(default_factory=Replicas)

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "last.npz"

    @property
    def patches(self) -> int:
        return self.recipe.patches_per_epoch or len(self.train)

    @property
    def steps(self) -> int:
        return -(-self.patches // self.recipe.batch)

    def epochs(self, stage: str) -> int:
        return self.recipe.pretrain_epochs if stage == "pretrain" else self.recipe.epochs

    def weights_path(self, stage: str) -> Path:
        first = stage == "pretrain" and self.recipe.epochs  # a content stage alone makes the recipe's own weights
        name = self.recipe.name + ("-pretrained" if first else "")
        return self.folder / f"{name}{SUFFIX}"

    def fingerprint(self) -> str:
        """Tells whether the training images are the same ones, in the same order."""
        value = 0
        for image in self.train:
            value = zlib.crc32(image.path.name.encode(), value)
            if digest := getattr(image, "digest", None):  # stands for the pixels of an image in a shard
                value = zlib.crc32(digest.encode(), value)
                continue
            value = zlib.crc32(np.ascontiguousarray(image.pixels).data, value)
            value = zlib.crc32(np.ascontiguousarray(image.lr).data, value) if image.lr is not None else value
        return f"{len(self.train)}-{value:08x}"


def new_folder(arguments, recipe: Recipe) -> Path:
    """The run folder; an existing one must be empty."""
    folder = Path(arguments.out or f"runs/{recipe.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: exists and is not empty; give another --out, or --resume {folder}")
    return folder


@contextlib.contextmanager
def run_folder(arguments, recipe: Recipe, chief: bool):
    """The run folder; where another host is the chief, and writes there, a copy of what resuming needs."""
    folder = Path(arguments.resume) if arguments.resume else new_folder(arguments, recipe) if chief else None
    if chief:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="keras-srgan-") as own:
        if folder and (folder / "checkpoints").is_dir():
            shutil.copytree(folder / "checkpoints", Path(own) / "checkpoints")
        yield Path(own)
