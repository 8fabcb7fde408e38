"""The queue that trains the systems: goes on where it stood, and says what it did."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import system_cards  # noqa: E402
import system_queue  # noqa: E402
import train_systems  # noqa: E402

from keras_srgan.files import sha256  # noqa: E402
from keras_srgan.recipes import RECIPES  # noqa: E402
from keras_srgan.weights import SUFFIX, weights_folder  # noqa: E402

SMALL = "--filters 4 --blocks 1 --patch 32 --val-patch 32 --batch 4 --val-images 1 --no-xla --val-fraction 0.3".split()
RUN = {"name": "tiny", "paper": "none", "recipe": "xray-fast", "data": ["a", "b"], "flags": SMALL, "epoch": 16}


@pytest.fixture
def root(tmp_path, rng):
    for folder, count in (("a", 3), ("b", 2), ("test", 1)):
        (tmp_path / "root" / folder).mkdir(parents=True)
        for i in range(count):
            image = rng.integers(0, 255, (48, 56)).astype("uint8")
            cv2.imwrite(str(tmp_path / "root" / folder / f"{folder}{i}.png"), image)
    return tmp_path


def start(root, *runs):
    (root / "queue.jsonl").write_text("\n".join(json.dumps(run) for run in runs))
    command = [sys.executable, str(ROOT / "benchmarks" / "train_systems.py"), "--queue", str(root / "queue.jsonl")]
    command += ["--data-root", str(root / "root"), "--out", str(root / "out"), "--cards", str(root / "cards")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_queue_of_the_page_names_runs_that_can_be_trained():
    runs = system_queue.read_queue(train_systems.QUEUE)
    assert len(runs) > 10
    names = [run["name"] for run in runs]
    for run in runs:
        if init := run.get("init"):
            assert init in names[: names.index(run["name"])] or (ROOT / "weights" / f"{init}.json").is_file(), run[
                "name"
            ]
        for each in (*run.get("data", []), *(test.split("=")[1] for test in run.get("test", []))):
            assert not each.startswith("/")


@pytest.mark.parametrize(
    "change,said",
    [
        ({"speed": 3}, "unknown key 'speed'"),
        ({"recipe": "nope"}, "unknown recipe 'nope'"),
        ({"flags": ["--patch", "33"]}, "not a multiple of scale 4"),
        ({"flags": ["--no-such-flag"]}, "unrecognized arguments"),
        ({"patches": [16]}, "give \\[content, adversarial\\]"),
        ({"patches": [16, 0], "minutes": [1, 0]}, "not both"),
        ({"test": ["cxr"]}, "PROTOCOL=FOLDER"),
        ({"weights": "nope"}, "no such card"),
        ({"epoch": "many"}, "must be a int"),
    ],
)
def test_a_queue_that_could_not_be_trained_is_refused_before_it_begins(change, said, tmp_path):
    path = tmp_path / "queue.jsonl"
    path.write_text(json.dumps(RUN | {"patches": [16, 0]} | change if "minutes" in change else RUN | change))
    with pytest.raises(ValueError, match=said):
        system_queue.read_queue(path)


def test_two_runs_of_one_name_and_files_that_are_no_queue_are_refused(tmp_path):
    path = tmp_path / "queue.jsonl"
    path.write_text(f"{json.dumps(RUN)}\n{json.dumps(RUN)}")
    with pytest.raises(ValueError, match="taken by a run above"):
        system_queue.read_queue(path)
    path.write_text("[run]")
    with pytest.raises(ValueError, match="not a queue of named runs"):
        system_queue.read_queue(path)


@pytest.mark.slow
def test_a_stopped_queue_goes_on_where_it_stood_and_skips_what_is_done(root):
    first = RUN | {"patches": [480, 0], "test": ["cxr=test"]}
    second = RUN | {"name": "second", "minutes": [0.05, 0], "init": "tiny"}
    process = start(root, first, second)
    log = root / "out" / "tiny" / "log.csv"
    while not log.is_file() and process.poll() is None:
        time.sleep(0.2)
    other = start(root, first, second)
    assert other.wait() == 1 and "another process trains there" in other.stderr.read()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert process.returncode == 130 and "tiny: stopped and saved" in out, err
    epochs = len(log.read_text().splitlines()) - 1
    assert 0 < epochs < 30

    process = start(root, first, second)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "tiny: done" in out and "second: done" in out
    assert len(log.read_text().splitlines()) - 1 == 30
    assert "resumed pretrain" in (root / "out" / "tiny.log").read_text()
    card = json.loads((root / "cards" / "tiny.json").read_text())
    assert card["budget"]["pretrain_patches"] == 480 and card["hardware"]
    assert [row["method"] for row in card["tests"]["cxr=test"]["table"]] == ["bicubic", "xray-fast"]
    assert card["data"]["images"] + card["data"]["validation_images"] == 5  # of both folders
    assert json.loads((root / "cards" / "second.json").read_text())["init"] == "tiny"

    process = start(root, first, second)
    out, _ = process.communicate()
    assert "tiny: was done" in out and "second: was done" in out
    process = start(root, first | {"epoch": 32}, second)
    _, err = process.communicate()
    assert process.returncode == 1 and "its line is not the one" in err


def test_a_run_that_fails_is_named_and_the_next_one_goes_on(root):
    process = start(root, RUN | {"data": ["nowhere"], "patches": [16, 0]}, RUN | {"name": "b", "data": ["no"]})
    _, err = process.communicate()
    assert process.returncode == 1
    assert "train_systems: tiny: no folder" in err and "train_systems: b: no folder" in err


CARD = {
    "budget": {"pretrain_patches": 1000, "pretrain_hours": 0.5, "adversarial_patches": 200, "adversarial_hours": 0.25},
    "tests": {
        "cxr=test": {
            "images": 7,
            "table": [
                {"method": name, "psnr": {"mean": psnr}, "ssim": {"mean": 0.9}, "lpips": {"mean": 0.1}}
                for name, psnr in (("bicubic", 30.0), ("x-pretrained", 31.5), ("x", 29.0))
            ],
            "classifier": [
                {"name": "x on x", "accuracy": 0.9, "precision": 0.8, "recall": 0.7, "f1": 0.6, "auc": None}
            ],
        }
    },
}


def test_tables_say_what_the_cards_say_and_what_is_not_trained(tmp_path):
    runs = [RUN, RUN | {"name": "other"}]
    (tmp_path / "tiny.json").write_text(json.dumps(CARD))
    summary = system_cards.render(runs, tmp_path).splitlines()
    name, *cells = [cell.strip() for cell in summary[2].strip("|").split("|")]
    assert name == "**tiny**, adversarial stage"
    assert cells[:2] == ["1,000 (30) + 200 (15)", "cxr, test, 7 images, bicubic 30.00"]
    assert cells[2:] == ["29.00", "-1.00", "0.9000", "0.100"]
    assert "not yet: `--only other`" in summary[3]
    whole = system_cards.render(runs, tmp_path, "none")
    assert "**tiny**, content stage | 1,000 (30) |" in whole and "+1.50" in whole
    assert "| x on x | 0.900 | 0.800 | 0.700 | 0.600 | - |" in whole
    with pytest.raises(ValueError, match="known are none"):
        system_cards.render(runs, tmp_path, "nope")
    low = json.loads(json.dumps(CARD))
    low["tests"]["cxr=test"]["table"][1]["psnr"]["mean"] = 29.9
    (tmp_path / "tiny.json").write_text(json.dumps(low))
    assert "content stage: **below bicubic** |" in system_cards.render(runs, tmp_path, "none")


def test_the_page_the_cards_and_the_weights_say_the_same():
    runs, page = system_queue.read_queue(train_systems.QUEUE), system_cards.PAGE.read_text(encoding="utf-8")
    names = system_cards.papers(runs)
    assert {run.get("paper") for run in runs} == set(names) and len(names) == 5
    for paper in ("", *names):
        table = page.split(system_cards.BEGIN.format(paper or "all"))[1].split(system_cards.END)[0].strip()
        assert table == system_cards.render(runs, system_cards.CARDS, paper), "run benchmarks/train_systems.py --write"
    known = {run["name"]: run for run in runs}
    for path in system_cards.CARDS.glob("*.json"):
        card = json.loads(path.read_text(encoding="utf-8"))
        said, line = (system_queue.trained_by(run) for run in (card["run"], known[path.stem]))
        assert said == line, f"{path.name} is of another line of the queue"
        assert card["recipe"]["name"] in RECIPES and card["hardware"] and card["tests"]
        assert len(card["weights"]) == 1 + (
            "adversarial_patches" in card["budget"] and "pretrain_patches" in card["budget"]
        )
    for run in runs:
        if shipped := run.get("weights"):
            file = weights_folder() / f"{shipped}{SUFFIX}"
            assert system_cards.read_card(run, system_cards.CARDS)["weights"] == {shipped: sha256(file)}
