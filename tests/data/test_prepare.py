"""`prepare`: again, after a kill, beside others, with bad files and on a full disk; and its command line."""

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from keras_srgan.images import ImageError
from keras_srgan.prepare import __main__ as command
from keras_srgan.prepare.writer import ShardOptions, prepare
from keras_srgan.train import __main__ as train

from ..conftest import refused
from .conftest import SMALL, damage, hashes, opened, quiet

TINY = (
    "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 8 --patch 32 --batch 4 --val-patch 32 "
    "--patches-per-epoch 8 --pretrain-epochs 1 --epochs 0 --features none --flat 0 --no-xla --val-fraction 0.3"
).split()


def test_a_second_run_does_nothing_and_other_settings_or_images_are_refused(folder, made):
    before = hashes(made)
    times = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    done = prepare(folder, made, SMALL, log=quiet)
    assert (done.written, done.kept, done.missing) == (0, 3, 0)
    with pytest.raises(ImageError, match="began with --seed 0, not 1; give another --out"):
        prepare(folder, made, dataclasses.replace(SMALL, seed=1), log=quiet)
    (folder / "more" / "3.tif").rename(folder / "more" / "4.tif")
    with pytest.raises(ImageError, match="began with other images than those under"):
        prepare(folder, made, SMALL, log=quiet)
    assert hashes(made) == before and all(path.stat().st_mtime_ns == each for path, each in times.items())
    with pytest.raises(ImageError, match="exists and is no prepared set"):
        prepare(folder, folder, SMALL, log=quiet)
    plan = made / "prepare.json"
    plan.write_text(plan.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(ImageError, match="format 2, and this program writes 1; give another --out"):
        prepare(folder, made, SMALL, log=quiet)


def test_a_set_that_calls_the_image_size_frame_is_still_read_and_finished(folder, tmp_path):
    made = tmp_path / "set"
    settings = dataclasses.replace(SMALL, image_size="40x50")
    prepare(folder, made, settings, log=quiet)
    for name in ("prepare.json", "manifest.json"):
        text = (made / name).read_text()
        assert '"image_size": "40x50"' in text
        (made / name).write_text(text.replace('"image_size"', '"frame"'))
    assert opened(made, image_size=(40, 50))[0].pixels.shape == (40, 50)
    with pytest.raises(ImageError, match="prepared with --image-size 40x50, and the recipe has 720x1280"):
        opened(made, image_size=(720, 1280))
    (made / "manifest.json").unlink()
    assert prepare(folder, made, settings, log=quiet).kept == 3


def test_a_damaged_or_lost_shard_is_written_again_and_the_others_kept(folder, made):
    before = hashes(made)
    damage(made, lambda data: data[:-7])
    done = prepare(folder, made, SMALL, log=quiet)
    assert (done.written, done.kept) == (1, 2) and hashes(made) == before
    (made / "train" / "00000.json").unlink()
    done = prepare(folder, made, SMALL, log=quiet)
    assert (done.written, done.kept) == (1, 2) and hashes(made) == before
    (made / "manifest.json").unlink()
    damage(made, lambda data: data[::-1])
    done = prepare(folder, made, SMALL, log=quiet)
    assert (done.written, done.kept) == (1, 2) and hashes(made) == before


def test_a_killed_run_goes_on_and_ends_the_same(folder, made, tmp_path):
    out = tmp_path / "killed"
    code = (
        "import sys, time; from keras_srgan.prepare import writer as p; record = p._record\n"
        "p._record = lambda *each: (time.sleep(0.2), record(*each))[1]\n"
        "options = p.ShardOptions(min_size=32, shard_images=4, val_fraction=0.3)\n"
        "p.prepare(sys.argv[1], sys.argv[2], options, workers=1)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, folder, out], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    limit = time.monotonic() + 120
    while not (out / "train" / "00000.json").exists() or not list(out.glob("*/.keras-srgan-*.tmp")):
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = (out / "train" / "00000.tfrecord").stat().st_mtime_ns
    assert not (out / "manifest.json").exists()
    done = prepare(folder, out, SMALL, log=quiet)
    assert 1 <= done.kept < 3 and done.written == 3 - done.kept
    assert (out / "train" / "00000.tfrecord").stat().st_mtime_ns == kept
    assert hashes(out) == hashes(made)


def test_several_runs_share_the_work(folder, made, tmp_path):
    out = tmp_path / "shared"
    first = prepare(folder, out, SMALL, share=(1, 2), log=quiet)
    assert (first.written, first.missing) == (1, 2) and not (out / "manifest.json").exists()
    second = prepare(folder, out, SMALL, share=(0, 2), log=quiet)
    assert (second.written, second.missing) == (2, 0) and hashes(out) == hashes(made)


def test_bad_files_are_named_and_counted_or_stop(folder, tmp_path):
    whole = (folder / "00000000_000.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.dcm").write_bytes(b"")
    cv2.imwrite(str(folder / "small.png"), np.zeros((20, 40), "uint8"))
    with pytest.raises(ImageError, match="cut.png|small.png|empty.dcm"):
        prepare(folder, tmp_path / "strict", SMALL, strict=True, log=quiet)
    assert not (tmp_path / "strict" / "manifest.json").exists()
    done = prepare(folder, tmp_path / "set", SMALL, log=quiet)
    text = "\n".join(done.left_out)
    assert sum(done.images.values()) == 12 and len(done.left_out) == 3
    for part in ("cut.png", "empty.dcm", "small.png: 20x40 pixels"):
        assert part in text
    assert json.loads((tmp_path / "set" / "manifest.json").read_text())["left_out"] == done.left_out
    with pytest.raises(ImageError, match="cut.png|small.png|empty.dcm"):
        prepare(folder, tmp_path / "strict", SMALL, strict=True, log=quiet)


def test_a_folder_of_bad_files_or_of_one_patient_is_an_error(tmp_path, make_image):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match="cannot be split; give --val-fraction 0"):
        prepare(data, tmp_path / "b", SMALL, log=quiet)
    assert not (tmp_path / "b").exists()  # so that another --val-fraction is not refused
    with pytest.raises(ImageError, match="none of 1 images .*a.png"):
        prepare(data, tmp_path / "b", ShardOptions(val_fraction=0.0), log=quiet)


def test_a_full_disk_leaves_nothing_half_written(folder, tmp_path):
    out = tmp_path / "set"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))  # less than a shard
    try:
        with pytest.raises(OSError, match="00000.tfrecord"):
            prepare(folder, out, SMALL, log=quiet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["prepare.json"]
    assert prepare(folder, out, SMALL, log=quiet).written == 3


def test_the_command_prepares_and_a_run_on_shards_is_the_run_on_the_folder(folder, tmp_path, capsys):
    made = tmp_path / "set"
    line = ["--data", folder, "--out", made, "--min-size", 32, "--val-fraction", 0.3, "--shard-images", 4]
    line = [str(each) for each in line]
    assert command.main(line) == 0
    assert "8 training and 4 validation images; 3 shard(s) written, 0 kept" in capsys.readouterr().out
    assert command.main(line) == 0
    assert "finished before, nothing to do" in capsys.readouterr().out
    states = []
    for data in (folder, made, f"file://{made}"):
        run = tmp_path / f"run{len(states)}"
        assert train.main(["--data", str(data), "--out", str(run), *TINY]) == 0
        assert "8 training and 4 validation images" in capsys.readouterr().out
        with np.load(run / "checkpoints" / "last.npz") as file:
            states.append({name: file[name] for name in file.files if name != "progress"})
    for other in states[1:]:
        for name, value in states[0].items():
            np.testing.assert_array_equal(value, other[name], err_msg=name)
    assert train.main(["--resume", str(run), "--data", f"file://{made}"]) == 0
    out = tmp_path / "run-val"
    assert train.main(["--data", str(made / "train"), "--val", str(made / "val"), "--out", str(out), *TINY]) == 0
    capsys.readouterr()
    for path in made.glob("train/*.tfrecord"):
        data = bytearray(path.read_bytes())
        data[200::300] = bytes(byte ^ 1 for byte in data[200::300])
        path.write_bytes(data)
    error = refused(capsys, train, ["--data", made, "--out", tmp_path / "bad", *TINY])
    assert ".tfrecord: record" in error and "wrong checksum; copy it again" in error


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["--image-size", "720"], "'720': give HEIGHTxWIDTH"),
        (["--part", "3/2"], "'3/2': give K/N, K from 1 to N"),
        (["--val-fraction", "1"], "'1': give a number from 0"),
        (["--shard-images", "0"], "'0': give a whole number"),
        (["--out", "gs://bucket/set"], "folders on disk"),
        (["--data", "absent"], "absent"),
    ],
)
def test_wrong_arguments_are_one_line(capsys, arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    line = ["--data", tmp_path, "--out", "set", *arguments]
    assert message in refused(capsys, command, line)
    assert list(tmp_path.iterdir()) == []


def test_help_is_quick_and_needs_no_tensorflow():
    code = (
        "import sys; from keras_srgan.__main__ import main\n"
        "try: main(['prepare', '--help'])\n"
        "except SystemExit: pass\n"
        "assert 'tensorflow' not in sys.modules and 'cv2' not in sys.modules\n"
    )
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 1
