"""`python -m keras_srgan.train`: trains a recipe. Arguments and printing only; `training.py` does the work."""

import contextlib
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from keras_srgan.command import Parser, add_recipe_flags, recipe_changes, run_safely, start_quietly
from keras_srgan.recipes import RECIPES, SAMPLE, Recipe, find_recipe, read_config
from keras_srgan.replicas import HOSTS, Replicas, find, read_hosts

DEFAULT = "xray-srgan-plus"
HELD_OUT = (224, 544, 384, 256)  # top, left, height, width, px of the reduced sample
SAMPLE_TILE = 128
FIRST = ("init", "init_discriminator")
FOLDERS = ("data", "data_lr", "val", "val_lr")


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog="keras-srgan train",
        description="Trains a super-resolution network: a content stage, then an adversarial stage. Without --data, on "
        "the chest radiograph RG1 of pydicom-data, in minutes on a CPU.",
    )
    parse.add_argument("--data", metavar="DIR", help="folder of PNG, JPEG, TIFF or DICOM, any depth, or shards")
    parse.add_argument("--data-lr", metavar="DIR", help="LR images of --data, matched by name [made from --data]")
    parse.add_argument("--val", metavar="DIR", help="folder of validation images [a split of --data by patient]")
    parse.add_argument("--val-lr", metavar="DIR", help="LR images of --val")
    parse.add_argument("--recipe", metavar="NAME", help=f"one of {', '.join(RECIPES)} [{DEFAULT}]")
    parse.add_argument("--config", metavar="FILE.toml", help="overrides of recipe fields, below the flags")
    parse.add_argument("--out", metavar="RUN", help="run folder, new or empty [runs/NAME-DATE-TIME]")
    parse.add_argument("--resume", metavar="RUN", help="go on with a run, exactly; takes its data and recipe from it")
    parse.add_argument("--init", metavar="WEIGHTS", help="first weights of the generator: a name, file or run folder")
    parse.add_argument("--init-discriminator", metavar="WEIGHTS", help="the same of the discriminator [a new one]")
    parse.add_argument("--licence", default="not stated", help="licence of the data, for the card [not stated]")
    parse.add_argument("--strict", action="store_true", help="stop at a file that can't be used [skip and name it]")
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
        except (OSError, ValueError, KeyError, TypeError):
            raise ValueError(f"{folder}: not a run folder of this program (no readable run.json)") from None
        if arguments.recipe and arguments.recipe != recipe.name:
            raise ValueError(f"{folder}: a run of recipe {recipe.name!r}, not {arguments.recipe!r}; omit --recipe")
        for name in (*FOLDERS, *FIRST):
            if (given := getattr(arguments, name)) and where.get(name) not in (given, str(Path(given).resolve())):
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"{folder}: began with {flag} {where.get(name)}; omit {flag}")
        for name, value in changes.items():
            if getattr(recipe, name) != value:
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
    where = {name: getattr(arguments, name) for name in (*FOLDERS, *FIRST, "licence", "strict")}
    for name in FOLDERS:
        if where[name] and "://" not in where[name]:
            where[name] = str(Path(where[name]).resolve())
    return recipe.replace(**changes), where


def load_data(recipe: Recipe, where: dict, say):
    """Training images, validation images, and the card's note of them."""
    from keras_srgan.data import sources
    from keras_srgan.data.paired import load_pairs
    from keras_srgan.data.shards import holds_shards, load_shards, locate

    check_folders(recipe, where)
    if not where["data"]:
        image = sources.sample_radiograph(reduce=2)
        tiles, held_out = sources.tile_sample(image, SAMPLE_TILE, HELD_OUT)
        top, left, h, w = HELD_OUT
        say(
            f"no --data: training on the embedded chest radiograph RG1 of pydicom-data, 16-bit, reduced by 2 to "
            f"{image.pixels.shape[1]}x{image.pixels.shape[0]}: {len(tiles)} tiles; held out: {w}x{h} px "
            f"at ({left}, {top})"
        )
        return tiles, [held_out], {"set": "RG1 of pydicom-data, reduced by 2", "licence": "pydicom-data: MIT"}

    def warn(text):
        print(f"keras-srgan train: {text}", file=sys.stderr)

    def load(hr, lr, part):
        options = dict(channels=recipe.channels, min_size=recipe.patch, strict=where["strict"], warn=warn)
        options["memory_gb"] = recipe.memory_gb
        if lr:
            return load_pairs(hr, lr, recipe.scale, **options)
        if holds_shards(hr):
            return load_shards(hr, part, **options, frame=recipe.frame_size)
        return sources.load_folder(hr, **options, frame=recipe.frame_size)

    images = load(where["data"], where.get("data_lr"), "train")
    if where["val"]:
        train, val = images, load(where["val"], where.get("val_lr"), "val")
    elif holds_shards(where["data"]):
        train, val = images, load(locate(where["data"])[0], None, "val")
    else:
        train, val = sources.split(images, recipe.val_fraction, recipe.seed)
    say(f"{len(train)} training and {len(val)} validation images from {where['data']}")
    return train, val, {"set": Path(where["data"]).name, "licence": where["licence"]}


def check_folders(recipe: Recipe, where: dict) -> None:
    """Refuses folders that don't go together."""
    data_lr, val_lr = where.get("data_lr"), where.get("val_lr")
    if data_lr and not where["data"]:
        raise ValueError("--data-lr holds LR images of --data: give both")
    if where["val"] and bool(data_lr) != bool(val_lr) or (val_lr and not where["val"]):
        raise ValueError("--val-lr goes with --val and --data-lr: give all three, or --data-lr alone")
    if recipe.scale == 1 and not data_lr:
        raise ValueError("scale 1 needs pairs of equal size: give --data and --data-lr, two folders matched by name")
    if recipe.frame and (data_lr or not where["data"]):
        raise ValueError(f"frame {recipe.frame} is for --data without --data-lr: give --frame ''")


def new_folder(arguments, recipe: Recipe) -> Path:
    """The run folder; an existing one must be empty."""
    folder = Path(arguments.out or f"runs/{recipe.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: exists and is not empty; give another --out, or --resume {folder}")
    return folder


def main(arguments: list[str] | None = None) -> int:
    parsed = parser().parse_args(arguments)
    status = run_safely("keras-srgan train", lambda: work(parsed))
    if status and len(read_hosts(os.environ.get(HOSTS)).addresses) > 1:
        sys.stdout.flush()
        os._exit(status)  # an engine's own end waits for the other hosts
    return status


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


def work(arguments) -> int:
    recipe, where = resolve(arguments)
    replicas = find(arguments.devices, recipe.batch if recipe.xla else 1)  # op by op, parts of a CPU only wait
    with run_folder(arguments, recipe, replicas.chief) as folder:
        return work_in(folder, arguments, recipe, where, replicas)


def work_in(folder: Path, arguments, recipe: Recipe, where: dict, replicas: Replicas) -> int:
    def say(text: str) -> None:
        if replicas.chief:
            print(text, flush=True)

    device = start_quietly(feeds=True, start=replicas.start)
    train_images, val_images, data = load_data(recipe, where, say)
    from keras_srgan.callbacks import Interrupted
    from keras_srgan.files import write_text
    from keras_srgan.training import Run, train

    minutes, first = arguments.checkpoint_minutes, {name: where.get(name) for name in FIRST}
    run = Run(
        recipe, train_images, val_images, folder, data, **first, checkpoint_minutes=minutes, say=say, replicas=replicas
    )
    if arguments.dry_run:
        from keras_srgan.cost import plan

        say(plan(run))
        return 0
    if not arguments.resume:
        record = {"arguments": where, "recipe": dataclasses.asdict(recipe), "command": " ".join(sys.argv[1:])}
        write_text(folder / "run.json", json.dumps(record, indent=2) + "\n")
    device += f", shared by {replicas.words()}" if replicas.count > 1 else ""
    say(f"recipe {recipe.name}, {run.steps} steps of {recipe.batch} patches an epoch; {device}; run folder {folder}")
    started = time.monotonic()
    try:
        train(run, resume=bool(arguments.resume))
    except Interrupted:
        say(f"interrupted; everything is saved: keras-srgan train --resume {folder}")
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
    say(
        f"\ndone in {(time.monotonic() - started) / 60:.1f} minutes: weights {run.weights_path('adversarial').name}, "
        f"curves.png, contact_sheet.png, previews/, log.csv, table.md in {folder}\n"
        f"next: keras-srgan upscale IMAGE --weights {folder} --out sharpened/"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
