"""What a training run works on, and its folder."""

import contextlib
import dataclasses
import itertools
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.backend.replicas import Replicas
from keras_srgan.console import say
from keras_srgan.images import Image
from keras_srgan.recipes import Recipe
from keras_srgan.train.claim import LOCK, claim
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
        teacher: name or path of a larger generator's weights, whose SR the content stage learns from too.
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
    teacher: str | None = None
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

    def say(self, text: str) -> None:
        """Prints a line, which costs nothing where it can't."""
        say(self.log, text)

    def fingerprint(self) -> str:
        """Tells whether the training images are the same ones, in the same order."""
        return fingerprint(self.train)


def fingerprint(images: Sequence[Image]) -> str:
    """Tells whether images are the same ones, of the same names, in the same order, wherever they lie."""
    value = 0
    for image in images:
        value = zlib.crc32(os.fsencode(image.path.name), value)
        if digest := getattr(image, "digest", None):  # stands for the pixels of an image in a shard
            value = zlib.crc32(digest.encode(), value)
            continue
        value = zlib.crc32(np.ascontiguousarray(image.pixels).data, value)
        value = zlib.crc32(np.ascontiguousarray(image.lr).data, value) if image.lr is not None else value
    return f"{len(images)}-{value:08x}"


def _new_folder(out: str | None, name: str) -> Path:
    """Makes the run folder: the given one, or one of a name that nobody else has taken."""
    if out:
        folder = Path(out)
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder}: a file; --out takes a folder, new or empty")
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    wanted = Path(f"runs/{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


@contextlib.contextmanager
def _own_folder(out: str | None, name: str) -> Iterator[Path]:
    """A run folder that is this process's own before any image is read; it is gone again if nothing came of it."""
    wanted = Path(out or "runs")
    made = [each for each in (wanted, *wanted.parents) if not each.exists()]
    folder = _new_folder(out, name)
    try:
        with claim(folder):
            if any(each.name != LOCK for each in folder.iterdir()):
                raise ValueError(f"{folder}: exists and is not empty; give another --out, or --resume {folder}")
            yield folder
    finally:
        for each in dict.fromkeys(([] if out else [folder]) + made):
            with contextlib.suppress(OSError):
                each.rmdir()  # an empty one only


@contextlib.contextmanager
def run_folder(arguments, recipe: Recipe, chief: bool):
    """The run folder; where another host is the chief, and writes there, a copy of what resuming needs."""
    if chief and arguments.dry_run:  # writes nothing
        yield Path(arguments.resume or arguments.out or "runs")
    elif chief and arguments.resume:
        with claim(Path(arguments.resume)):
            yield Path(arguments.resume)
    elif chief:
        with _own_folder(arguments.out, recipe.name) as folder:
            yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="keras-srgan-") as own:
            if arguments.resume and (Path(arguments.resume) / "checkpoints").is_dir():
                shutil.copytree(Path(arguments.resume) / "checkpoints", Path(own) / "checkpoints")
            yield Path(own)
