"""What users of Keras and KerasHub expect of a network works."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import keras_srgan
from keras_srgan.weights import find_weights, weights_folder

NAME = "xray-fast"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A generator saved by Keras's own means, an image, and what it makes of it."""
    folder = tmp_path_factory.mktemp("saved")
    generator = keras_srgan.from_preset(NAME)
    generator.save(folder / "x.keras")
    lr = np.random.default_rng(0).uniform(-1, 1, (1, 9, 11, 1)).astype("float32")
    np.save(folder / "lr.npy", lr)
    np.save(folder / "sr.npy", np.asarray(generator(lr)))
    return folder


def fresh(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


LOAD = """
import numpy as np
sr = keras.saving.load_model("x.keras", safe_mode=True)(np.load("lr.npy"))
assert np.abs(np.asarray(sr) - np.load("sr.npy")).max() < 1e-4
"""


@pytest.mark.parametrize("order", ["import keras, keras_srgan", "import keras_srgan, keras"])
def test_a_saved_generator_loads_in_safe_mode_in_a_fresh_process(saved, order):
    done = fresh(order + LOAD, saved)
    assert done.returncode == 0, done.stderr[-2000:]


def test_without_the_package_the_error_names_what_to_import(saved):
    done = fresh("import keras" + LOAD, saved)
    assert done.returncode and "keras_srgan" in done.stderr and "make sure they are all imported" in done.stderr


def test_keras_quantize_warns_and_changes_nothing(saved):
    generator = keras_srgan.from_preset(NAME)
    with pytest.warns(UserWarning, match="Conv2D does not have a `quantize` method"):
        generator.quantize("int8")
    sr = np.asarray(generator(np.load(saved / "lr.npy")))
    np.testing.assert_array_equal(sr, np.load(saved / "sr.npy"))
    assert {variable.dtype for variable in generator.variables} == {"float32"}  # docs/export.md says so


@pytest.mark.parametrize("form", ["tf_saved_model", "openvino", "litert"])
def test_keras_export_writes_the_network_as_it_is(saved, tmp_path, form):
    needed = {"tf_saved_model": "tensorflow", "openvino": "openvino", "litert": "ai_edge_litert"}[form]
    pytest.importorskip(needed)
    path = str(tmp_path / {"tf_saved_model": "x", "openvino": "x.xml", "litert": "x.tflite"}[form])
    keras_srgan.from_preset(NAME).export(path, format=form, verbose=False)
    lr = np.load(saved / "lr.npy")
    if form == "tf_saved_model":
        import tensorflow

        loaded = tensorflow.saved_model.load(path)
        sr = loaded.serve(lr).numpy()
    elif form == "openvino":
        import openvino

        sr = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(lr)[0]
    else:
        from ai_edge_litert.interpreter import Interpreter

        network = Interpreter(path)
        network.resize_tensor_input(network.get_input_details()[0]["index"], lr.shape)
        network.allocate_tensors()
        network.set_tensor(network.get_input_details()[0]["index"], lr)
        network.invoke()
        sr = network.get_tensor(network.get_output_details()[0]["index"])
    assert np.abs(sr - np.load(saved / "sr.npy")).max() * 127.5 < 0.01  # grey levels


def test_the_import_alone_loads_no_keras(tmp_path):
    done = fresh("import sys, keras_srgan; assert 'keras' not in sys.modules", tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_preset_goes_out_and_comes_back(tmp_path):
    upscaler = keras_srgan.load(NAME)
    path = keras_srgan.save_to_preset(upscaler, tmp_path / "mine")
    again = keras_srgan.load(tmp_path / "mine")
    assert path.name == f"{NAME}.weights.h5" and again.card["recipe"] == upscaler.card["recipe"]
    for ours, theirs in zip(again.generator.variables, upscaler.generator.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_preset_needs_a_recipe(tmp_path):
    upscaler = keras_srgan.load(NAME)
    upscaler.card = {}
    with pytest.raises(ValueError, match="recipe"):
        keras_srgan.save_to_preset(upscaler, tmp_path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The Hub's cache with one repository, in its layout, and no network."""
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants

    commit = "0" * 40
    repository = tmp_path / "models--someone--chest"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    for suffix in (".weights.h5", ".json"):
        shutil.copy(weights_folder() / f"{NAME}{suffix}", snapshot)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return snapshot


def test_weights_on_the_hub_are_found_in_its_cache(hub):
    upscaler = keras_srgan.load("hf://someone/chest")
    assert upscaler.card["sha256"] == json.loads((hub / f"{NAME}.json").read_text())["sha256"]
    assert find_weights("hf://someone/chest@main").parent == hub


@pytest.mark.parametrize("address", ["hf://chest", "hf:///", "hf://a/b/c"])
def test_an_address_of_another_form_is_refused(address):
    with pytest.raises(ValueError, match="hf://ORGANISATION/NAME"):
        find_weights(address)


def test_what_the_hub_does_not_have_is_one_line(hub):
    with pytest.raises(ValueError, match="hf://someone/else: not in the Hub's cache") as said:
        find_weights("hf://someone/else")
    assert "\n" not in str(said.value)
