"""People as judges: blind crops, ratings by keyboard in a real browser, mean opinion scores."""

import base64
import csv
import dataclasses
import json
import re
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from keras_srgan.images import write_image
from keras_srgan.mos import __main__ as mos
from keras_srgan.mos.page import make_page, write_page
from keras_srgan.mos.pictures import make_crops, versions_of
from keras_srgan.mos.scores import Rating, markdown, mean_opinions
from keras_srgan.networks import build_generator
from keras_srgan.recipes import Recipe
from keras_srgan.resampling import quantise, reduce_image, resize
from keras_srgan.weights import save_weights

from ..conftest import refused


class Nearest:
    """An upscaler that repeats pixels."""

    scale, channels, halo = 4, 1, 0

    def upscale(self, lr, max_value):
        return lr.repeat(4, 0).repeat(4, 1)


@pytest.fixture
def sources(make_image):
    images = [make_image(90 + i, 110, name=f"patient-{i}.png") for i in range(5)]
    return [lambda image=image: image for image in images]


@pytest.fixture
def crops(sources):
    return make_crops(sources, {"secret-network": Nearest()}, 3, 48)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    recipe = Recipe().replace(filters=4, blocks=1)
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    return save_weights(build_generator(recipe), path, {"recipe": dataclasses.asdict(recipe)})


@pytest.fixture
def folder(make_image, tmp_path):
    for i in range(3):
        write_image(tmp_path / "data" / f"{i}.png", make_image(70, 80).pixels)
    return tmp_path / "data"


def test_crops_come_from_different_images_and_are_not_flat(make_image):
    flat = np.full((90, 110), 80, "uint8")
    flat[:48, :48] = make_image(48, 48).pixels  # one corner shows something
    images = [make_image(90, 110, name=f"{i}.png") for i in range(4)]
    black = make_image(90, 110, name="black.png")
    black.pixels[:] = 3
    images += [black, make_image(40, 110, name="small.png")]
    for seed in range(4):
        found = make_crops([lambda i=i: i for i in images], {"n": Nearest()}, 4, 48, seed)
        assert sorted(each["image"] for each in found) == ["0.png", "1.png", "2.png", "3.png"]
        assert all(each["versions"]["original"].std() > 20 for each in found)
    with pytest.raises(ValueError, match=r"only 4 of 6 image\(s\) have a 48 px crop that is not flat; 5 are needed"):
        make_crops([lambda i=i: i for i in images], {"n": Nearest()}, 5, 48)


def test_the_versions_are_those_of_the_whole_image(make_image, weights):
    import keras_srgan

    upscaler, image = keras_srgan.load(weights), make_image(400, 360, "uint16", max_value=65535)
    found = versions_of(image.pixels, 65535, (160, 148), 64, {"n": upscaler}, 4)
    lr = reduce_image(image.pixels, 4, 65535)
    whole = [image.pixels, quantise(resize(lr, 4), 65535, "uint16"), upscaler.upscale(lr)]
    cut = [each[160:224, 148:212].astype(float) for each in whole]
    low, high = np.percentile(cut[0], [0.5, 99.5])
    assert list(found) == ["original", "bicubic", "n"]
    for version, expected in zip(found.values(), cut, strict=True):
        assert version.shape == (64, 64) and version.dtype == "uint8"
        np.testing.assert_allclose(version, np.clip((expected - low) / (high - low) * 255, 0, 255), atol=0.7)


def test_the_same_seed_makes_the_same_page_and_another_one_another(sources):
    pages = [make_page(make_crops(sources, {"n": Nearest()}, 3, 48, seed), seed) for seed in (0, 0, 1)]
    assert pages[0] == pages[1] and pages[0][1]["page"] != pages[2][1]["page"]


def test_the_page_does_not_tell_which_version_is_which(crops):
    page, key = make_page(crops)
    for word in ("secret", "bicubic", "original", "patient"):
        assert word not in page.lower(), word
    shown = json.loads(re.search(r"const DATA = (.*);", page)[1])
    assert shown["page"] == key["page"] and len(shown["crops"]) == 3
    places = set()
    for crop, made in zip(shown["crops"], crops, strict=True):
        assert len(crop["versions"]) == 3
        for place, version in enumerate(crop["versions"]):
            known = key["versions"][version["id"]]
            places.add((place, known["method"]))
            png = np.frombuffer(base64.b64decode(version["src"].split(",")[1]), "uint8")
            np.testing.assert_array_equal(cv2.imdecode(png, -1), made["versions"][known["method"]])
            assert known["crop"] == crop["crop"] and known["image"] == made["image"]
    assert len(places) > 3  # not the same order in every crop


@pytest.mark.parametrize(
    "change,message",
    [
        ({"upscalers": {"bicubic": Nearest()}}, "can't be called 'bicubic'"),
        ({"upscalers": {}}, "of one scale are needed"),
        ({"crops": 0}, r"0 crop\(s\) of 48 px"),
        ({"size": 50}, "50 px"),
        ({"size": 16}, "16 px"),
    ],
)
def test_what_can_not_be_compared_is_refused(sources, change, message):
    with pytest.raises(ValueError, match=message):
        make_crops(**{"sources": sources, "upscalers": {"n": Nearest()}, "crops": 2, "size": 48} | change)


def test_mos_make_writes_page_and_key_and_names_bad_files(folder, weights, tmp_path, capsys):
    (folder / "bad.png").write_text("text")
    out = tmp_path / "judge.html"
    line = ["make", "--data", folder, "--weights", weights, "--out", out, "--crops", 3, "--size", 48, "--seed", 2]
    assert mos.main([str(each) for each in line]) == 0
    printed = capsys.readouterr()
    assert "3 crops of 48 px, 3 versions each" in printed.out and "bad.png" in printed.err
    key = json.loads((tmp_path / "judge.key.json").read_text())
    assert key["methods"] == ["original", "bicubic", "small"] and len(key["versions"]) == 9
    assert len(key["weights"]["small"]) == 64 and "keras_srgan.mos make" in key["command"]
    assert "small" not in out.read_text()
    assert "exists" in refused(capsys, mos, line)
    assert mos.main([str(each) for each in [*line, "--overwrite"]]) == 0
    capsys.readouterr()
    assert "given twice" in refused(capsys, mos, [*line, "--overwrite", "--weights", weights, weights, weights])
    assert "ends in .html" in refused(capsys, mos, [*line, "--out", tmp_path / "judge"])
    assert "absent" in refused(capsys, mos, [*line, "--overwrite", "--data", "absent"])
    assert "make|score" in refused(capsys, mos, [])
    assert "--crops 0: at least 1" in refused(capsys, mos, [*line, "--crops", 0])


def test_help_answers_in_well_under_a_second_without_tensorflow():
    code = (
        "import sys; from keras_srgan.__main__ import main\n"
        "try: main(['mos', 'make', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
    )
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    assert time.monotonic() - started < 1


METHODS = ["original", "bicubic", "network"]


def test_scores_are_means_with_differences_from_bicubic():
    ratings = [Rating(j, c, m, v) for j in "ab" for c in ("c1", "c2") for m, v in zip(METHODS, (5, 2, 4), strict=True)]
    ratings.append(Rating("c", "c1", "bicubic", 5))
    original, bicubic, network = mean_opinions(ratings, METHODS)
    assert (original["mean"], bicubic["mean"], network["mean"]) == (5, 13 / 5, 4)
    assert (original["ratings"], bicubic["ratings"]) == (4, 5)
    assert original["low"] == original["high"] == 5
    assert network["over_bicubic"]["mean"] == pytest.approx(4 - 13 / 5)
    assert bicubic["over_bicubic"] == {"mean": 0, "low": 0, "high": 0}
    text = markdown(ratings, [original, bicubic, network])
    assert "| network | 4.00 | 4.00 to 4.00 | +1.40 |" in text and "3 judge(s), 2 crop(s), 13 rating(s)" in text


def test_a_method_without_ratings_is_a_dash():
    rows = mean_opinions([Rating("a", "c1", "bicubic", 2)], METHODS)
    assert "| network | - | - to - | - | - to - | 0 |" in markdown([Rating("a", "c1", "bicubic", 2)], rows)


def test_the_intervals_are_those_of_drawing_judges_and_crops_one_by_one(rng):
    values = np.clip(np.rint(3 + rng.normal(size=(6, 1)) + rng.normal(size=(1, 9)) + rng.normal(size=(6, 9))), 1, 5)
    ratings = [Rating(f"j{j}", f"c{c}", "bicubic", int(values[j, c])) for j in range(6) for c in range(9)]
    [found] = mean_opinions(ratings, ["bicubic"])
    draws = [values[rng.integers(6, size=6)][:, rng.integers(9, size=9)].mean() for _ in range(4000)]
    assert [found["low"], found["high"]] == pytest.approx(np.percentile(draws, [2.5, 97.5]), abs=0.06)
    single = [rng.choice(values.ravel(), 54).mean() for _ in range(4000)]
    assert found["high"] - found["low"] > 1.3 * np.ptp(np.percentile(single, [2.5, 97.5]))


@pytest.fixture
def judged(crops, tmp_path):
    """A page's key, and a judge's whole CSV as lists."""
    key_path = write_page(tmp_path / "judge.html", crops)
    key = json.loads(key_path.read_text())
    score = {"original": 5, "bicubic": 2, "secret-network": 1}
    rows = [["page", "judge", "crop", "version", "rating", "time"]]
    for opaque, known in key["versions"].items():
        rows.append(
            [key["page"], "Ann, B.", known["crop"], opaque, str(score[known["method"]]), "2025-01-31T12:00:00Z"]
        )
    return key_path, rows


def written(path, rows, delimiter=",", encoding="utf-8"):
    with open(path, "w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def test_mos_score_reads_several_judges_and_what_a_spreadsheet_saved(judged, tmp_path, capsys):
    key, rows = judged
    other = [[cell if cell != "Ann, B." else "Zoë" for cell in row] for row in rows]
    first, second = written(tmp_path / "a.csv", rows), written(tmp_path / "b.csv", other, ";", "utf-8-sig")
    assert mos.main(["score", str(first), str(second), "--key", str(key)]) == 0
    printed = capsys.readouterr().out
    assert "| original | 5.00 | 5.00 to 5.00 | +3.00 |" in printed
    assert "| secret-network | 1.00 | 1.00 to 1.00 | -1.00 |" in printed
    assert "2 judge(s), 3 crop(s), 18 rating(s)" in printed


def _changed(rows, line, column, value):
    return [[value if (i, j) == (line - 1, column) else cell for j, cell in enumerate(r)] for i, r in enumerate(rows)]


@pytest.mark.parametrize(
    "damage,message",
    [
        (lambda rows: _changed(rows, 4, 4, "6"), "line 4: rating '6'; a whole number from 1 to 5"),
        (lambda rows: _changed(rows, 4, 4, ""), "line 4: rating ''"),
        (lambda rows: _changed(rows, 5, 4, "3.5"), "line 5: rating '3.5'"),
        (lambda rows: _changed(rows, 5, 4, "٣"), "line 5: rating"),
        (lambda rows: _changed(rows, 3, 3, "nope"), "line 3: no version 'nope' of crop"),
        (lambda rows: _changed(rows, 3, 2, "c99"), "line 3: no version"),
        (lambda rows: _changed(rows, 3, 0, "other"), "line 3: a rating of page 'other'"),
        (lambda rows: _changed(rows, 3, 1, "  "), "line 3: no judge's name"),
        (lambda rows: [*rows, rows[1]], "line 11: 'Ann, B.' rated"),
        (lambda rows: [*rows[:-1], rows[-1][:3]], "line 10: 3 cells under 6 heads"),
        (lambda rows: [row[:4] for row in rows], "line 1: no column 'rating'"),
        (lambda rows: rows[:1], "no rating"),
        (lambda rows: [], "line 1: the file is empty"),
    ],
)
def test_a_wrong_csv_is_one_line_with_file_and_line(judged, tmp_path, capsys, damage, message):
    key, rows = judged
    path = written(tmp_path / "a.csv", damage(rows))
    line = refused(capsys, mos, ["score", path, "--key", key])
    assert message in line and ("a.csv" in line or message == "no rating")


def test_files_that_are_no_csv_or_no_key_are_one_line(judged, tmp_path, capsys):
    key, rows = judged
    path = written(tmp_path / "a.csv", rows)
    twice = refused(capsys, mos, ["score", path, path, "--key", key])
    assert "line 2" in twice and "keep one of them" in twice
    text = path.read_bytes()
    third = text.index(rows[2][3].encode())
    for content, message in (
        (text[:third] + b"\xff\xfe" + text[third:], "line 3: not a text in UTF-8"),
        (text + b'x,"cut', "line 11: damaged"),
    ):
        path.write_bytes(content)
        assert message in refused(capsys, mos, ["score", path, "--key", key])
    assert "absent.csv" in refused(capsys, mos, ["score", "absent.csv", "--key", key])
    for content in ("[]", "{", '{"page": "a", "methods": [], "versions": {}}', '{"page": "a", "versions": {"b": 1}}'):
        (tmp_path / "bad.json").write_text(content)
        assert "bad.json: not the key of a page" in refused(
            capsys, mos, ["score", path, "--key", tmp_path / "bad.json"]
        )
