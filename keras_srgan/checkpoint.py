"""Checkpoints for exact resume: every variable of a run in one file, replaced atomically."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_srgan.files import write_atomically
from keras_srgan.srgan import SRResNetTrainer


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


def save_checkpoint(path: Path, model: SRResNetTrainer, progress: dict[str, Any]) -> None:
    """Writes a checkpoint.

    Args:
        path: the file.
        model: a compiled model.
        progress: JSON-able dictionary: stage, epoch, step in the epoch, history.

    Raises:
        OSError: if it can't be written; the checkpoint before it stays.
    """
    if sync := getattr(model, "jax_state_sync", None):
        sync()  # JAX's trainer keeps the values to itself while it trains
    arrays = {name: np.asarray(variable) for name, variable in state_of(model).items()}
    arrays["progress"] = np.frombuffer(json.dumps(progress).encode(), "uint8")

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    write_atomically(path, write)


def read_progress(path: Path) -> dict[str, Any]:
    """Reads only the progress of a checkpoint.

    Raises:
        ValueError: if the file is damaged.
    """
    try:
        with np.load(path) as file:
            return json.loads(file["progress"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: damaged checkpoint ({error}); start again with another --out") from None


def restore_checkpoint(path: Path, model: SRResNetTrainer) -> dict[str, Any]:
    """Puts a checkpoint's values into a compiled model of the same recipe.

    Returns:
        The progress that was saved with it.

    Raises:
        ValueError: if the checkpoint is damaged or belongs to another model.
    """
    progress = read_progress(path)
    state = state_of(model)
    with np.load(path) as file:
        saved = set(file.files) - {"progress"}
        if saved != set(state):
            odd = sorted(saved ^ set(state))[0]
            raise ValueError(f"{path}: checkpoint of another recipe or version ({odd!r} is in one of the two only)")
        for name, variable in state.items():
            value = file[name]
            if value.shape != tuple(variable.shape):
                raise ValueError(f"{path}: checkpoint of another recipe ({name} has shape {value.shape})")
            variable.assign(value)
    return progress
