"""The formats of exported networks: how each is written, carries its card, and is run by its own runtime."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keras_srgan.files import json_text, write_text

if TYPE_CHECKING:
    import keras
    import numpy as np

    Run = Callable[[np.ndarray], np.ndarray]

CONTRACT = (
    "lr (n, h, w, C), h and w from 2 -> sr (n, h * scale, w * scale, C): float32 in [0, 1], 0 is black, 1 is white"
)


@dataclass(frozen=True)
class Format:
    """A format of exported networks. All take `lr` and give `sr`, float32, NHWC, in `[0, 1]`.

    Args:
        suffix: string, of the path; empty for a folder.
        extra: string, the package's extra that installs what it needs.
        packages: tuple of strings, the modules that it needs beside TensorFlow.
        quantize: tuple of strings, the smaller forms that it offers.
        companions: tuple of strings, the suffixes of the files beside its own.
        write: function of generator, path and one of `quantize` or `None`.
        open: function of the path, which gives a function from `lr` to `sr`, NumPy arrays.
        describe: function of path and card, a dictionary.
    """

    suffix: str
    extra: str
    packages: tuple[str, ...]
    quantize: tuple[str, ...]
    companions: tuple[str, ...]
    write: "Callable[[keras.Model, Path, str | None], object]"
    open: "Callable[[Path], Run]"
    describe: Callable[[Path, dict], object]


def _write_card(file: Path, card: dict) -> None:
    write_text(file, json_text(card))


def _write_saved_model(generator: "keras.Model", path: Path, quantize: str | None) -> None:
    from keras_srgan.networks.graph.saved_model import write_saved_model

    write_saved_model(generator, path)


def _open_saved_model(path: Path) -> "Run":
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda lr: model.signatures["serving_default"](lr=tf.constant(lr))["sr"].numpy()


def _write_onnx(generator: "keras.Model", path: Path, quantize: str | None) -> None:
    from keras_srgan.networks.graph.onnx import to_onnx

    path.write_bytes(to_onnx(generator, unit=True, half=quantize == "float16"))


def _open_onnx(path: Path) -> "Run":
    import onnxruntime

    from keras_srgan.machine import cores

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda lr: session.run(["sr"], {"lr": lr})[0]


def _describe_onnx(path: Path, card: dict) -> None:
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"card": json_text(card, None).strip()})
    onnx.save(model, path)


def _write_litert(generator: "keras.Model", path: Path, quantize: str | None) -> None:
    from keras_srgan.networks.graph.saved_model import to_litert

    path.write_bytes(to_litert(generator, quantize))


def _open_litert(path: Path) -> "Run":
    from ai_edge_litert.interpreter import Interpreter

    from keras_srgan.machine import cores

    model = Interpreter(model_content=path.read_bytes(), num_threads=cores()).get_signature_runner()
    return lambda lr: model(lr=lr)["sr"]


def _write_openvino(generator: "keras.Model", path: Path, quantize: str | None) -> None:
    import openvino

    from keras_srgan.networks.graph.onnx import to_onnx

    model = openvino.Core().read_model(to_onnx(generator, unit=True))
    openvino.save_model(model, path, compress_to_fp16=quantize == "float16")


def _open_openvino(path: Path) -> "Run":
    import openvino

    # By default it computes in bfloat16 where the processor can.
    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda lr: model({"lr": lr})["sr"]


def _card_beside(path: Path, card: dict) -> None:
    # NAME.json may be the weights' own card.
    _write_card(path.with_name(path.name + ".json"), card)


FORMATS = {
    "savedmodel": Format(
        suffix="",
        extra="",
        packages=(),
        quantize=(),
        companions=(),
        write=_write_saved_model,
        open=_open_saved_model,
        describe=lambda path, card: _write_card(path / "card.json", card),
    ),
    "onnx": Format(
        suffix=".onnx",
        extra="onnx",
        packages=("onnx", "onnxruntime"),
        quantize=("float16",),
        companions=(),
        write=_write_onnx,
        open=_open_onnx,
        describe=_describe_onnx,
    ),
    "litert": Format(
        suffix=".tflite",
        extra="litert",
        packages=("ai_edge_litert",),
        quantize=("float16", "int8"),
        companions=(".tflite.json",),
        write=_write_litert,
        open=_open_litert,
        describe=_card_beside,
    ),
    "openvino": Format(
        suffix=".xml",
        extra="openvino",
        packages=("onnx", "openvino"),
        quantize=("float16",),
        companions=(".bin", ".xml.json"),
        write=_write_openvino,
        open=_open_openvino,
        describe=_card_beside,
    ),
}
