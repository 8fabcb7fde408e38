"""What only a GPU shows. Skipped, by the marker's name, where there is none."""

import csv
import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.gpu

SMALL = (
    "--filters 32 --blocks 2 --discriminator-filters 16 --discriminator-dense 64 --val-patch 96 --features none "
    "--patches-per-epoch 320 --pretrain-epochs 2 --epochs 1"
).split()


@pytest.fixture(scope="module", autouse=True)
def gpu():
    if not shutil.which("nvidia-smi") or subprocess.run(["nvidia-smi", "-L"], capture_output=True).returncode:
        pytest.skip("no GPU")


def train(out, *flags, **environment):
    command = [sys.executable, "-m", "keras_srgan.train", *SMALL, *flags, "--out", str(out)]
    found = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=500)
    assert found.returncode == 0, found.stderr[-2000:]
    with open(out / "log.csv", newline="") as file:
        return found.stdout, list(csv.DictReader(file))


@pytest.mark.parametrize("backend", ("tensorflow", "jax"))
@pytest.mark.parametrize("precision", ("float32", "mixed_bfloat16", "mixed_float16"))
def test_a_gpu_trains_as_a_cpu_does(tmp_path, backend, precision):
    pytest.importorskip(backend)
    said, rows = train(tmp_path / "gpu", "--precision", precision, KERAS_BACKEND=backend)
    if "GPU(s)" not in said:
        pytest.skip(f"{backend} has no GPU")
    _, slow = train(tmp_path / "cpu", KERAS_BACKEND=backend, CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu")
    near = 0.02 if precision == "float32" else 0.2
    for mine, other in zip(rows, slow, strict=True):
        assert float(mine["val_psnr"]) == pytest.approx(float(other["val_psnr"]), abs=near)


@pytest.mark.parametrize("backend", ("tensorflow", "jax"))
def test_all_devices(tmp_path, backend):
    pytest.importorskip(backend)
    _, one = train(tmp_path / "one", KERAS_BACKEND=backend)
    said, rows = train(tmp_path / "all", "--devices", "all", KERAS_BACKEND=backend)
    if "shared by" not in said:
        pytest.skip("one GPU only")
    assert float(rows[-1]["val_psnr"]) == pytest.approx(float(one[-1]["val_psnr"]), abs=0.02)
