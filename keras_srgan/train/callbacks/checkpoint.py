"""Checkpoints: every variable of a run in one file, for an exact resume, and the callback that writes them."""

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_srgan import machine
from keras_srgan.backend.signals import StopRequest
from keras_srgan.files import write_atomically
from keras_srgan.srgan import SRResNetTrainer

PROGRESS = {"stage", "epoch", "step", "history", "fingerprint"}
AGREE = 10  # steps after which hosts look whether to stop, all at the same ones


class Interrupted(Exception):
    """Training was asked to stop; the state is saved."""


def agreeing(step: int, model: keras.Model) -> bool:
    """Whether this is a step behind which hosts agree."""
    return step % AGREE < model.steps_per_execution


class Counter(keras.callbacks.Callback):
    """Counts the finished steps of the epoch, before any_host reads the count.

    Args:
        progress: mutable dictionary, with `step`.
        keeps: whether the first step's buffers are kept for the next ones.
    """

    def __init__(self, progress: dict, keeps: bool):
        super().__init__()
        self.progress, self.keeps = progress, keeps

    def on_train_batch_end(self, batch, logs=None):
        self.progress["step"] += self.model.steps_per_execution
        if self.keeps:
            np.asarray(logs["loss"])  # the step is done
            machine.keep_freed_memory()
            self.keeps = False


class Checkpoint(keras.callbacks.Callback):
    """Writes the checkpoint after each epoch and every few minutes, and before it stops where that was asked for.

    Args:
        path: the checkpoint's file.
        progress: mutable dictionary, saved whole; its `epoch` is kept up to date here.
        steps: integer, steps in an epoch.
        minutes: float, the time between checkpoints inside an epoch.
        metric_values: running means to put back at the first epoch's start, when it is resumed midway.
        replicas: `Replicas`. What one of several hosts was asked, all answer, behind the same step.
        stop: `StopRequest`.
    """

    def __init__(
        self, path: Path, progress: dict, steps: int, minutes: float, metric_values, replicas, stop: StopRequest
    ):
        super().__init__()
        self.path, self.progress, self.steps, self.minutes = path, progress, steps, minutes
        self.metric_values, self.replicas, self.stop = metric_values, replicas, stop

    def on_train_begin(self, logs=None):
        self.saved = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        if self.metric_values:
            # fit() has just reset them; a resumed epoch goes on with its means.
            for metric, values in zip(self.model.metrics, self.metric_values, strict=True):
                for variable, value in zip(metric.variables, values, strict=True):
                    variable.assign(value)
            self.metric_values = None

    def on_train_batch_end(self, batch, logs=None):
        if self.progress["step"] >= self.steps:
            return  # the epoch's end saves and stops
        due = self.replicas.hosts == 1 or agreeing(self.progress["step"], self.model)
        stop = due and self.replicas.any_host(self.stop.asked)
        if stop or time.monotonic() - self.saved > 60 * self.minutes:
            self.save()
        if stop:
            raise Interrupted

    def on_epoch_end(self, epoch, logs=None):
        self.progress["epoch"], self.progress["step"] = epoch + 1, 0
        self.save()
        if self.replicas.any_host(self.stop.asked):
            raise Interrupted

    def save(self) -> None:
        save_checkpoint(self.path, self.model, self.progress)
        self.saved = time.monotonic()


def state_of(model: SRResNetTrainer) -> dict[str, keras.Variable]:
    """All that a training step reads and writes, by a stable name.

    Networks (with BN statistics and dropout seeds), the average, both optimizers (with loss scales), the
    step counter and the running means of the epoch's log.
    """
    owners: dict[str, Any] = {
        "generator": model.generator,
        "average": model.ema_generator,
        "optimizer": model.optimizer,
        "discriminator": getattr(model, "discriminator", None),
        "d_optimizer": getattr(model, "d_optimizer", None),
    }
    state = {"step": model.step}
    for owner, each in owners.items():
        for i, variable in enumerate(each.variables if each is not None else ()):
            # By place: Keras numbers its optimizers' names through a process.
            state[f"{owner}/{i}"] = variable
    for metric in model.metrics:
        for i, variable in enumerate(metric.variables):
            state[f"metric/{metric.name}/{i}"] = variable
    return state


def previous(path: Path) -> Path:
    """Where the checkpoint before the last one is kept."""
    return path.with_name("previous.npz")


def save_checkpoint(path: Path, model: SRResNetTrainer, progress: dict[str, Any]) -> None:
    """Writes a checkpoint; the one that was there becomes the `previous`.

    Args:
        path: the file.
        model: a compiled model.
        progress: JSON-able dictionary: stage, epoch, step in the epoch, history.

    Raises:
        OSError: if it can't be written; both checkpoints before it stay.
    """
    if sync := getattr(model, "jax_state_sync", None):
        sync()  # JAX's trainer keeps the values to itself while it trains
    arrays = {name: np.asarray(variable) for name, variable in state_of(model).items()}
    arrays["progress"] = np.frombuffer(json.dumps(progress).encode(), "uint8")

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, previous(path))

    write_atomically(path, write)


def read_checkpoint(path: Path, needs: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Reads a checkpoint, with every checksum in it.

    Args:
        path: the file.
        needs: what its progress must hold, as `PROGRESS` of a run.

    Returns:
        The progress that was saved, and the arrays by their names.

    Raises:
        OSError: if the file can't be read.
        ValueError: if it is damaged, or of another version.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        progress = json.loads(arrays.pop("progress").tobytes())
        whole = set(needs) <= set(progress)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file raises nearly any kind
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a place that is none
            raise
        raise ValueError(f"{path}: damaged checkpoint ({' '.join(str(error).split())[:100]})") from None
    if not whole:
        raise ValueError(f"{path}: checkpoint of another version")
    return progress, arrays


def restore_checkpoint(path: Path, model: SRResNetTrainer) -> dict[str, Any]:
    """Puts a checkpoint's values into a compiled model of the same recipe.

    Returns:
        The progress that was saved with it.

    Raises:
        ValueError: if the checkpoint is damaged or belongs to another model.
    """
    progress, arrays = read_checkpoint(path)
    state = state_of(model)
    if set(arrays) != set(state):
        odd = sorted(set(arrays) ^ set(state))[0]
        raise ValueError(f"{path}: checkpoint of another recipe or version ({odd!r} is in one of the two only)")
    for name, variable in state.items():
        if arrays[name].shape != tuple(variable.shape):
            raise ValueError(f"{path}: checkpoint of another recipe ({name} has shape {arrays[name].shape})")
    for name, variable in state.items():
        variable.assign(arrays[name])
    return progress
