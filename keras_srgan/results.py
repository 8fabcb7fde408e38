"""What a finished run leaves: model cards, the closing table, the contact sheet."""

import collections
import dataclasses
import importlib
import json
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_srgan import pictures
from keras_srgan.data.images import read_image
from keras_srgan.files import write_text
from keras_srgan.inference import Upscaler
from keras_srgan.networks import build_generator
from keras_srgan.report import GIVEN, MADE, PROTOCOL, markdown, score
from keras_srgan.version import __version__
from keras_srgan.weights import SUFFIX, find_weights, load_weights, read_card

if TYPE_CHECKING:
    from keras_srgan.training import Run


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
    before = _first_card(run)
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


def _first_card(run: "Run") -> dict[str, Any]:
    """The card of the weights that the generator started from, as long as it is there."""
    try:
        return read_card(find_weights(run.init)) if run.init else {}
    except (OSError, ValueError):
        return {}


def close(run: "Run", stages: Sequence[str]) -> list[dict[str, Any]]:
    """Scores what was saved; writes the table, the cards' figures and the contact sheet.

    Args:
        run: `Run`.
        stages: names of the stages that were trained.

    Returns:
        The rows of the closing table.
    """
    methods: dict[str, Any] = {"bicubic": None}
    for stage in stages:
        generator = build_generator(run.recipe)
        load_weights(generator, run.weights_path(stage))
        upscaler = Upscaler(generator, run.recipe.scale, run.recipe.channels)
        methods["after pretraining" if stage == "pretrain" else "after the adversarial stage"] = upscaler.upscale
    table = score(methods, run.val, run.recipe.scale)
    lr = MADE if run.val[0].lr is None else GIVEN
    protocol = PROTOCOL.format(scale=run.recipe.scale, images=len(run.val), lr=lr)
    text = markdown(table)
    write_text(run.folder / "table.md", f"{text}\n\n{protocol}\n")
    for stage in stages:
        path = run.weights_path(stage)
        card_file = path.with_name(path.name.removesuffix(SUFFIX) + ".json")
        card = json.loads(card_file.read_text(encoding="utf-8"))
        card["figures"] = {"protocol": protocol, "table": table}
        write_text(card_file, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    _contact_sheet(run)
    run.say(f"\n{text}\n\n{protocol}")
    return table


def _contact_sheet(run: "Run") -> None:
    """The first five and the last five epochs of the run, two rows, as the seed paper prints them."""
    paths = sorted((run.folder / "previews" / "sr").glob("*.png"), key=lambda p: (p.name[0] != "p", p.name))
    rows = [paths[:5], paths[-5:]]
    tiles = [[read_image(path, channels=3).pixels / 127.5 - 1 for path in row] for row in rows]
    captions = [[path.stem for path in row] for row in rows]
    pictures.save_picture(run.folder / "contact_sheet.png", pictures.sheet(tiles, captions))
