"""Engines that run a network's ONNX form."""

from collections.abc import Callable

import keras
import numpy as np

from keras_srgan.machine import cores
from keras_srgan.networks.graph.onnx import to_onnx


def onnx(generator: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """The network in ONNX Runtime, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(to_onnx(generator), options, providers=["CPUExecutionProvider"])
    return lambda lr: session.run(None, {"lr": lr})[0]


def openvino(generator: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """The network in OpenVINO, on the CPU."""
    import openvino

    core = openvino.Core()
    # By default it computes in bfloat16 where the processor can.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    model = core.compile_model(core.read_model(to_onnx(generator)), "CPU", settings)
    request = model.create_infer_request()
    return lambda lr: np.array(request.infer({"lr": lr})[0])
