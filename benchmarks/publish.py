"""Moves a run's weights into `weights/`, with cards that hold what an evaluation measured.

    python -m keras_srgan.evaluate --data TEST --weights RUN/A.weights.h5 RUN/B.weights.h5 --report REPORT
    python benchmarks/publish.py --run RUN --report REPORT --note note.toml

`note.toml` says what a run cannot know: `command`, `hardware`, `intended_use`, and in `[data]` `set`, `licence`,
`attribution`, `test`.
The card's `check` is PSNR on a piece of the embedded radiograph, which `tests/test_weights.py` measures again.
"""

import argparse
import json
import shutil
import tomllib
from pathlib import Path

from keras_srgan.command import quiet_tensorflow

quiet_tensorflow()

from keras_srgan.checks import check_psnr  # noqa: E402
from keras_srgan.files import write_text  # noqa: E402
from keras_srgan.weights import SUFFIX, card_path, load  # noqa: E402


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--run", required=True, type=Path, help="run folder")
    parse.add_argument("--report", required=True, type=Path, help="folder of report.json, of the same weights")
    parse.add_argument("--note", required=True, type=Path, help="TOML file")
    parse.add_argument("--out", type=Path, default=Path("weights"))
    arguments = parse.parse_args()
    note = tomllib.loads(arguments.note.read_text(encoding="utf-8"))
    report = json.loads((arguments.report / "report.json").read_text(encoding="utf-8"))
    for source in sorted(arguments.run.glob(f"*{SUFFIX}")):
        card = json.loads(card_path(source).read_text(encoding="utf-8"))
        if card["sha256"] not in report["provenance"]["weights"].values():
            raise SystemExit(f"{source}: the report is of other weights")
        card["validation"] = card.pop("figures")
        card["data"] |= note["data"]
        card |= {name: note[name] for name in ("command", "hardware", "intended_use")}
        own = next(name for name, value in report["provenance"]["weights"].items() if value == card["sha256"])
        rows = [row for row in report["summary"] if row["method"] in ("bicubic", own)]
        card["figures"] = {
            "protocol": report["protocol"]["text"],
            "images": report["provenance"]["images"],
            "image_list_sha256": report["provenance"]["image_list_sha256"],
            "table": [{**row, "method": card["name"] if row["method"] == own else "bicubic"} for row in rows],
        }
        target = arguments.out / source.name
        shutil.copyfile(source, target)
        write_text(card_path(target), json.dumps(card, indent=2) + "\n")
        card["check"] = check_psnr(load(target))
        write_text(card_path(target), json.dumps(card, indent=2, ensure_ascii=False) + "\n")
        print(f"{target}: {card['figures']['table'][-1]['psnr']['mean']:.2f} dB, check {card['check']}")


if __name__ == "__main__":
    main()
