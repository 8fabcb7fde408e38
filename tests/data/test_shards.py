"""Prepared sets: what is written, what is read back, and everything that can go wrong between."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from pydicom.data import get_testdata_file

from keras_srgan.data.folder import load_folder
from keras_srgan.data.patches import PatchSampler
from keras_srgan.data.pipeline import validation_arrays
from keras_srgan.data.shards import reader as shards
from keras_srgan.data.shards.reader import holds_shards, read_manifest
from keras_srgan.data.shards.stores import Store
from keras_srgan.data.shards.tfrecord import decode_example, unwrap_record
from keras_srgan.data.split import split
from keras_srgan.files import sha256
from keras_srgan.images import ImageError, write_image
from keras_srgan.prepare.writer import ShardOptions, prepare
from keras_srgan.train.run import Run

from .conftest import SMALL, damage, opened, quiet


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
