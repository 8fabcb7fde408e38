"""What is said where an optional package is missing: the same, whatever else is missing."""

import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from keras_srgan.cli import start_quietly
from keras_srgan.data.kaggle import kaggle_chest_xray
from keras_srgan.data.shards.stores import Store
from keras_srgan.inference.engines import require as require_engine
from keras_srgan.weights import find_weights

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def command(name, *arguments):
    return lambda: import_module(f"keras_srgan.{name}.__main__").main(list(arguments))


RAY = command("upscale", "in", "--out", "out", "--ray"), "--ray needs ray and pyarrow", "ray"
LISTEN = command("pacs", "listen", "--out", "out", "--accept-any")
PACS = LISTEN, "keras_srgan.pacs needs pynetdicom and dicomweb_client", "pacs"
NEEDS = {  # what is hidden: what is asked for, what is said, the extra
    "ray": RAY,
    "pyarrow": RAY,
    "onnx": (
        command("export", "--format", "onnx", "--out", "a.onnx"),
        "export: onnx needs onnx and onnxruntime",
        "onnx",
    ),
    "onnxruntime": (lambda: require_engine("onnx"), "engine 'onnx' needs onnx and onnxruntime", "onnx"),
    "openvino": (lambda: require_engine("openvino"), "engine 'openvino' needs onnx and openvino", "openvino"),
    "ai_edge_litert": (
        command("export", "--format", "litert", "--out", "a.tflite"),
        "export: litert needs ai_edge_litert",
        "litert",
    ),
    "kagglehub": (kaggle_chest_xray, "paultimothymooney/chest-xray-pneumonia needs kagglehub", "kaggle"),
    "huggingface_hub": (lambda: find_weights("hf://someone/chest"), "hf://someone/chest needs huggingface_hub", "hub"),
    "gradio": (command("demo", "--gradio"), "--gradio needs gradio", "demo"),
    "fsspec": (lambda: Store("memory://set"), "any other URL needs fsspec", "urls"),
    "pynetdicom": PACS,
    "dicomweb_client": PACS,
    "jax": (start_quietly, "KERAS_BACKEND is jax, which is not installed", ""),
}


@pytest.mark.parametrize("others", ["others as they are", "all others hidden"])
@pytest.mark.parametrize("hidden", NEEDS)
def test_a_missing_package_is_one_line_that_says_what_to_install(hidden, others, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax" if hidden == "jax" else "")
    for name in NEEDS if others.startswith("all") else [hidden]:
        monkeypatch.setitem(sys.modules, name, None)
    ask, said, extra = NEEDS[hidden]
    try:
        assert ask() == 1
        lines = capsys.readouterr().err.splitlines()
    except ValueError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1 and said in lines[0]
    if extra:
        assert lines[0].endswith(f"pip install 'keras-srgan[{extra}]'")
        package = {"ai_edge_litert": "ai-edge-litert", "dicomweb_client": "dicomweb-client", "pyarrow": "ray[data]"}
        brought = PROJECT["optional-dependencies"][extra]
        assert any(each.startswith(package.get(hidden, hidden)) for each in brought)
    assert list(tmp_path.iterdir()) == []
