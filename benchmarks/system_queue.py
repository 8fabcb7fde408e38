"""The queue of `train_systems.py`: read and checked, so that nothing fails after hours.

The queue is TOML (`[defaults]`, whose flags come before a run's own, and `[[run]]`) or JSON lines, a run each: `name`,
`recipe`, `data` (folders under ROOT), `data_lr`, `init` (a run before it, or weights), `flags` (as of training),
`epoch` (patches), the budget `patches` or `minutes`, `[content, adversarial]`, and `test`: `PROTOCOL=FOLDER`, or
`PROTOCOL=HR+LR` for pairs. Minutes become patches by a short trial. Without a budget the recipe's own epochs hold.
`most` limits the test images, `discriminator` has it judged too, `paper` and `about` are for the tables; `weights`
names weights of `weights/` in place of a training.
"""

import contextlib
import io
import json
import tomllib
from pathlib import Path

from keras_srgan.recipes import Recipe
from keras_srgan.train.__main__ import parser, resolve
from keras_srgan.weights import weights_folder

STAGES = ("pretrain", "adversarial")
KEYS = {
    "name": str, "paper": str, "about": str, "recipe": str, "data": list, "data_lr": str, "init": str, "flags": list,
    "epoch": int, "patches": list, "minutes": list, "test": list, "most": int, "discriminator": bool, "weights": str,
}  # fmt: skip


def read_queue(path: Path) -> list[dict]:
    """The runs of a queue file, checked, so that nothing fails after hours.

    Raises:
        ValueError: naming the run and what is wrong.
    """
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".toml":
            found = tomllib.loads(text)
            first = found.get("defaults", {})
            runs = [first | each | {"flags": first.get("flags", []) + each.get("flags", [])} for each in found["run"]]
        else:
            runs = [json.loads(line) for line in text.splitlines() if line.strip()]
        names = [run["name"] for run in runs]
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: not a queue of named runs ({type(error).__name__}: {error})") from None
    for place, run in enumerate(runs):
        known = names[:place]
        try:
            check(run, known)
        except ValueError as error:
            raise ValueError(f"{path}: {run['name']}: {error}") from None
    return runs


def check(run: dict, before: list[str]) -> None:
    """Refuses a run that could not be trained."""
    for key, value in run.items():
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}: known are {', '.join(KEYS)}")
        if type(value) is not KEYS[key]:
            raise ValueError(f"{key} = {value!r}: must be a {KEYS[key].__name__}")
    if run["name"] in before:
        raise ValueError("the name is taken by a run above")
    if weights := run.get("weights"):
        if not (weights_folder() / f"{weights}.json").is_file():
            raise ValueError(f"weights {weights!r}: no such card in weights/")
        return
    if "patches" in run and "minutes" in run:
        raise ValueError("give patches or minutes, not both")
    for key in ("patches", "minutes"):
        if key in run and (len(run[key]) != 2 or min(run[key]) < 0 or not any(run[key])):
            raise ValueError(f"{key} = {run[key]}: give [content, adversarial], one of them above 0")
    for each in run.get("test", []):
        if not each.partition("=")[2]:
            raise ValueError(f"test {each!r}: give PROTOCOL=FOLDER or PROTOCOL=HR+LR")
    if not run.get("data"):
        raise ValueError("no data: give a list of folders under --data-root")
    budget = budget_of(run)
    resolved(run, {stage: int(count > 0) for stage, count in zip(STAGES, budget, strict=True)} if budget else {})


def trained_by(run: dict) -> dict:
    """What of a run's line decides its weights."""
    return {key: value for key, value in run.items() if key not in ("paper", "about", "test", "most", "discriminator")}


def budget_of(run: dict) -> list | None:
    return run.get("patches") or run.get("minutes")


def resolved(run: dict, epochs: dict[str, int], an_epoch: int = 0) -> Recipe:
    """The recipe of a run, as `keras_srgan.train` would make it of the same flags."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            given = parser().parse_args(["--data", ".", *flags(run, epochs, an_epoch)])
    except SystemExit:
        raise ValueError(said.getvalue().strip()) from None
    return resolve(given)[0]


def flags(run: dict, epochs: dict[str, int], an_epoch: int = 0) -> list[str]:
    """The run's flags of `keras_srgan.train` that say what is trained, and how long."""
    said = ["--recipe", run["recipe"], *(str(each) for each in run.get("flags", []))]
    if epochs:
        said += ["--pretrain-epochs", str(epochs["pretrain"]), "--epochs", str(epochs["adversarial"])]
        said += ["--patches-per-epoch", str(an_epoch or run.get("epoch", 4000))]
    return said
