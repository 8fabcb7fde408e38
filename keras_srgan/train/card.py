"""The model card that a run leaves beside its weights."""

import collections
import dataclasses
import importlib
import platform
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_srgan.version import __version__
from keras_srgan.weights import SUFFIX, find_weights, read_card

if TYPE_CHECKING:
    from keras_srgan.train.run import Run


def card(run: "Run", stage: str, progress: dict[str, Any]) -> dict[str, Any]:
    """The model card of a stage's generator, as far as training knows it.

    Budget and curve (validation PSNR after each epoch of so many patches) begin with those of the first weights.

    Args:
        run: `Run`.
        stage: the stage whose weights it describes.
        progress: dictionary with the `history`, rows of epochs.
    """
    backend = keras.backend.backend()
    done = {name: [row for row in progress["history"] if row["stage"] == name] for name in ("pretrain", "adversarial")}
    before = progress["first"] if "first" in progress else first_card(run)
    budget = collections.Counter(before.get("budget", {}))
    for name, rows in done.items():
        if rows:
            budget[f"{name}_patches"] += len(rows) * run.steps * run.recipe.batch
            budget[f"{name}_hours"] = round(budget[f"{name}_hours"] + sum(row["seconds"] for row in rows) / 3600, 3)
    curve = [
        {
            "stage": name,
            "patches": run.steps * run.recipe.batch,
            "bicubic_psnr": round(rows[0]["bicubic_psnr"], 3),
            "val_psnr": [round(row["val_psnr"], 3) for row in rows],
        }
        for name, rows in done.items()
        if rows
    ]
    return {
        "name": run.weights_path(stage).name.removesuffix(SUFFIX),
        "recipe": dataclasses.asdict(run.recipe),
        "stage": stage,
        "init": Path(run.init).name if run.init else None,
        **({"teacher": progress["teacher"]} if progress.get("teacher") else {}),
        "data": {**run.data, "images": len(run.train), "validation_images": len(run.val)},
        "budget": dict(budget),
        "curve": [*before.get("curve", []), *curve],
        "range": "float32 in [-1, 1]; black is -1, the format's white is 1",
        "intended_use": "research and teaching; not a diagnostic image, detail may be invented",
        "versions": {
            "keras_srgan": __version__,
            "keras": keras.__version__,
            backend: importlib.import_module(backend).__version__,
            "python": platform.python_version(),
        },
        "made": date.today().isoformat(),
    }


def first_card(run: "Run") -> dict[str, Any]:
    """Budget and curve of the weights that the generator starts from, as far as their card is there."""
    try:
        known = read_card(find_weights(run.init)) if run.init else {}
    except (OSError, ValueError):  # a file without its card: its past is not known
        return {}
    return {name: known[name] for name in ("budget", "curve") if name in known}
