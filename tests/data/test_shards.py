"""Prepared sets: what is written, what is read back, and everything that can go wrong between."""

import dataclasses
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import tensorflow as tf
from pydicom.data import get_testdata_file

from keras_srgan.data.folder import load_folder
from keras_srgan.data.patches import PatchSampler
from keras_srgan.data.pipeline import validation_arrays
from keras_srgan.data.shards import reader as shards
from keras_srgan.data.shards.reader import holds_shards, load_shards, read_manifest
from keras_srgan.data.shards.stores import Store
from keras_srgan.data.shards.tfrecord import decode_example, encode_example, unwrap_record, wrap_record
from keras_srgan.data.split import split
from keras_srgan.files import sha256
from keras_srgan.images import ImageError, write_image
from keras_srgan.prepare import __main__ as command
from keras_srgan.prepare.writer import ShardOptions, prepare
from keras_srgan.train import __main__ as train
from keras_srgan.train.run import Run

SMALL = ShardOptions(min_size=32, shard_images=4, val_fraction=0.3)
TINY = (
    "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 8 --patch 32 --batch 4 --val-patch 32 "
    "--patches-per-epoch 8 --pretrain-epochs 1 --epochs 0 --features none --flat 0 --no-xla --val-fraction 0.3"
).split()


def quiet(line):
    pass


@pytest.fixture
def folder(make_image, tmp_path):
    """Nine images of 8 bits and three of 16, of two formats and seven patients, in two folders."""
    data = tmp_path / "data"
    (data / "more").mkdir(parents=True)
    for i in range(12):
        name = f"more/{i}.tif" if i % 4 == 3 else f"{i // 2:08}_{i % 2:03}.png"
        write_image(data / name, make_image(60 + i, 64, "uint16" if i % 4 == 3 else "uint8").pixels)
    return data


@pytest.fixture
def made(folder, tmp_path):
    prepare(folder, tmp_path / "set", SMALL, log=quiet)
    return tmp_path / "set"


def opened(where, part="train", **options):
    return load_shards(str(where), part, **{"min_size": 32, "warn": quiet} | options)


def hashes(folder):
    return {path.relative_to(folder): sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 511, 512, 513, 1536, 5000, 70001])
def test_framed_records_are_tensorflows_byte_for_byte(size, rng, tmp_path):
    data = rng.bytes(size)
    with tf.io.TFRecordWriter(str(tmp_path / "a")) as writer:
        writer.write(data)
    assert (tmp_path / "a").read_bytes() == wrap_record(data)
    assert bytes(unwrap_record(wrap_record(data))) == data


def test_every_flipped_bit_of_a_record_is_found(rng):
    record = wrap_record(rng.bytes(700))
    for bit in rng.integers(8 * len(record), size=200):
        wrong = bytearray(record)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="checksum"):
            unwrap_record(bytes(wrong))
    with pytest.raises(ValueError, match="cut short"):
        unwrap_record(record[:10])


def test_examples_are_tensorflows():
    features = {"image": b"\x00\xff" * 300, "name": "é/a.png", "height": 3, "max_value": 65535, "zero": 0}
    example = tf.train.Example.FromString(encode_example(features))
    found = example.features.feature
    assert found["image"].bytes_list.value[0] == features["image"]
    assert found["name"].bytes_list.value[0].decode() == "é/a.png"
    assert [found[name].int64_list.value[0] for name in ("height", "max_value", "zero")] == [3, 65535, 0]
    back = decode_example(memoryview(example.SerializeToString()))
    assert {name: each if isinstance(each, int) else bytes(each) for name, each in back.items()} == features | {
        "name": "é/a.png".encode()
    }
    for wrong in (b"", b"\x0a", b"\x0a\x05ab", b"\x08\x01"):
        with pytest.raises(ValueError, match="not a tf.train.Example"):
            decode_example(memoryview(wrong))


def test_plain_tensorflow_reads_the_shards(folder, made):
    spec = dict.fromkeys(("image", "name", "patient", "sha256"), tf.io.FixedLenFeature([], tf.string))
    spec |= dict.fromkeys(("height", "width", "channels", "max_value"), tf.io.FixedLenFeature([], tf.int64))
    found = {}
    for record in tf.data.TFRecordDataset(sorted(str(path) for path in made.glob("*/*.tfrecord"))):
        row = {name: each.numpy() for name, each in tf.io.parse_single_example(record, spec).items()}
        kind = tf.uint8 if row["max_value"] == 255 else tf.uint16
        pixels = tf.io.decode_png(row["image"], dtype=kind).numpy()
        assert pixels.shape == (row["height"], row["width"], row["channels"])
        assert row["sha256"].decode() == sha256(folder / row["name"].decode())
        found[row["name"].decode()] = pixels[..., 0], row["patient"].decode()
    assert len(found) == 12
    for image in load_folder(folder, min_size=32):
        pixels, patient = found[image.path.relative_to(folder).as_posix()]
        np.testing.assert_array_equal(pixels, image.pixels)
        assert patient == (image.patient or "")


def test_the_manifest_names_hashes_and_the_place_of_each_record(made):
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["images"] == {"train": 8, "val": 4}
    for shard in manifest["shards"]:
        data = (made / shard["file"]).read_bytes()
        assert (sha256(made / shard["file"]), len(data)) == (shard["sha256"], shard["bytes"])
        rows = json.loads((made / shard["index"]).read_text())["records"]
        assert len(rows["offset"]) == shard["records"] <= 4
        for start, size, name in zip(rows["offset"], rows["length"], rows["name"], strict=True):
            assert bytes(decode_example(unwrap_record(data[start : start + size]))["name"]).decode() == name


@pytest.mark.parametrize("zoom", [1.0, 1.5])
def test_batches_are_those_of_the_folder(folder, made, zoom):
    parts = split(load_folder(folder, min_size=32), SMALL.val_fraction, SMALL.seed)
    for kept, part in zip(parts, ("train", "val"), strict=True):
        stored = opened(made, part)
        assert [image.path.as_posix() for image in stored] == [i.path.relative_to(folder).as_posix() for i in kept]
        assert [image.patient for image in stored] == [image.patient for image in kept]
        samplers = [PatchSampler(images, 32, 4, seed=3, flat=0.01, zoom=zoom) for images in (kept, stored)]
        for step in (0, 1, 7, 100):
            for one, other in zip(*(sampler.draw(step) for sampler in samplers), strict=True):
                np.testing.assert_array_equal(one, other)
        for one, other in zip(*(validation_arrays(images, 48, 4, 3) for images in (kept, stored)), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("channels,image_size", [(3, None), (1, (40, 50)), (3, (40, 50))])
def test_channels_and_image_size_are_those_of_the_folder(folder, tmp_path, channels, image_size):
    write_image(folder / "colour.png", np.random.default_rng(1).integers(0, 256, (50, 40, 3), "uint8"))
    for name in ("MR_small.dcm", "CT_small.dcm"):
        shutil.copyfile(get_testdata_file(name), folder / name)
    size = f"{image_size[0]}x{image_size[1]}" if image_size else ""
    prepare(folder, tmp_path / "set", ShardOptions(channels, size, 32, 0.0), log=quiet)
    stored = opened(tmp_path / "set", channels=channels, image_size=image_size)
    whole = load_folder(folder, channels, 32, image_size=image_size)
    assert len(stored) == len(whole) == 15
    for one, other in zip(stored, whole, strict=True):
        assert (one.pixels.shape, one.pixels.dtype) == (other.pixels.shape, other.pixels.dtype)
        assert (one.max_value, one.patient, one.pixels.nbytes) == (other.max_value, other.patient, other.pixels.nbytes)
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_no_image_is_read_before_it_is_drawn_and_few_are_kept(made, tiny, tmp_path, monkeypatch):
    reads = []
    whole = Store.read
    monkeypatch.setattr(Store, "read", lambda self, name, *at: reads.append(name) or whole(self, name, *at))
    images = opened(made, memory_gb=0.0)
    reads.clear()
    sampler = PatchSampler(images, 32, 4)
    run = Run(tiny, images, images[:2], tmp_path / "run")
    assert run.fingerprint() == Run(tiny, list(images), [], tmp_path).fingerprint()
    assert run.fingerprint() != Run(tiny, images[::-1], [], tmp_path).fingerprint()
    assert reads == []
    for step in range(6):
        sampler.draw(step)
    assert len(images._kept) == shards._AT_LEAST < len(images)
    reads.clear()
    kept = opened(made, memory_gb=1.0)
    for _ in range(3):
        for image in kept:
            assert np.asarray(image.pixels).flags.writeable is False
    assert len([name for name in reads if name.endswith("tfrecord")]) == len(kept)


def test_threads_draw_what_one_thread_draws(made):
    alone = PatchSampler(opened(made), 32, 4)
    shared = PatchSampler(opened(made, memory_gb=0.0), 32, 4)
    with ThreadPoolExecutor(8) as pool:
        for step, (hr, _) in enumerate(pool.map(shared.draw, range(40))):
            np.testing.assert_array_equal(hr, alone.draw(step)[0])


def test_patients_are_not_divided_and_the_seed_chooses(folder, tmp_path):
    chosen = []
    for seed in range(4):
        out = tmp_path / str(seed)
        prepare(folder, out, ShardOptions(min_size=32, val_fraction=0.3, seed=seed), log=quiet)
        parts = [{image.patient or image.path.name for image in opened(out, part)} for part in ("train", "val")]
        assert parts[1] and not parts[0] & parts[1]
        chosen.append(frozenset(parts[1]))
    assert len(set(chosen)) > 1


def damage(made, change):
    path = made / "train" / "00001.tfrecord"
    data = bytearray(path.read_bytes())
    path.write_bytes(change(data))
    return path


def test_a_wrong_record_is_named_when_it_is_read(made):
    rows = json.loads((made / "train" / "00001.json").read_text())["records"]

    def change(data):
        data[rows["offset"][2] + 200] ^= 1
        return data

    path = damage(made, change)
    images = opened(made)
    message = rf"{path}: record 2 \({rows['name'][2]}\): wrong checksum; copy it again, or delete it"
    with pytest.raises(ImageError, match=message):
        np.asarray(images[6].pixels)
    assert str(images.failure) and np.asarray(images[5].pixels).any()


def test_missing_cut_and_changed_files_are_named_when_a_set_is_opened(made):
    path = damage(made, lambda data: data[:-1])
    with pytest.raises(ImageError, match=rf"{path}: \d+ bytes, but \d+ in the manifest; copy it again"):
        opened(made)
    path.unlink()
    with pytest.raises(ImageError, match=f"{path}: missing, but the manifest names it"):
        opened(made)
    index = made / "val" / "00000.json"
    index.write_text(index.read_text().replace("0", "1", 1))
    with pytest.raises(ImageError, match=f"{index}: not the index in the manifest"):
        opened(made, "val")


def test_a_shard_that_goes_while_it_is_used_is_named(made, monkeypatch):
    images = opened(made)

    def offline(*each):
        raise OSError("no net")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "read", offline)
        with pytest.raises(ImageError, match=r"record 0 .*: no net; see that it can be read, then --resume"):
            np.asarray(images[0].pixels)
    path = damage(made, lambda data: data[:2000])
    with pytest.raises(ImageError, match=rf"{path}: record 3 .*: cut short; copy it again"):
        np.asarray(images[7].pixels)
    path.unlink()
    with pytest.raises(ImageError, match=rf"{path}: record 2 .*: the shard is missing; copy it again"):
        np.asarray(images[6].pixels)


@pytest.mark.parametrize(
    "text,message",
    [
        ('{"format": "keras-srgan shards", "version": 2}', "format 2, and this program reads up to 1; update"),
        ('{"format": ', "damaged"),
        ('{"format": "another"}', "not written by keras-srgan prepare"),
        (None, "prepare has not finished: run it again"),
    ],
)
def test_a_manifest_that_can_not_be_used_is_one_line(made, text, message):
    path = made / "manifest.json"
    path.write_text(text) if text else path.unlink()
    with pytest.raises(ImageError, match=message):
        read_manifest(Store(str(made)))
    assert holds_shards(str(made))  # the plan is there still, so it is not taken for a folder of images


def test_a_folder_of_images_is_no_prepared_set(folder, tmp_path):
    (folder / "manifest.json").write_text("[1]")
    assert not holds_shards(str(folder)) and not holds_shards(str(tmp_path / "absent"))


def test_a_set_prepared_otherwise_is_refused(made):
    with pytest.raises(ImageError, match="prepared with --channels 1, and the recipe has 3"):
        opened(made, channels=3)
    with pytest.raises(ImageError, match="prepared with --image-size none, and the recipe has 720x1280"):
        opened(made, image_size=(720, 1280))
    with pytest.raises(ImageError, match="val: the val part; --data takes"):
        opened(made / "val", "train")
    assert len(opened(made / "val", "val")) == 4


def test_images_below_the_patch_are_left_out(made):
    lines = []
    images = opened(made, min_size=64, warn=lines.append)
    assert 0 < len(images) < 8 and all(image.pixels.shape[0] >= 64 for image in images)
    assert f"{8 - len(images)} of 8 images" in lines[0] and "64x64" in lines[0]
    with pytest.raises(ImageError, match="smaller than 64x64"):
        opened(made, min_size=64, strict=True)
    with pytest.raises(ImageError, match="no image in part 'train'"):
        opened(made, min_size=1000)


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


@pytest.mark.parametrize("scheme", ["file", "ram"])
def test_a_set_is_read_from_a_url_of_tensorflow(made, scheme):
    root = f"file://{made}"
    if scheme == "ram":
        root = "ram://sets/one"
        for path in made.rglob("*.*"):
            url = f"{root}/{path.relative_to(made).as_posix()}"
            tf.io.gfile.makedirs(os.path.dirname(url))
            tf.io.gfile.copy(str(path), url, overwrite=True)
    assert holds_shards(f"{root}/val")
    for part in ("train", "val"):
        for one, other in zip(opened(root, part), opened(made, part), strict=True):
            np.testing.assert_array_equal(one.pixels, other.pixels)
            assert one.digest == other.digest
    with pytest.raises(ImageError, match="absent/manifest.json: no such file; give"):
        opened(f"{root}/absent")


def test_a_set_is_read_through_fsspec(made):
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").put(str(made), "/sets/", recursive=True)
    for one, other in zip(opened("memory://sets/set"), opened(made), strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_a_url_that_nothing_reads_is_one_line():
    with pytest.raises(ValueError, match="nope://a: .*TensorFlow reads .*ram://.* fsspec"):
        opened("nope://a")


def refused(capsys, program, arguments):
    try:
        status = program.main([str(each) for each in arguments])
    except SystemExit as stop:
        status = stop.code
    lines = capsys.readouterr().err.strip().splitlines()
    assert status in (1, 2) and len(lines) == 1, lines
    return lines[0]


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
