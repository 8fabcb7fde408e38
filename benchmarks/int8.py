"""Whether int8 pays: ONNX Runtime's static quantisation, calibrated on radiographs, beside float32 and bfloat16.

    python benchmarks/int8.py --calibrate DIR --data DIR [--weights xray-srgan-plus-pretrained] [--most 20]

Convolutions of the trunk become int8 (QDQ form, kernels per channel, activations by percentile); the first and the last
convolution stay float32. Prints PSNR under protocol `cxr` and the median seconds of an image.
"""

import argparse
import tempfile
import time
from pathlib import Path

from keras_srgan.cli import start_quietly

device = start_quietly()

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
from onnxruntime.quantization import CalibrationMethod, QuantFormat, quantize_static  # noqa: E402
from onnxruntime.quantization.calibrate import CalibrationDataReader  # noqa: E402

from keras_srgan.backend.arithmetic import describe_machine  # noqa: E402
from keras_srgan.evaluate.protocols import find_protocol  # noqa: E402
from keras_srgan.images import find_images, read_image  # noqa: E402
from keras_srgan.inference import load  # noqa: E402
from keras_srgan.machine import cores  # noqa: E402
from keras_srgan.metrics import psnr  # noqa: E402
from keras_srgan.networks.graph.onnx import to_onnx  # noqa: E402


class Radiographs(CalibrationDataReader):
    """LR images of a folder, in `[-1, 1]`."""

    def __init__(self, folder: str, most: int):
        pairs = (PROTOCOL.pair(read_image(path, 1)) for path in find_images(folder)[:most])
        self.images = iter([as_input(pair) for pair in pairs])

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"lr": image}


def as_input(pair) -> np.ndarray:
    return pair.lr[None, ..., None].astype("float32") * (2 / pair.max_value) - 1


PROTOCOL = find_protocol("cxr")


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = cores(), 3
    run = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda x: run.run(None, {"lr": x})[0]


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--calibrate", required=True, help="folder of training radiographs")
    parse.add_argument("--data", required=True, help="folder of test radiographs")
    parse.add_argument("--weights", default="xray-srgan-plus-pretrained")
    parse.add_argument("--most", type=int, default=20, help="images of each [20]")
    arguments = parse.parse_args()
    upscaler = load(arguments.weights)
    half = load(arguments.weights, precision="bfloat16")
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
        plain.write_bytes(to_onnx(upscaler.generator))
        import onnx

        convolutions = [node.name for node in onnx.load(plain).graph.node if node.op_type == "Conv"]
        quantize_static(
            plain,
            small,
            Radiographs(arguments.calibrate, arguments.most),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            calibrate_method=CalibrationMethod.Percentile,
            nodes_to_quantize=convolutions[1:-2],
        )
        forms = {
            "keras, float32": upscaler.engine.run,
            "keras, bfloat16": half.engine.run,
            "onnx, float32": session(str(plain)),
            "onnx, int8": session(str(small)),
        }
        pairs = [PROTOCOL.pair(read_image(path, 1)) for path in find_images(arguments.data)[: arguments.most]]
        found: dict[str, list[float]] = {name: [] for name in forms}
        seconds: dict[str, list[float]] = {name: [] for name in forms}
        for pair in pairs:
            for name, run in forms.items():
                started = time.perf_counter()
                sr = run(as_input(pair))[0, ..., 0]
                seconds[name].append(time.perf_counter() - started)
                grey = np.clip(np.rint((sr + 1) / 2 * pair.max_value), 0, pair.max_value)
                inner = [PROTOCOL.inner(each, pair.max_value) for each in (pair.hr, grey)]
                found[name].append(float(np.asarray(psnr(*inner))[0]))
    print(f"{describe_machine(device)}\n\n| form | PSNR, dB | s an image |\n| --- | --- | --- |")
    for name in forms:
        print(f"| {name} | {np.mean(found[name]):.2f} | {np.median(seconds[name]):.3f} |")


if __name__ == "__main__":
    main()
