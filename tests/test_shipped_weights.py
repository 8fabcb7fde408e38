"""The weights that are shipped, their cards, and the pages about them."""

import json
import re
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from keras_srgan.evaluate.sample_check import check_psnr
from keras_srgan.inference import load
from keras_srgan.weights import cards, find_discriminator

ROOT = Path(__file__).parents[1]


def test_the_page_of_the_weights_is_what_the_cards_say():
    page = (ROOT / "weights" / "README.md").read_text(encoding="utf-8")
    cards = runpy.run_path(str(ROOT / "benchmarks" / "cards.py"))
    assert cards["BEGIN"] + cards["render"](cards["read_cards"]()) + cards["END"] in page


def table_of(text: str) -> list[dict[str, str]]:
    """The first table of a text: a dictionary a row."""
    lines = re.search(r"^\|.*?(?=^[^|]|\Z)", text, re.DOTALL | re.MULTILINE)[0].splitlines()
    titles, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line]
    return [dict(zip(titles, row, strict=True)) for row in rows]


def test_the_tables_of_the_readmes_are_what_the_cards_say():
    small = table_of((ROOT / "README.md").read_text(encoding="utf-8"))
    full = table_of((ROOT / "weights" / "README.md").read_text(encoding="utf-8").split("## Results")[1])
    assert len(small) == 5
    said = {}
    for path in cards():
        bicubic, own = json.loads(path.read_text(encoding="utf-8"))["figures"]["table"]
        for figures in (bicubic, own):
            value = {name: figures[name]["mean"] for name in ("psnr", "ssim", "lpips", "consistency", "sharpness")}
            said[figures["method"]] = {
                "PSNR, dB": f"{value['psnr']:.2f}",
                "over bicubic": f"{value['psnr'] - bicubic['psnr']['mean']:+.2f}",
                "SSIM": f"{value['ssim']:.4f}",
                "LPIPS (lower is better)": f"{value['lpips']:.3f}",
                "LR consistency, grey levels": f"{value['consistency']:.2f}",
                "sharpness": f"{value['sharpness']:.0%}",
            }
    assert said.keys() <= {row["method"] for row in full} and {row["weights"] for row in small} <= said.keys()
    for row in full + small:
        figures = said.get(row.get("method") or row["weights"], {})
        assert figures.items() & row.items() == {each for each in figures.items() if each[0] in row}, row


def test_every_shipped_card_loads_and_matches_its_weights():
    for card in cards():
        upscaler = load(card.stem)
        assert upscaler.card["name"] == card.stem
        json.loads(card.read_text())


def test_a_card_may_name_the_pretrained_weights():
    mixed, pretrained = load("xray-srgan", alpha=0.0), load("xray-srresnet")
    assert mixed.card["pretrained_sha256"] == pretrained.card["sha256"]
    for a, b in zip(mixed.generator.variables, pretrained.generator.variables, strict=True):
        np.testing.assert_array_equal(np.array(a), np.array(b))


def test_weights_are_found_without_keras():
    code = "import sys, keras_srgan.weights; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


CARDS = cards()


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_shipped_weights_reproduce_their_card(path):
    card = json.loads(path.read_text(encoding="utf-8"))
    assert card["data"]["licence"] and card["hardware"] and card["command"].startswith("python -m keras_srgan.train")
    assert {"bicubic", card["name"]} <= {row["method"] for row in card["figures"]["table"]}
    patches = Counter()
    for part in card["curve"]:
        patches[f"{part['stage']}_patches"] += part["patches"] * len(part["val_psnr"])
    assert patches == {name: count for name, count in card["budget"].items() if name.endswith("patches")}
    if judge := card.get("discriminator"):
        assert find_discriminator(path.stem)[0].name == judge["file"]
    measured = check_psnr(load(path.stem))
    assert measured["bicubic"] == pytest.approx(card["check"]["bicubic"], abs=0.01)
    assert measured["psnr"] == pytest.approx(card["check"]["psnr"], abs=0.01)
