import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import keras_srgan
from keras_srgan.evaluate.evaluation import compare
from keras_srgan.evaluate.report.html import html
from keras_srgan.evaluate.report.tables import evaluation_markdown
from keras_srgan.files import sha256, write_atomically, write_text
from keras_srgan.inference import load
from keras_srgan.networks import build_discriminator, build_generator
from keras_srgan.recipes import Recipe
from keras_srgan.weights import cards, find_discriminator, find_weights, load_weights, save_weights, weights_folder

ROOT = Path(__file__).parents[1]
SMALL = Recipe().replace(filters=8, blocks=1)


@pytest.fixture
def saved(tmp_path):
    generator = build_generator(SMALL)
    card = {"recipe": dataclasses.asdict(SMALL)}
    return generator, save_weights(generator, tmp_path / "small.weights.h5", card)


def test_kernels_are_stored_in_float16_and_loaded_as_float32(saved, rng):
    generator, path = saved
    with h5py.File(path) as file:
        head = file["layers/conv2d/vars"]
        assert head["0"].dtype == "float16" and head["1"].dtype == "float32" and head.attrs["name"] == "head"
    other = build_generator(SMALL)
    load_weights(other, path)
    for a, b in zip(generator.variables, other.variables, strict=True):
        np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-3, atol=1e-7)
        assert b.dtype == "float32"


def equal(network, other):
    for one, two in zip(network.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(two))


@pytest.mark.parametrize("changes", [{}, {"norm": "instance", "skip": "bicubic"}, {"generator": "espcn"}])
def test_plain_keras_opens_our_files_and_we_open_plain_keras_files(changes, tmp_path):
    recipe = SMALL.replace(**changes)
    trained, ours, plain = (build_generator(recipe) for _ in range(3))
    load_weights(trained, save_weights(trained, tmp_path / "ours.weights.h5"))  # rounded to float16
    ours.load_weights(tmp_path / "ours.weights.h5")
    equal(trained, ours)
    trained.save_weights(tmp_path / "plain.weights.h5")
    load_weights(plain, tmp_path / "plain.weights.h5")
    equal(trained, plain)


def test_a_file_of_the_layout_before_keras_s_own_is_read(tmp_path):
    generator, other = build_generator(SMALL), build_generator(SMALL)
    with h5py.File(tmp_path / "old.weights.h5", "w") as file:
        for variable in generator.variables:
            file[variable.path] = np.asarray(variable)
    load_weights(other, tmp_path / "old.weights.h5")
    equal(generator, other)
    with pytest.raises(ValueError, match="weights of another network"):
        load_weights(build_generator(SMALL.replace(blocks=2)), tmp_path / "old.weights.h5")


def test_dropout_does_not_number_the_weights_of_that_layout(tmp_path):
    """Keras numbers the seeds through a process."""
    recipe = SMALL.replace(patch=32, discriminator_filters=4, discriminator_dense=8, discriminator_dropout=0.5)
    judge, other = build_discriminator(recipe), build_discriminator(recipe)
    with h5py.File(tmp_path / "old.weights.h5", "w") as file:
        for variable in judge.variables:
            file[variable.path] = np.asarray(variable)
    load_weights(other, tmp_path / "old.weights.h5")
    equal(judge, other)
    load_weights(other, save_weights(judge, tmp_path / "new.weights.h5"))


@pytest.mark.parametrize("name", [path.stem for path in cards()])
def test_plain_keras_loads_the_shipped_weights(name):
    # Keras finds a layer by its class and number: where a class is renamed, load and save the weights again.
    card = json.loads((weights_folder() / f"{name}.json").read_text(encoding="utf-8"))
    generator = build_generator(Recipe.from_dict(card["recipe"]))
    generator.load_weights(find_weights(name))
    equal(generator, load(name).generator)


def test_load_finds_files_run_folders_and_names(saved, monkeypatch, tmp_path):
    _, path = saved
    assert find_weights(path) == find_weights(tmp_path) == path
    monkeypatch.setattr("keras_srgan.weights.weights_folder", lambda: tmp_path)
    assert find_weights("small") == path
    with pytest.raises(FileNotFoundError, match="nope: no such weights.*one of: small"):
        find_weights("nope")
    image = np.full((9, 7), 100, "uint8")
    assert keras_srgan.load(path).upscale(image).shape == (36, 28)


def test_changed_weights_are_refused_by_their_hash(saved):
    _, path = saved
    with h5py.File(path, "a") as file:
        file["layers/conv2d/vars/1"][0] = 5
    with pytest.raises(ValueError, match="sha256 differs"):
        load(path)


def test_a_truncated_file_and_a_git_lfs_pointer_are_named(saved):
    generator, path = saved
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="truncated"):
        load_weights(generator, path)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    with pytest.raises(ValueError, match="git lfs pull"):
        load_weights(generator, path)


def test_a_locked_file_is_not_called_truncated(saved, tmp_path):
    generator, path = saved
    code = f"import h5py, sys; f = h5py.File({str(path)!r}, 'a'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(OSError, match="small.weights.h5: another program has locked it"):
            load_weights(generator, path)
        other.stdin.close()
    load_weights(generator, path)


@pytest.mark.parametrize("content,said", [(b"", "empty"), (b"PK\x03\x04" * 9, "not an HDF5"), (b"\x89HDF", "trunc")])
def test_what_is_wrong_with_a_weights_file_is_said(saved, content, said):
    generator, path = saved
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"small.weights.h5: {said}"):
        load_weights(generator, path)


def test_a_damaged_file_is_one_clear_error_wherever_it_is_damaged(saved):
    generator, path = saved
    whole = path.read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:place] + bytes(64) + whole[place + 64 :])
        try:
            load_weights(generator, path)
        except ValueError as error:
            assert "small.weights.h5: " in str(error)


def test_weights_of_another_network_are_named(saved):
    _, path = saved
    for changes in ({"blocks": 2}, {"filters": 4}, {"scale": 2}):
        with pytest.raises(ValueError, match="another network"):
            load_weights(build_generator(SMALL.replace(**changes)), path)


def test_a_missing_or_foreign_card_is_named(saved):
    _, path = saved
    card = path.with_name("small.json")
    card.write_text("[]")
    with pytest.raises(ValueError, match="not a model card"):
        load(path)
    card.unlink()
    with pytest.raises(FileNotFoundError, match="small.json is missing"):
        load(path)


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left.*a.txt"):
        write_atomically(path, fail)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.fixture
def pair(tmp_path):
    """A network and the pretrained one beside it, with other weights."""
    for seed, name in enumerate(("small", "small-pretrained")):
        keras.utils.set_random_seed(seed)
        save_weights(build_generator(SMALL), tmp_path / f"{name}.weights.h5", {"recipe": dataclasses.asdict(SMALL)})
    return tmp_path


def test_alpha_mixes_the_two_networks_weights(pair):
    ends = [load(pair / f"{name}.weights.h5").generator for name in ("small-pretrained", "small")]
    for alpha in (0.0, 0.3, 1.0):
        upscaler = load(pair, alpha=alpha)
        assert upscaler.card["alpha"] == alpha
        for mixed, a, b in zip(upscaler.generator.variables, *(end.variables for end in ends), strict=True):
            np.testing.assert_allclose(np.array(mixed), (1 - alpha) * np.array(a) + alpha * np.array(b), atol=1e-6)


@pytest.fixture
def judged(tmp_path):
    """Weights whose card describes a discriminator beside them."""
    recipe = SMALL.replace(patch=32, discriminator_filters=4, discriminator_dense=8)
    judge = build_discriminator(recipe)
    path = save_weights(judge, tmp_path / "small-discriminator.weights.h5")
    card = {"recipe": dataclasses.asdict(recipe), "discriminator": {"file": path.name, "sha256": sha256(path)}}
    save_weights(build_generator(recipe), tmp_path / "small.weights.h5", card)
    return judge, path


def test_a_card_may_describe_a_discriminator(judged, monkeypatch):
    judge, path = judged
    monkeypatch.setattr("keras_srgan.weights.weights_folder", lambda: path.parent)
    found, recipe, name = find_discriminator("small")
    other = build_discriminator(recipe)
    load_weights(other, found)
    assert (found, name) == (path, "small")
    for one, two in zip(judge.weights, other.weights, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(two), rtol=1e-3, atol=1e-7)


def test_a_discriminator_that_its_card_does_not_describe_is_refused(judged):
    _, path = judged
    assert find_discriminator(path)[2] == "small"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="sha256 differs"):
        find_discriminator(path)


def test_mixed_weights_are_known_by_both_hashes_and_alpha(pair, make_image):
    sharp, pretrained = (sha256(pair / f"{name}.weights.h5") for name in ("small", "small-pretrained"))
    methods = {
        "mixed": load(pair, alpha=0.3),
        "plain": pair,
        "foreign": lambda lr, max_value: lr.repeat(4, 0).repeat(4, 1),
    }
    found = compare([make_image(40, 44)], methods, metrics=["psnr"])
    mixed = f"{sharp}, mixed at alpha 0.3 with pretrained sha256 {pretrained}"
    assert found.provenance["weights"] == {"mixed": mixed, "plain": sharp, "foreign": "not known"}
    assert f"- mixed: sha256 {mixed}\n" in evaluation_markdown(found) and mixed in html(found)


def test_alpha_without_its_pair_is_named(pair):
    with pytest.raises(ValueError, match="alpha 2: give a number from 0"):
        load(pair, alpha=2)
    with pytest.raises(FileNotFoundError, match="small-pretrained-pretrained.weights.h5 is not beside it"):
        load(pair / "small-pretrained.weights.h5", alpha=0.5)
    other = SMALL.replace(blocks=2)
    save_weights(build_generator(other), pair / "small-pretrained.weights.h5", {"recipe": dataclasses.asdict(other)})
    with pytest.raises(ValueError, match="two networks of one form"):
        load(pair, alpha=0.5)


def test_precision_and_engine_are_checked_and_used(saved, rng):
    _, path = saved
    image = rng.uniform(0.3, 0.7, (12, 10)).astype("float32")
    half = load(path, precision="bfloat16")
    assert half.generator.get_layer("trunk").compute_dtype == "bfloat16" and half.engine.name == "keras"
    assert keras.config.dtype_policy().name == "float32"
    assert 0 < np.abs(half.upscale(image) - load(path).upscale(image)).max() < 0.05
    with pytest.raises(ValueError, match="precision 'int8'"):
        load(path, precision="int8")
    with pytest.raises(ValueError, match="computes in float32"):
        load(path, engine="onnx", precision="bfloat16")
    with pytest.raises(ValueError, match="engine 'gpu' is not known"):
        load(path, engine="gpu")
