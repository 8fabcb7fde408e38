"""The report page: what it says, that no name can break it, and how it looks in a real browser."""

import base64
import math
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from keras_srgan.evaluate.evaluation import Evaluation
from keras_srgan.evaluate.report.gallery import error_scale
from keras_srgan.evaluate.report.html import html, number, percent, verdict, write_html
from keras_srgan.evaluate.report.plots import pairs, write_plots
from keras_srgan.evaluate.summary import summarise

METRICS = {
    "psnr": {"label": "PSNR", "unit": "dB", "better": "higher", "digits": 2},
    "ssim": {"label": "SSIM", "unit": "", "better": "higher", "digits": 4},
    "lpips": {"label": "LPIPS", "unit": "", "better": "lower", "digits": 4},
}
NASTY = "<script>alert(1)</script>\"'&$_\udcff.png"


def make(gain=2.0, images=8, network="network", first="a.png", missing=()):
    """An evaluation of bicubic, nearest and a network that gains `gain` dB."""
    rng, rows = np.random.default_rng(3), []
    methods = ["bicubic", "nearest", network]
    for i in range(images):
        level = 36 + rng.normal()
        for method, shift in zip(methods, (0, -2, gain), strict=True):
            value = math.nan if i in missing else level + shift + 0.1 * rng.normal()
            row = {"image": first if i == 0 else f"{i}.png", "method": method, "psnr": value}
            rows.append({**row, "ssim": value / 40, "lpips": 0.3 - shift / 50})
    summary, extremes = summarise(rows, methods, METRICS)
    original = rng.integers(60, 180, (24, 32)).astype("uint8")
    versions = {"original": original, "bicubic": original + 9, "nearest": original - 20, network: original + 2}
    return Evaluation(
        protocol={
            "name": "cxr",
            "text": "Protocol cxr, x4: whole images. Border: 4 px.",
            "scale": 4,
            "channel": "gray",
        },
        methods=methods,
        metrics=METRICS,
        rows=rows,
        summary=summary,
        extremes=extremes,
        gallery=[{"image": first, "crop": [8, 16, 24, 32], "versions": versions}],
        classifier=[
            {
                "name": f"d on {network}",
                "accuracy": 0.75,
                "precision": 0.8,
                "recall": 2 / 3,
                "f1": 0.7272,
                "auc": math.nan,
            }
            | {"confusion": [[51, 9], [22, 38]], "real": 60, "fake": 60}
        ],
        provenance={
            "command": "python -m keras_srgan.evaluate --data x",
            "versions": {"keras": "3.15.0"},
            "weights": {network: "ab12" * 16},
            "images": images,
            "skipped": [],
            "image_list_sha256": "cd34" * 16,
            "date": "2025-01-31T12:00:00+00:00",
        },
    )


class Outline(HTMLParser):
    """What a page holds: tags with their attributes, and its words."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.open = [], "", []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words += data + " "


def test_the_page_says_what_the_evaluation_found():
    evaluation = make()
    page = html(evaluation)
    said = " ".join(Outline(page).words.split())
    psnr = evaluation.summary[2]["psnr"]
    gain = evaluation.summary[2]["against_bicubic"]["psnr"]
    for what in (
        f"network: +{gain['mean']:.2f} dB over bicubic, 100% of 8 images improved.",
        f"{psnr['mean']:.2f} {psnr['low']:.2f} to {psnr['high']:.2f}",
        f"+{gain['mean']:.2f} +{gain['low']:.2f} to +{gain['high']:.2f} 100% improved",
        "Protocol cxr, x4: whole images. Border: 4 px.",
        "Not for diagnosis",
        "python -m keras_srgan.evaluate --data x",
        "ab12" * 16,
        "cd34" * 16,
        "2025-01-31",
        "keras 3.15.0",
        "channel gray",
        "24 rows",
        "mean error 9.0",
        "generated 51 9",
        "real 22 38",
    ):
        assert what in said, what
    assert "nearest: " not in said.split("Not for diagnosis")[0]


def test_best_and_worst_stand_in_order_with_their_gains():
    evaluation = make()
    gains = {name: value - base for name, base, value in pairs(evaluation, "psnr", "network")}
    part = html(evaluation).split("<span>network: the images where it gains most")[1].split("</table>")[0]
    found = re.findall(r'<th scope="row">(.*?)</th><td>(\w+)</td><td>(.*?) dB', part)
    order = sorted(gains, key=gains.get)
    assert [row[0] for row in found] == order[::-1][:5] + order[:5]
    assert [row[2] for row in found] == [f"{gains[row[0]]:+.2f}" for row in found]


def test_it_is_one_file_without_addresses_and_the_same_each_time(tmp_path):
    evaluation = make()
    path = write_html(evaluation, tmp_path / "new")
    assert path == tmp_path / "new" / "report.html"
    page = path.read_text(encoding="utf-8")
    assert html(evaluation) == page
    outside = [
        value
        for _, attributes in Outline(page).tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "action") and not value.startswith(("data:", "#"))
    ]
    assert outside == [] and "@import" not in page and re.findall(r"url\((?!#)", page) == []
    assert "default-src 'none'" in page and "script-src 'none'" in page


def test_names_can_not_break_out_of_the_page():
    page = html(make(network="$x_{<b>}$ \"'&", first=NASTY))
    outline = Outline(page)
    tags = [tag for tag, _ in outline.tags]
    assert "script" not in tags and outline.open == []
    assert outline.words.count("<script>alert(1)</script>\"'&$_\\udcff.png") >= 4
    assert "$x_{<b>}$" in outline.words
    alt = [
        attributes["alt"] for tag, attributes in outline.tags if tag == "img" and attributes["alt"].startswith("<scr")
    ]
    assert len(alt) == 7  # four versions and three error maps
    page.encode("utf-8")


def test_headings_tables_and_pictures_are_told_to_those_who_do_not_see_them():
    tags = Outline(html(make())).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    assert ("html", {"lang": "en"}) in tags
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table") >= 6
    assert all(each.get("scope") in ("row", "col") for tag, each in tags if tag == "th")
    assert all(each.get("alt") for tag, each in tags if tag == "img")
    drawn = [each for tag, each in tags if tag == "svg"]
    assert len(drawn) == 5 and all(each["role"] == "img" and each["aria-label"] for each in drawn)
    used = [each["id"] for _, each in tags if "id" in each]
    assert len(used) == len(set(used))
    assert all(each["href"][1:] in used for tag, each in tags if tag == "a")


@pytest.mark.parametrize("missing", [(2,), range(8)])
def test_figures_that_are_missing_are_dashes(missing):
    said = Outline(html(make(missing=missing))).words
    assert "nan" not in said.lower() and "–" in said
    assert ("of 7 images improved" in said) is (len(missing) == 1)


def test_an_evaluation_without_originals_has_a_page_too(tmp_path):
    evaluation = make()
    evaluation.metrics = {
        "consistency": {"label": "LR consistency", "unit": "grey levels", "better": "lower", "digits": 2}
    }
    evaluation.rows = [{"image": "a.png", "method": m, "consistency": 0.25} for m in evaluation.methods]
    evaluation.summary, evaluation.extremes = summarise(evaluation.rows, evaluation.methods, evaluation.metrics)
    evaluation.classifier = []
    del evaluation.gallery[0]["versions"]["original"]
    said = Outline(html(evaluation)).words
    assert "LR consistency" in said and "error" not in said and "Confusion" not in said and "Best" not in said
    assert [path.name for path in write_plots(evaluation, tmp_path)] == ["violin.png"]


def test_a_difference_whose_interval_holds_zero_is_no_victory():
    assert "no clear difference from bicubic" in verdict(make(gain=0.0))[0]
    assert "over bicubic" in verdict(make(gain=-1.0))[0] and "−1.0" in verdict(make(gain=-1.0))[0]


def test_figures_and_shares_are_not_rounded_into_something_else():
    assert [number(v, 2, True) for v in (1.234, -0.004, math.nan, math.inf, None)] == ["+1.23", "0.00", "–", "∞", "–"]
    assert number(-1.5, 1) == "−1.5"
    assert [percent(v) for v in (1, 0, 0.9999, 0.0001, 0.5, math.nan)] == ["100%", "0%", "99.9%", "0.1%", "50%", "–"]


def test_the_error_maps_share_one_scale_and_the_crops_one_stretch():
    evaluation = make()
    assert error_scale(evaluation.gallery) == 20  # nearest is 20 grey levels off everywhere
    images = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"', html(evaluation))
    decoded = {
        alt: cv2.imdecode(np.frombuffer(base64.b64decode(uri), "uint8"), cv2.IMREAD_UNCHANGED) for uri, alt in images
    }
    maps = {alt.split(":")[0].split()[-1]: each for alt, each in decoded.items() if "error map" in alt}
    assert maps["nearest"].mean() > 150 > maps["bicubic"].mean() > maps["network"].mean() > 0
    original, bicubic = decoded["a.png, crop: original"].astype(int), decoded["a.png, crop: bicubic"].astype(int)
    assert original.shape == (24, 32) and original.min() == 0 and original.max() == 255
    inside = (original > 0) & (bicubic < 255)
    assert np.ptp((bicubic - original)[inside]) <= 2 and (bicubic - original)[inside].mean() > 9


def test_the_scatter_holds_a_mark_for_each_image_and_method(tmp_path):
    page = html(make(images=6))
    scatter = page.split('aria-label="PSNR of every image, a scatter plot')[1].split("</svg>")[0]
    ticks = re.findall(r'<use xlink:href="#(\w+)"[^>]*style="[^"]*fill: (#\w+)', scatter)
    assert {colour: sum(each[1] == colour for each in ticks) for _, colour in ticks} == {
        "#2a7fc4": 6 + 1,
        "#d55e00": 6 + 1,
    }
    assert "currentColor" in scatter and "bicubic" in scatter and "network" in scatter
    first, second = write_plots(make(), tmp_path / "a"), write_plots(make(), tmp_path / "b")
    assert [path.name for path in first] == ["scatter.png", "violin.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_many_images_stay_a_small_page():
    rows = [
        {"image": f"{i}.png", "method": m, "psnr": 30 + i % 7 + (m == "n"), "ssim": 0.9, "lpips": 0.1}
        for i in range(2500)
        for m in ("bicubic", "n")
    ]
    evaluation = make()
    evaluation.rows, evaluation.methods = rows, ["bicubic", "n"]
    evaluation.summary, evaluation.extremes = summarise(rows, evaluation.methods, METRICS)
    page = html(evaluation)
    assert len(page) < 2_000_000 and "The first 1500 of 5000 rows" in page and "data:image/png" in page
