"""Exported networks give Keras's image in their own runtimes, and a failed export leaves nothing."""

import dataclasses
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from keras_srgan.export import exporter as exporting
from keras_srgan.export.__main__ import main
from keras_srgan.export.exporter import export
from keras_srgan.export.formats import CONTRACT, FORMATS
from keras_srgan.inference import Upscaler, load
from keras_srgan.networks import GENERATORS, build_generator
from keras_srgan.networks.discriminators.strided import strided_discriminator
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.recipes import Recipe
from keras_srgan.weights import save_weights

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
VARIANTS = {
    "srresnet bicubic colour": ("srresnet", {"norm": "none", "skip": "bicubic", "channels": 3, "scale": 3}),
    "srresnet even colour": ("srresnet", {"skip": "bicubic", "channels": 3, "scale": 2, "even_phases": True}),
    "compact even": ("compact", {"even_phases": True}),
    "srresnet instance": ("srresnet", {"norm": "batch-instance", "scale": 2}),
    "unet bilinear": ("unet", {"upsampling": "bilinear", "channels": 3, "scale": 1}),
}
NETWORKS = {name: (name, {}) for name in GENERATORS} | VARIANTS
PLUS = Recipe().replace(name="tiny", filters=8, blocks=1, norm="none", skip="bicubic")
SUFFIXES = {kind: form.suffix for kind, form in FORMATS.items()}


def needs(kind):
    for package in FORMATS[kind].packages:
        pytest.importorskip(package)


def built(name):
    family, options = NETWORKS[name]
    options = {"filters": 4, "blocks": 1 if family == "rrdb" else 2, **options}
    taken = inspect.signature(GENERATORS[family]).parameters
    return GENERATORS[family](**{key: value for key, value in options.items() if key in taken})


def smooth(rng, *shape):
    """Values as of an image: neighbours alike."""
    return (0.5 + np.cumsum(rng.normal(size=shape), axis=2) / 40).clip(0, 1).astype("float32")


def by_keras(generator, lr):
    return np.clip(np.asarray(generator(lr * 2 - 1, training=False)) / 2 + 0.5, 0, 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_in_every_format_gives_keras_image_at_any_size(name, shaken, tmp_path, rng):
    generator, runs = shaken(built(name)), {}
    for kind, form in FORMATS.items():
        if all(map(importlib.util.find_spec, form.packages)):
            form.write(generator, tmp_path / f"net{form.suffix}", None)
            runs[kind] = form.open(tmp_path / f"net{form.suffix}")
    for shape in ((1, 9, 7), (2, 21, 34), (1, 2, 3)):
        lr = smooth(rng, *shape, generator.inputs[0].shape[-1])
        expected = by_keras(generator, lr)
        assert ((expected > 0) & (expected < 1)).mean() > 0.5  # clipping hides differences
        for kind, run in runs.items():
            sr = run(lr)
            assert sr.dtype == np.float32 and sr.shape == expected.shape, kind
            # Grey levels of 255; statistics over the whole image differ with the order of summation.
            assert np.abs(sr - expected).max() * 255 < (5e-3 if "instance" in name else 1e-3), kind


@pytest.fixture(scope="module")
def weights(shaken, tmp_path_factory):
    """Weights of a tiny network and its card, and those of an untrained one as its first stage."""
    folder = tmp_path_factory.mktemp("weights")
    networks = {"tiny": shaken(build_generator(PLUS)), "tiny-pretrained": build_generator(PLUS)}
    for name, generator in networks.items():
        card = {"name": name, "recipe": dataclasses.asdict(PLUS), "licence": "Apache-2.0", "intended_use": "research"}
        save_weights(generator, folder / f"{name}.weights.h5", card)
    return folder / "tiny.weights.h5"


def card_of(kind, path):
    if kind == "onnx":
        import onnx

        return json.loads({each.key: each.value for each in onnx.load(path).metadata_props}["card"])
    file = path / "card.json" if kind == "savedmodel" else path.with_name(path.name + ".json")
    return json.loads(file.read_text(encoding="utf-8"))


def run_command(*arguments):
    try:
        return main([str(each) for each in arguments])
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize("kind", FORMATS)
def test_the_command_writes_measures_and_describes_an_export(kind, weights, tmp_path, capfd, rng):
    needs(kind)
    path = tmp_path / f"out/tiny{SUFFIXES[kind]}"
    line = ("--weights", weights, "--format", kind, "--out", path)
    assert run_command(*line) == 0
    said = capfd.readouterr()
    assert said.err == "" and str(path) in said.out and CONTRACT in said.out
    parity = re.search(r"parity with Keras: at most (\S+), RMS (\S+) grey levels of 255", said.out.splitlines()[-1])
    assert 0 <= float(parity[2]) <= float(parity[1]) < exporting.LIMIT
    card = card_of(kind, path)
    assert card["sha256"] == json.loads(weights.with_name("tiny.json").read_text())["sha256"]
    assert (card["licence"], card["intended_use"], card["range"]) == ("Apache-2.0", "research", CONTRACT)
    assert card["export"]["format"] == kind and card["export"]["parity"]["largest"] < exporting.LIMIT
    # The contract is that of the package's own floats.
    lr = smooth(rng, 1, 11, 13, 1)
    np.testing.assert_allclose(FORMATS[kind].open(path)(lr), load(weights).upscale(lr), atol=1e-6)

    assert run_command(*line) == 1
    assert "exists: give another --out, or --overwrite" in capfd.readouterr().err
    before = sorted(each.name for each in path.parent.iterdir())
    assert run_command(*line, "--overwrite", "--alpha", 0) == 0
    assert sorted(each.name for each in path.parent.iterdir()) == before  # nothing temporary stays
    pretrained = load(weights.with_name("tiny-pretrained.weights.h5")).upscale(lr)
    np.testing.assert_allclose(FORMATS[kind].open(path)(lr), pretrained, atol=1e-6)
    assert card_of(kind, path)["alpha"] == 0


@pytest.mark.parametrize("kind", [kind for kind, form in FORMATS.items() if form.quantize])
def test_smaller_forms_are_smaller_and_near(kind, shaken, tmp_path):
    needs(kind)
    upscaler = Upscaler(shaken(srresnet(filters=32, blocks=1)), 4, 1)
    full = export(upscaler, kind, tmp_path / f"full{SUFFIXES[kind]}")
    for quantize in FORMATS[kind].quantize:
        small = export(upscaler, kind, tmp_path / f"{quantize}{SUFFIXES[kind]}", quantize)
        assert small.megabytes < {"float16": 0.65, "int8": 0.5}[quantize] * full.megabytes
        assert full.largest < small.largest < {"float16": 1, "int8": 20}[quantize]
        assert card_of(kind, small.files[0])["export"]["quantize"] == quantize


def test_float16_of_weights_that_are_kept_in_float16_loses_nothing_in_onnx(weights, tmp_path):
    needs("onnx")
    full, small = (export(load(weights), "onnx", tmp_path / f"{q}.onnx", q) for q in (None, "float16"))
    assert small.megabytes < full.megabytes and small.largest == full.largest


def test_litert_takes_other_sizes_by_resize_tensor_input(weights, tmp_path, rng):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    path = export(load(weights), "litert", tmp_path / "tiny.tflite").files[0]
    model = interpreter.Interpreter(str(path))
    for shape in ((1, 9, 7, 1), (2, 14, 5, 1)):
        lr = smooth(rng, *shape)
        model.resize_tensor_input(model.get_input_details()[0]["index"], shape)
        model.allocate_tensors()
        model.set_tensor(model.get_input_details()[0]["index"], lr)
        model.invoke()
        sr = model.get_tensor(model.get_output_details()[0]["index"])
        np.testing.assert_allclose(sr, load(weights).upscale(lr), atol=1e-6)


def test_a_float32_export_unlike_keras_is_one_line_and_leaves_what_was_there(weights, tmp_path, capfd, monkeypatch):
    needs("onnx")
    path, good = tmp_path / "tiny.onnx", FORMATS["onnx"].open
    bad = replace(FORMATS["onnx"], open=lambda path: lambda lr: good(path)(lr) + np.float32(1e-4))
    monkeypatch.setitem(FORMATS, "onnx", bad)
    line = ("--weights", weights, "--format", "onnx", "--out", path)
    assert run_command(*line) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and "differs from Keras by 0.02" in error
    assert list(tmp_path.iterdir()) == []
    path.write_text("an older export")
    assert run_command(*line, "--overwrite") == 1
    assert [each.read_text() for each in tmp_path.iterdir()] == ["an older export"]


def test_a_full_disk_is_one_line_and_leaves_nothing(weights, tmp_path, capfd, monkeypatch):
    import tensorflow as tf

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    assert run_command("--weights", weights, "--format", "savedmodel", "--out", tmp_path / "tiny") == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and "No space left" in error and str(tmp_path / "tiny") in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "status,arguments,message",
    [
        (2, ["--format", "onnx", "--out", "a.tflite"], "a.tflite: give NAME.onnx for onnx"),
        (2, ["--format", "savedmodel", "--out", "a", "--quantize", "float16"], "not for savedmodel; for onnx, litert"),
        (2, ["--format", "tflite", "--out", "a.tflite"], "invalid choice: 'tflite'"),
        (1, ["--format", "savedmodel", "--out", "a", "--weights", "nope"], "nope: no such weights"),
        (1, ["--format", "savedmodel", "--out", "a", "--weights", "cut.weights.h5"], "(sha256 differs)"),
        (1, ["--format", "savedmodel", "--out", "a", "--weights", "other.weights.h5"], "weights of another network"),
        (1, ["--format", "savedmodel", "--out", "a", "--alpha", "2"], "alpha 2.0: give a number from 0"),
        (1, ["--format", "savedmodel", "--out", "folder"], "folder exists"),
        (1, ["--format", "savedmodel", "--out", "folder", "--overwrite"], "folder: not a SavedModel"),
        (1, ["--format", "savedmodel", "--out", "cut.weights.h5/a"], "cut.weights.h5/a"),
    ],
)
def test_mistakes_are_one_line(status, arguments, message, weights, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    card = weights.with_name("tiny.json").read_text()
    (tmp_path / "cut.weights.h5").write_bytes(weights.read_bytes()[:999])
    (tmp_path / "cut.json").write_text(card)
    other = {"recipe": dataclasses.asdict(PLUS.replace(filters=16))}
    save_weights(build_generator(PLUS), tmp_path / "other.weights.h5", other)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    assert run_command("--weights", weights, *arguments) == status
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and message in error
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [kind for kind, form in FORMATS.items() if form.packages])
def test_a_missing_package_is_named_with_its_extra(kind, monkeypatch, capfd, tmp_path):
    monkeypatch.setitem(sys.modules, FORMATS[kind].packages[-1], None)
    assert run_command("--format", kind, "--out", tmp_path / f"a{SUFFIXES[kind]}") == 1
    extra = FORMATS[kind].extra
    assert re.search(
        rf"needs .*{FORMATS[kind].packages[-1]}: pip install 'keras-srgan\[{extra}\]'", capfd.readouterr().err
    )
    pyproject = PAGE.parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf"^{extra} = .*{FORMATS[kind].packages[-1].replace('_', '-')}", pyproject, re.MULTILINE)


def test_a_layer_without_an_onnx_form_is_named():
    needs("onnx")
    from keras_srgan.networks.graph.onnx import to_onnx

    with pytest.raises(ValueError, match="layer 'flatten' \\(Flatten\\)"):
        to_onnx(strided_discriminator(patch=16, filters=2, dense=2))


BLOCKED = """
import sys
class Block:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {blocked}:
            raise ImportError(name + " is not to be imported here")
sys.meta_path.insert(0, Block())
import numpy as np
lr = np.load("lr.npy")
{snippet}
np.save("sr.npy", sr)
"""


@pytest.mark.parametrize("kind", FORMATS)
def test_the_page_runs_an_export_without_this_package(kind, weights, tmp_path, rng):
    needs(kind)
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    snippet = next(each for each in snippets if f'"xray{SUFFIXES[kind]}"' in each)
    assert len(list(filter(None, snippet.splitlines()))) == 3
    export(load(weights), kind, tmp_path / f"xray{SUFFIXES[kind]}")
    lr = smooth(rng, 1, 19, 12, 1)
    np.save(tmp_path / "lr.npy", lr)
    # TensorFlow itself imports Keras.
    blocked = ("keras_srgan",) + (() if kind == "savedmodel" else ("keras", "tensorflow"))
    code = BLOCKED.format(blocked=blocked, snippet=snippet)
    subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "sr.npy"), load(weights).upscale(lr), atol=2e-6)


def test_help_needs_no_tensorflow():
    code = "import sys, keras_srgan.export; assert not {'tensorflow', 'keras', 'onnx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
