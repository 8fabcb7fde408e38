"""Where a resumed run goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_srgan.images import write_image
from keras_srgan.train import __main__ as command
from keras_srgan.train.callbacks.checkpoint import read_checkpoint
from keras_srgan.train.loop import train
from keras_srgan.train.run import Run

FLAGS = (
    "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 8 --patch 32 --batch 4 --val-patch 32 "
    "--patches-per-epoch 12 --pretrain-epochs 1 --epochs 0 --features none --flat 0 --no-xla"
).split()


@pytest.fixture
def run(tiny, make_image, tmp_path):
    """A run of one content epoch, and the lines that it says."""

    def make(name="run", **changes):
        images = [make_image(60, 64, name=f"{i}.png") for i in range(3)]
        recipe = tiny.replace(**{"pretrain_epochs": 1, "epochs": 0} | changes)
        said = []
        each = Run(recipe, images[:2], images[2:], tmp_path / name, log=said.append)
        return each, said

    return make


@pytest.fixture(scope="module")
def folders():
    """Of the runs that `finished` has trained."""
    return {}


@pytest.fixture
def finished(run, folders, tmp_path_factory):
    """As `run`, of a run that has ended; one of each kind is trained, and copied from then on."""

    def make(name="run", **changes):
        each, said = run(name, **changes)
        kind = str(changes)
        if kind in folders:
            shutil.copytree(folders[kind], each.folder)
        else:
            train(each)
            folders[kind] = shutil.copytree(each.folder, tmp_path_factory.mktemp("finished") / "run")
        return each, said

    return make


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_finished_work_is_not_trained_over(finished):
    each, said = finished()
    with pytest.raises(ValueError, match="there already; resume the run, or give another folder"):
        train(each)
    for path in (each.folder / "checkpoints").glob("*.npz"):
        path.unlink()
    before = files(each.folder)
    with pytest.raises(ValueError, match=r"last.npz: missing, but .*--init .*best-pretrain.weights.h5"):
        train(each, resume=True)
    assert files(each.folder) == before
    shutil.rmtree(each.folder / "checkpoints")
    (each.folder / "xray-srgan-plus.weights.h5").unlink()
    with pytest.raises(ValueError, match="missing, but log.csv is there"):
        train(each, resume=True)


def test_a_run_that_had_not_trained_begins_and_says_so(run):
    each, said = run()
    train(each, resume=True)
    assert any("no checkpoint yet, and nothing trained" in line for line in said)


def test_from_the_first_step_on_there_is_a_checkpoint(run, monkeypatch):
    each, said = run()

    def stop(*given):
        raise RuntimeError("at once")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr("keras_srgan.train.loop._run_stage", stop)
        train(each)
    assert read_checkpoint(each.checkpoint)[0]["step"] == 0
    train(each, resume=True)
    assert "resumed pretrain at epoch 1, step 0" in said


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "missing"])
def test_the_checkpoint_before_the_last_one_is_kept_and_taken_up(finished, damage):
    each, said = finished(pretrain_epochs=2)
    last, whole = each.checkpoint, read_checkpoint(each.checkpoint)[1]
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 0xFF
    last.write_bytes({"cut": data[: len(data) // 2], "flipped": data, "empty": b"", "missing": b""}[damage])
    if damage == "missing":
        last.unlink()
    train(each, resume=True)
    what = "missing" if damage == "missing" else "damaged checkpoint"
    assert any(what in line and "going on from the one before it: pretrain epoch 2" in line for line in said)
    for name, value in read_checkpoint(last)[1].items():
        np.testing.assert_array_equal(value, whole[name], err_msg=name)


def test_without_a_sound_checkpoint_the_best_generator_is_offered(finished):
    each, said = finished()
    for path in (each.folder / "checkpoints").glob("*.npz"):
        path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="last.npz: damaged .*previous.npz: damaged .*--init .*best-pretrain"):
        train(each, resume=True)


def test_a_checkpoint_that_cannot_be_read_is_not_called_damaged(finished):
    each, said = finished()
    each.checkpoint.unlink()
    each.checkpoint.mkdir()
    with pytest.raises(IsADirectoryError, match="last.npz"):
        train(each, resume=True)


def test_the_first_weights_may_be_gone_when_a_run_is_resumed(run, finished):
    first, _ = finished("first")
    each, said = run("second", pretrain_epochs=2)
    each.init = str(first.folder)
    train(each)
    card = json.loads((each.folder / "xray-srgan-plus.json").read_text())
    shutil.rmtree(first.folder)
    train(each, resume=True)
    assert json.loads((each.folder / "xray-srgan-plus.json").read_text())["budget"] == card["budget"]


@pytest.fixture
def data(make_image, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(4):
        write_image(folder / f"{i}.png", make_image(60, 64).pixels)
    return folder


def test_moved_data_is_accepted_by_its_fingerprint(data, make_image, tmp_path, capsys):
    out = tmp_path / "run"
    assert command.main(["--data", str(data), "--out", str(out), *FLAGS]) == 0
    moved = data.rename(tmp_path / "moved")
    assert command.main(["--resume", str(out)]) == 1
    assert "--resume" in (error := capsys.readouterr().err) and "--data ITS-NEW-PLACE" in error
    assert command.main(["--resume", str(out), "--data", str(moved)]) == 0
    assert command.main(["--resume", str(out)]) == 0  # the new place is remembered
    before = (out / "run.json").read_bytes()
    other = shutil.copytree(moved, tmp_path / "other")
    write_image(other / "0.png", make_image(60, 64).pixels[::-1])
    assert command.main(["--resume", str(out), "--data", str(other)]) == 1
    assert "images are not those that this run began with" in capsys.readouterr().err
    assert (out / "run.json").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGHUP there")
@pytest.mark.parametrize("how", ["hangup", "nohup"])
def test_a_closed_terminal_saves_and_nohup_goes_on(data, tmp_path, how):
    out = tmp_path / "run"
    line = [sys.executable, "-m", "keras_srgan.train", "--data", str(data), "--out", str(out), *FLAGS]
    line += ["--pretrain-epochs", "500" if how == "hangup" else "8"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "cp1252"}
    ignore = (lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) if how == "nohup" else None
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=ignore)
    for line in process.stdout:
        if line.startswith("pretrain epoch 1/"):
            process.stdout.close()  # nobody reads on, as when the terminal is closed
            time.sleep(0.2)
            process.send_signal(signal.SIGHUP)
            break
    assert process.wait(120) == (130 if how == "hangup" else 0)
    progress, _ = read_checkpoint(out / "checkpoints" / "last.npz")
    assert progress["epoch"] >= 1 and (out / "xray-srgan-plus.weights.h5").is_file()
    assert how == "hangup" or progress["epoch"] == 8


def test_names_that_a_console_cannot_show_end_no_run(data, tmp_path):
    (data / "0.png").rename(data / "胸.png")
    if os.name == "posix":
        os.rename(data / "1.png", os.fsencode(data) + b"/\xe9.png")  # no UTF-8
    folder = data.rename(tmp_path / "胸")
    line = [sys.executable, "-m", "keras_srgan.train", "--data", str(folder), "--out", str(tmp_path / "ラン"), *FLAGS]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(line, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "ラン" / "xray-srgan-plus.json").read_text(encoding="utf-8"))
    assert card["data"]["set"] == "胸" and b"\\u80f8" in done.stdout
