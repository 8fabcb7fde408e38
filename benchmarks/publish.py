"""Moves a run's weights into `weights/`, and what an evaluation measured into their cards.

    python benchmarks/publish.py --run RUN --note note.toml [--mix 0.5] [--pretrained-name NAME] [--discriminator]
    python -m keras_srgan.evaluate --data TEST --weights NAME NAME-pretrained NAME-sharp --report REPORT
    python benchmarks/publish.py --report REPORT && python benchmarks/cards.py

`note.toml` says what a run cannot know: `command`, `hardware`, `intended_use`, `limits`, and in `[data]` `set`,
`licence`, `attribution`, `test`. With `--mix T`, NAME is the interpolation (1 - T) * NAME-pretrained + T * adversarial
weights, and NAME-sharp the adversarial weights themselves. `--pretrained-name` renames NAME-pretrained;
`--discriminator` adds NAME-discriminator, which NAME's card describes. A card's `check` is PSNR on a piece of the
embedded radiograph, which `tests/test_shipped_weights.py` measures again.
"""

import argparse
import json
import shutil
import tomllib
from pathlib import Path

from keras_srgan.cli import start_quietly  # noqa: E402

start_quietly()

from keras_srgan.evaluate.sample_check import check_psnr  # noqa: E402
from keras_srgan.files import sha256, write_text  # noqa: E402
from keras_srgan.inference import load  # noqa: E402
from keras_srgan.weights import SUFFIX, card_path, find_discriminator, save_weights, weights_folder  # noqa: E402


def place(run: Path, note: dict, mix: float | None, renamed: str | None, discriminator: bool) -> None:
    """Weights and cards of a run into `weights/`."""
    for source in sorted(run.glob(f"*{SUFFIX}")):
        name = source.name.removesuffix(SUFFIX)
        adversarial = (run / f"{name}-pretrained{SUFFIX}").is_file()
        kinds = {name: mix, f"{name}-sharp": None} if adversarial and mix is not None else {name: None}
        if renamed and name.endswith("-pretrained"):
            kinds = {renamed: None}
        for kind, alpha in kinds.items():
            card = json.loads(card_path(source).read_text(encoding="utf-8"))
            card["validation"] = card.pop("figures")
            card["data"] |= note["data"]
            if card["recipe"]["features_weights"] not in ("auto", "bundled", "imagenet"):
                card["recipe"]["features_weights"] = "auto"  # a file of the machine that trained
            if adversarial and renamed:
                card["pretrained"] = renamed
            if adversarial and discriminator:
                judge = weights_folder() / f"{name}-discriminator{SUFFIX}"
                shutil.copyfile(find_discriminator(run)[0], judge)
                card["discriminator"] = {"file": judge.name, "sha256": sha256(judge)}
            card |= {key: note[key] for key in ("command", "hardware", "intended_use", "limits")} | {"name": kind}
            card["limits"] += "; invents texture" if card["stage"] == "adversarial" else "; smooths what it cannot tell"
            if alpha is not None:
                card["interpolated"] = f"{1 - alpha:g} * {name}-pretrained + {alpha:g} * {name}-sharp"
                del card["validation"]  # it is of the weights that were mixed
            upscaler = load(source, alpha)
            target = save_weights(upscaler.generator, weights_folder() / f"{kind}{SUFFIX}", card)
            measured = check_psnr(load(target))
            card = json.loads(card_path(target).read_text(encoding="utf-8")) | {"check": measured}
            write_text(card_path(target), json.dumps(card, indent=2, ensure_ascii=False) + "\n")
            print(f"{target.name}: check {measured}")


def fill(report: Path) -> None:
    """The figures of a report into the cards of the weights that it measured."""
    found = json.loads((report / "report.json").read_text(encoding="utf-8"))
    origin = found["provenance"]
    for name, known in origin["weights"].items():
        path = weights_folder() / f"{name}.json"
        card = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if card.get("sha256") != known:
            continue
        card["figures"] = {
            "protocol": found["protocol"]["text"],
            "images": origin["images"],
            "image_list_sha256": origin["image_list_sha256"],
            "table": [row for row in found["summary"] if row["method"] in ("bicubic", name)],
        }
        write_text(path, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
        print(f"{path.name}: {card['figures']['table'][-1]['psnr']['mean']:.2f} dB")


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--run", type=Path, help="run folder")
    parse.add_argument("--note", type=Path, help="TOML file, with --run")
    parse.add_argument("--mix", type=float, help="share of the adversarial weights in NAME [all]")
    parse.add_argument("--pretrained-name", metavar="NAME", help="name of the content stage's weights [as in the run]")
    parse.add_argument("--discriminator", action="store_true", help="the discriminator too")
    parse.add_argument("--report", type=Path, help="folder of report.json, of weights in weights/")
    arguments = parse.parse_args()
    if arguments.run:
        note = tomllib.loads(arguments.note.read_text(encoding="utf-8"))
        place(arguments.run, note, arguments.mix, arguments.pretrained_name, arguments.discriminator)
    if arguments.report:
        fill(arguments.report)


if __name__ == "__main__":
    main()
