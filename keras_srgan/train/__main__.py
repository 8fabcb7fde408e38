"""`python -m keras_srgan.train`: trains a recipe. Arguments and printing only; `train/loop.py` does the work."""

import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from keras_srgan.backend.devices import HOSTS, find, read_hosts
from keras_srgan.backend.replicas import Replicas
from keras_srgan.cli import Parser, add_recipe_flags, recipe_changes, run_safely, start_quietly
from keras_srgan.recipes import RECIPES, SAMPLE, Recipe, find_recipe, read_config
from keras_srgan.train.datasets import load_data
from keras_srgan.train.run import run_folder

DEFAULT = "xray-srgan-plus"
FIRST = ("init", "init_discriminator", "teacher")
FOLDERS = ("data", "data_lr", "val", "val_lr", "patients")


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog="keras-srgan train",
        description="Trains a super-resolution network: a content stage, then an adversarial stage. Without --data, on "
        "the chest radiograph RG1 of pydicom-data, in minutes on a CPU.",
    )
    parse.add_argument("--data", metavar="DIR", help="folder of PNG, JPEG, TIFF or DICOM, any depth, or shards")
    parse.add_argument("--data-lr", metavar="DIR", help="LR images of --data, matched by name [made by --degradation]")
    parse.add_argument("--val", metavar="DIR", help="folder of validation images [a split of --data by patient]")
    parse.add_argument("--val-lr", metavar="DIR", help="LR images of --val")
    parse.add_argument(
        "--patients", metavar="CSV", help="table of images and patients [told by headers, names, folders]"
    )
    parse.add_argument(
        "--group", metavar="REGEX", help="searched in paths below --data; its first group is the patient"
    )
    parse.add_argument("--recipe", metavar="NAME", help=f"one of {', '.join(RECIPES)} [{DEFAULT}]")
    parse.add_argument("--config", metavar="FILE.toml", help="overrides of recipe fields, below the flags")
    parse.add_argument("--out", metavar="RUN", help="run folder, new or empty [runs/NAME-DATE-TIME]")
    parse.add_argument("--resume", metavar="RUN", help="go on with a run, exactly; takes its data and recipe from it")
    parse.add_argument("--init", metavar="WEIGHTS", help="first weights of the generator: a name, file or run folder")
    parse.add_argument("--init-discriminator", metavar="WEIGHTS", help="the same of the discriminator [a new one]")
    parse.add_argument(
        "--teacher",
        metavar="WEIGHTS",
        help="a larger generator, whose SR the content stage learns from too, by --distillation-weight",
    )
    parse.add_argument("--licence", default="not stated", help="licence of the data, for the card [not stated]")
    parse.add_argument("--strict", action="store_true", help="stop at a file that can't be used [skip and name it]")
    bits: Any = dict(type=int, choices=range(8, 17), metavar="8-16")
    parse.add_argument("--data-bits", **bits, help="that 16-bit PNG and TIFF files use [found in each]")
    parse.add_argument("--checkpoint-minutes", type=float, default=10.0, help="minutes between checkpoints [10]")
    parse.add_argument(
        "--devices",
        metavar="N|all",
        help="devices of each host that share every batch; hosts: see docs/scale.md [1; JAX on a CPU: 2]",
    )
    parse.add_argument("--dry-run", action="store_true", help="print what would be done, and stop")
    add_recipe_flags(parse, find_recipe(DEFAULT))
    return parse


def resolve(arguments) -> tuple[Recipe, dict]:
    """The recipe and the data arguments: from the run when resuming, else from the command line."""
    changes = recipe_changes(arguments)
    if arguments.resume:
        folder = Path(arguments.resume)
        try:
            saved = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            recipe = Recipe.from_dict(saved["recipe"])
            where = saved["arguments"]
        except FileNotFoundError:
            raise ValueError(f"{folder}: not a run folder of this program (no run.json in it)") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder / 'run.json'}: damaged, or of another version ({error})") from None
        if arguments.recipe and arguments.recipe != recipe.name:
            raise ValueError(f"{folder}: a run of recipe {recipe.name!r}, not {arguments.recipe!r}; omit --recipe")
        for name in (*FIRST, "group"):
            if (given := getattr(arguments, name)) and where.get(name) not in (given, str(Path(given).resolve())):
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"{folder}: began with {flag} {where.get(name)}; omit {flag}")
        for name in FOLDERS:
            if getattr(arguments, name) and not where.get(name):
                raise ValueError(f"{folder}: began without --{name.replace('_', '-')}; omit it")
        where |= _places(arguments)  # moved since, perhaps: the images' fingerprint tells whether they are the same
        for name, value in changes.items():
            if recipe.replace(**{name: value}) != recipe:
                raise ValueError(
                    f"{folder}: began with {name} = {getattr(recipe, name)!r}, not {value!r}; omit the flag, or "
                    f"start a new run with --init {folder}"
                )
        return recipe, where
    recipe = find_recipe(arguments.recipe or DEFAULT)
    if not arguments.data:
        recipe = recipe.replace(**SAMPLE)
    if arguments.config:
        recipe = recipe.replace(**read_config(arguments.config))
    names = (*FOLDERS, *FIRST, "group", "licence", "strict", "data_bits")
    where = {name: getattr(arguments, name) for name in names} | _places(arguments)
    if where["teacher"] and Path(where["teacher"]).exists():  # resuming reads it again, from elsewhere perhaps
        where["teacher"] = str(Path(where["teacher"]).resolve())
    return recipe.replace(**changes), where


def _places(arguments) -> dict[str, str]:
    """The folders and tables that the command line gives, from the root of the file system."""
    given = {name: value for name in FOLDERS if (value := getattr(arguments, name))}
    return {name: value if "://" in value else str(Path(value).resolve()) for name, value in given.items()}


def _moved(arguments, where: dict) -> str:
    """The folders that a resumed run began with and that lie elsewhere now, as flags."""
    saved = json.loads((Path(arguments.resume) / "run.json").read_text(encoding="utf-8"))["arguments"]
    changed = [name for name in FOLDERS if where.get(name) != saved.get(name)]
    return " ".join(f"--{name.replace('_', '-')} {saved.get(name)}" for name in changed)


def main(arguments: list[str] | None = None) -> int:
    parsed = parser().parse_args(arguments)
    status = run_safely("keras-srgan train", lambda: work(parsed))
    if status and len(read_hosts(os.environ.get(HOSTS)).addresses) > 1:
        sys.stdout.flush()
        os._exit(status)  # an engine's own end waits for the other hosts
    return status


def work(arguments) -> int:
    recipe, where = resolve(arguments)
    replicas = find(arguments.devices, 1 if recipe.xla is False else recipe.batch)  # op by op, parts of a CPU only wait
    with run_folder(arguments, recipe, replicas.chief) as folder:
        return work_in(folder, arguments, recipe, where, replicas)


def work_in(folder: Path, arguments, recipe: Recipe, where: dict, replicas: Replicas) -> int:
    def log(text: str) -> None:
        if replicas.chief:
            print(text, flush=True)

    device = start_quietly(feeds=True, start=replicas.start)
    try:
        train_images, val_images, data = load_data(recipe, where, log, bool(arguments.resume))
    except FileNotFoundError as error:
        if not arguments.resume:
            raise
        raise FileNotFoundError(f"{error}; if it has moved: --resume {arguments.resume} --data ITS-NEW-PLACE") from None
    from keras_srgan.backend.arithmetic import precision_note, settle
    from keras_srgan.files import write_text
    from keras_srgan.train.callbacks.checkpoint import Interrupted
    from keras_srgan.train.loop import train
    from keras_srgan.train.resume import recover
    from keras_srgan.train.run import Run

    recipe = settle(recipe)
    minutes, first = arguments.checkpoint_minutes, {name: where.get(name) for name in FIRST}
    run = Run(
        recipe, train_images, val_images, folder, data, **first, checkpoint_minutes=minutes, log=log, replicas=replicas
    )
    if arguments.dry_run:
        from keras_srgan.train.plan import describe_plan

        log(describe_plan(run))
        return 0
    record = {"arguments": where, "recipe": dataclasses.asdict(recipe), "command": " ".join(sys.argv[1:])}
    if not arguments.resume:
        write_text(folder / "run.json", json.dumps(record, indent=2) + "\n")
    elif replicas.chief and (before := _moved(arguments, where)):
        try:
            recover(run)
        except ValueError as error:
            raise ValueError(f"{error}; it began with {before}") from None
        saved = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        write_text(folder / "run.json", json.dumps({**saved, "arguments": where}, indent=2) + "\n")
    device += f", shared by {replicas.describe()}" if replicas.count > 1 else ""
    log(
        f"recipe {recipe.name}, {run.steps} steps of {recipe.batch} patches an epoch; {device}; "
        f"{recipe.precision}{', XLA' if recipe.xla else ''}; run folder {folder}"
    )
    if note := precision_note(recipe.precision):
        log(note)
    started = time.monotonic()
    try:
        train(run, resume=bool(arguments.resume))
    except Interrupted:
        log(f"interrupted; everything is saved: keras-srgan train --resume {folder}")
        return 130
    except Exception as error:  # TensorFlow wraps what reading a shard raised
        if failure := getattr(train_images, "failure", None):
            raise failure from None
        if replicas.hosts > 1 and replicas.lost(error):
            where_to = arguments.resume or arguments.out or (folder if replicas.chief else "the chief's run folder")
            raise RuntimeError(
                f"host {replicas.host} of {replicas.hosts}: a step that the hosts share failed, as when one of them is "
                f"lost ({type(error).__name__}); start all again, with --resume {where_to}"
            ) from error
        raise
    log(
        f"\ndone in {(time.monotonic() - started) / 60:.1f} minutes: weights {run.weights_path('adversarial').name}, "
        f"curves.png, contact_sheet.png, previews/, log.csv, table.md in {folder}\n"
        f"next: keras-srgan upscale IMAGE --weights {folder} --out sharpened/"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
