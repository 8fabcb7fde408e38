"""Trains recipes at one budget, measures them, and prints a table.

    python -m keras_srgan.train.comparison --data TRAIN --vgg19 FILE --out RUNS --test cxr=TEST natural-y=SET5

A recipe trains on at most `--patches` patches, or as many as `--tflop` of counted arithmetic allow, whichever is less;
one with a discriminator spends a third of it on its adversarial stage. So the budget is the same on every machine. What
is done already (RUNS/NAME) is skipped, a run that was stopped goes on where it stood, and a recipe that cannot train
here is named with the reason. A recipe whose images cost more than twice the budget is measured on fewer of them, at
least two: compare its gain over bicubic on the same images. Minutes include the compilation of the steps.
"""

import argparse
import functools
import json
import subprocess
import sys
from pathlib import Path

from keras_srgan.cli import Parser, run_safely, start_quietly
from keras_srgan.files import write_text
from keras_srgan.recipes import RECIPES, Recipe

PROGRAM = "keras_srgan.train.comparison"
METRICS = ("psnr", "ssim", "lpips", "consistency", "seconds")
BATCH, EPOCHS, ADVERSARIAL = 8, 3, 1 / 3
IMAGE = 0.26  # megapixels of a test radiograph
HEAD = (
    "| recipe | patches (minutes) | parameters | GFLOP/MP | PSNR, dB | over bicubic | SSIM | LPIPS | consistency | "
    "s an image | images |",
    "|" + " --- |" * 11,
)


@functools.cache
def figures(recipe: Recipe) -> tuple[str, str, str]:
    """A generator's parameters, GFLOP for a megapixel of output, and the LR pixels that it looks across."""
    from keras_srgan.networks.description import describe

    return describe(recipe)


def budget(recipe: Recipe, patches: int, tflop: float) -> dict[str, int]:
    """The recipe's fields that make it train at the budget: whole epochs of whole batches."""
    from keras_srgan.train.plan import training_cost

    cost = training_cost(recipe)
    stages = {"pretrain_epochs": (1 - ADVERSARIAL, cost.pretrain), "epochs": (ADVERSARIAL, cost.adversarial)}
    if recipe.discriminator == "none":
        stages = {"pretrain_epochs": (1.0, cost.pretrain)}
    counts = {name: min(share * patches, share * tflop * 1e12 / work) for name, (share, work) in stages.items()}
    an_epoch = min(counts["pretrain_epochs"] / EPOCHS, *counts.values())
    an_epoch = max(BATCH, int(an_epoch) // BATCH * BATCH)
    fields = {name: max(1, round(count / an_epoch)) for name, count in counts.items()}
    return {"epochs": 0} | fields | {"patches_per_epoch": an_epoch}


def train(name: str, arguments: argparse.Namespace) -> Path:
    """Trains a recipe as its user would; returns the run folder."""
    run, recipe = arguments.out / name, RECIPES[name]
    if (run / "table.md").is_file():
        return run
    command = [sys.executable, "-m", "keras_srgan.train"]
    if (run / "run.json").is_file():
        command += ["--resume", str(run)]
    else:
        fields: dict[str, float] = {**budget(recipe, arguments.patches, arguments.tflop), "batch": BATCH, "warmup": 20}
        fields |= {"val_images": 2, "val_fraction": 0.008}  # the test set judges
        command += ["--data", str(arguments.data), "--recipe", name, "--out", str(run), "--lr-decay", "cosine"]
        if recipe.features == "vgg19" and arguments.vgg19 and recipe.features_weights == "auto":
            command += ["--features-weights", str(arguments.vgg19)]
        for field, value in fields.items():
            command += [f"--{field.replace('_', '-')}", str(value)]
        command += ["--no-xla"] * arguments.no_xla
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    return run


def measure(run: Path, protocol: str, folder: str, most: int) -> list[dict]:
    """The rows of an evaluation of a run: bicubic, its pretrained weights, its weights."""
    report = run / f"report-{protocol}"
    if not (report / "report.json").is_file():
        weights = sorted(str(path) for path in run.glob("*.weights.h5"))
        command = [sys.executable, "-m", "keras_srgan.evaluate", "--data", folder, "--protocol", protocol, "--report"]
        command += [str(report), "--most", str(most), "--metrics", *METRICS, "--weights", *weights]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads((report / "report.json").read_text(encoding="utf-8"))["summary"]


def row(name: str, run: Path | None, base: dict, summary: dict) -> str:
    """A line of the table; `base` is bicubic on the same images."""
    cells = [f"{summary[metric]['mean']:.{digits}f}" for metric, digits in zip(METRICS, (2, 4, 3, 2, 2), strict=True)]
    cells.insert(1, f"{summary['psnr']['mean'] - base['psnr']['mean']:+.2f}" if run else "-")
    about = [trained(run), *figures(Recipe.from_dict(card_of(run)["recipe"]))[:2]] if run else ["-"] * 3
    return f"| {' | '.join([summary['method'], *about, *cells, str(summary['psnr']['n'])])} |"


def card_of(run: Path) -> dict:
    """The card of a run's last weights; in a folder of train_systems.py a run has a name of its own."""
    cards = [path for path in run.glob("*.json") if (run / f"{path.stem}.weights.h5").is_file()]
    return json.loads(min(cards, key=lambda path: len(path.name)).read_text(encoding="utf-8"))


def trained(run: Path) -> str:
    """Patches and minutes of the stages, as the card says."""
    spent = card_of(run)["budget"]
    stages = [stage for stage in ("pretrain", "adversarial") if f"{stage}_patches" in spent]
    return " + ".join(f"{spent[f'{stage}_patches']:,} ({60 * spent[f'{stage}_hours']:.1f})" for stage in stages)


def parser() -> Parser:
    """The parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(prog=PROGRAM, description="Trains recipes at one budget, measures them, and prints a table.")
    parse.add_argument("--data", type=Path, required=True, help="folder of HR training images")
    parse.add_argument("--test", nargs="+", required=True, metavar="PROTOCOL=DIR", help="what to measure on")
    parse.add_argument("--vgg19", type=Path, help="VGG19's weights without top, where Keras cannot download them")
    parse.add_argument("--out", type=Path, default=Path("runs/compare"), help="run folders [runs/compare]")
    parse.add_argument("--patches", type=int, default=16000, help="most patches a recipe trains on [16000]")
    parse.add_argument("--tflop", type=float, default=20.0, help="most arithmetic a recipe trains with [20]")
    parse.add_argument("--no-xla", action="store_true", help="for budgets that take less time than compiling the steps")
    parse.add_argument("--most", type=int, default=12, help="test images of each set [12]")
    parse.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES), metavar="NAME")
    return parse


def main(arguments: list[str] | None = None) -> int:
    parse = parser()
    parsed = parse.parse_args(arguments)
    if wrong := next((each for each in parsed.test if "=" not in each), None):
        parse.error(f"argument --test: {wrong!r}: give PROTOCOL=DIR, as cxr=TEST")
    return run_safely(PROGRAM, lambda: work(parsed))


def work(arguments: argparse.Namespace) -> int:
    start_quietly()
    tests = dict(each.split("=", 1) for each in arguments.test)
    tables: dict[str, list[str]] = {protocol: [] for protocol in tests}
    missing = []
    for name in arguments.recipes:
        try:
            run = train(name, arguments)
        except RuntimeError as error:
            missing.append(f"- {name}: {error}")
            continue
        an_image = float(figures(RECIPES[name])[1]) * IMAGE / 1e3  # TFLOP
        most = max(2, min(arguments.most, int(2 * arguments.tflop / an_image)))
        for protocol, folder in tests.items():
            base, *rows = measure(run, protocol, folder, most)
            if not tables[protocol]:
                tables[protocol].append(row(name, None, base, base))
            tables[protocol] += [row(name, run, base, each) for each in rows]
    text = []
    for protocol, lines in tables.items():
        text += [f"Protocol {protocol}, {Path(tests[protocol]).name}:", "", *HEAD, *lines, ""]
    text += ["Not trained:", *missing] if missing else []
    write_text(arguments.out / "table.md", "\n".join(text) + "\n")
    print("\n".join(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
