"""The cards of the trained systems, and the tables of docs/model-zoo.md made of them. `train_systems.py` calls it."""

import json
import os
from pathlib import Path
from typing import Any

from keras_srgan.files import sha256, write_text
from keras_srgan.markdown import markdown_table
from keras_srgan.weights import SUFFIX, weights_folder

ROOT = Path(__file__).parents[1]
CARDS = ROOT / "benchmarks" / "systems"
PAGE = ROOT / "docs" / "model-zoo.md"
KEPT = ("psnr", "ssim", "lpips", "consistency", "sharpness", "seconds")
HEAD = ("system", "trained, patches (minutes)", "measured", "PSNR, dB", "over bicubic", "SSIM", "LPIPS")
JUDGED = ("accuracy", "precision", "recall", "f1", "auc")
BEGIN, END = "<!-- table: {} -->\n", "<!-- end of table -->\n"


def processor() -> str:
    """The processor's name and the cores that this process may use."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "a processor"
    count = len(os.sched_getaffinity(0))
    return f"{count} core{'s' * (count > 1)} of an {name}"


def collect(run: dict, folder: Path, cards: Path, hardware: str | None) -> Path:
    """Writes the card of a finished run: what was trained, from what, and what its reports say."""
    weights = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: "-pretrained" not in path.name)
    own = json.loads((folder / f"{weights[-1].name.removesuffix(SUFFIX)}.json").read_text(encoding="utf-8"))
    own["recipe"]["features_weights"] = Path(own["recipe"]["features_weights"]).name  # no path of a machine
    card: dict[str, Any] = {
        "name": run["name"],
        "run": run,
        **{key: own[key] for key in ("recipe", "init", "data", "budget", "curve", "parameters", "versions", "made")},
        "hardware": hardware or processor(),
        "weights": {path.name.removesuffix(SUFFIX): sha256(path) for path in weights},
        "tests": {},
    }
    for test in run.get("test", []):
        protocol, _, where = test.partition("=")
        where = where.split("+")[0]
        found = json.loads(
            (folder / f"report-{protocol}-{where.replace('/', '-')}" / "report.json").read_text(encoding="utf-8")
        )
        card["tests"][f"{protocol}={where}"] = {
            "protocol": found["protocol"]["text"],
            "images": found["provenance"]["images"],
            "image_list_sha256": found["provenance"]["image_list_sha256"],
            "table": [{key: row[key] for key in ("method", *KEPT) if key in row} for row in found["summary"]],
            **({"classifier": found["classifier"]} if found["classifier"] else {}),
        }
    path = cards / f"{run['name']}.json"
    write_text(path, json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    return path


def read_card(run: dict, cards: Path) -> dict | None:
    """The card of a run: its own, or that of weights of `weights/`, in the same form; `None` before it is trained."""
    if shipped := run.get("weights"):
        card = json.loads((weights_folder() / f"{shipped}.json").read_text(encoding="utf-8"))
        protocol = card["figures"]["protocol"].split()[1].strip(",")
        return card | {"weights": {shipped: card["sha256"]}, "tests": {protocol: card["figures"]}}
    path = cards / f"{run['name']}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def spent(card: dict, stage: str) -> str:
    """Patches and minutes up to a stage."""
    parts = []
    for each in ("pretrain", "adversarial"):
        if patches := card["budget"].get(f"{each}_patches"):
            parts.append(f"{patches:,} ({60 * card['budget'][f'{each}_hours']:.0f})")
        if each == stage:
            break
    return " + ".join(parts) or "-"


def lines(run: dict, card: dict | None, whole: bool) -> list[list[str]]:
    """A run's lines of a table: one for each test and each of its weights, or the last of the first test only."""
    title = f"**{run['name']}**" + (f": {run['about']}" if run.get("about") else "")
    if card is None:
        return [[title, f"not yet: `--only {run['name']}`", *["-"] * (len(HEAD) - 2)]]
    found = []
    for where, test in card["tests"].items():
        base, *rows = test["table"]
        for row in rows if whole else rows[-1:]:
            content = row["method"].endswith("-pretrained") or "adversarial_patches" not in card["budget"]
            stage = "pretrain" if content else "adversarial"
            both = len(rows) > 1
            name = title + (f", {'content stage' if content else 'adversarial stage'}" if both else "")
            name += ": **below bicubic**" if content and row["psnr"]["mean"] < base["psnr"]["mean"] else ""
            psnr, ssim, lpips = (row.get(key) for key in KEPT[:3])
            gain = psnr["mean"] - base["psnr"]["mean"]
            what = f"{where.replace('=', ', ')}, {test['images']} images, bicubic {base['psnr']['mean']:.2f}"
            figures = [f"{psnr['mean']:.2f}", f"{gain:+.2f}", f"{ssim['mean']:.4f}"]
            found.append([name, spent(card, stage), what, *figures, f"{lpips['mean']:.3f}" if lpips else "-"])
        if not whole:
            break
    return found


def render(runs: list[dict], cards: Path, paper: str = "") -> str:
    """The summary of all systems, or with `paper` every figure of a paper's.

    Raises:
        ValueError: for a paper that no run names.
    """
    chosen = [run for run in runs if paper in ("", run.get("paper"))]
    if not chosen:
        raise ValueError(f"no run of paper {paper!r}: known are {', '.join(papers(runs))}")
    found = [(run, read_card(run, cards)) for run in chosen]
    if not paper:  # what is trained comes first
        found.sort(key=lambda pair: pair[1] is None)
    body = [line for run, card in found for line in lines(run, card, bool(paper))]
    text = markdown_table(HEAD, body)
    if paper and (judged := verdicts(chosen, cards)):
        text += "\n\n" + markdown_table(("discriminator", *JUDGED), judged)
    return text


def verdicts(runs: list[dict], cards: Path) -> list[list[str]]:
    """What discriminators tell real patches from generated ones with."""
    return [
        [each["name"], *(f"{each[key]:.3f}" if each[key] is not None else "-" for key in JUDGED)]
        for run in runs
        for test in (read_card(run, cards) or {"tests": {}})["tests"].values()
        for each in test.get("classifier", [])
        if not each["name"].endswith(" on bicubic")
    ]


def papers(runs: list[dict]) -> list[str]:
    return list(dict.fromkeys(run["paper"] for run in runs if run.get("paper")))


def write_page(page: Path, runs: list[dict], cards: Path) -> None:
    """Renews the tables between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    for paper in ("", *papers(runs)):
        begin = BEGIN.format(paper or "all")
        if begin in text:
            before, after = text.split(begin, 1)
            text = before + begin + "\n" + render(runs, cards, paper) + "\n\n" + END + after.split(END, 1)[1]
    write_text(page, text)
