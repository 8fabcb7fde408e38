"""Several hosts: processes that train together, are killed, stopped, and refuse what can't be shared."""

import csv
import os
import signal
import socket
import time

import numpy as np
import pytest

from keras_srgan.backend.replicas import Replicas
from keras_srgan.train.callbacks.checkpoint import AGREE, read_checkpoint
from keras_srgan.train.loop import train
from keras_srgan.train.run import Run

from .conftest import OP_BY_OP, cluster, start

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")


def workers(backend, out, *arguments, count=2):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    names = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    command = (
        "-m",
        "keras_srgan.train",
        *arguments,
        "--resume" if "--checkpoint-minutes" not in arguments else "--out",
    )
    return [start(backend, *command, out, TF_CONFIG=cluster(i, *names)) for i in range(count)]


def ended(processes, seconds=240):
    return [(*process.communicate(timeout=seconds), process.returncode) for process in processes]


def weights(folder):
    import h5py

    found = []
    with h5py.File(next(folder.glob("xray-srgan-plus.weights.h5"))) as file:
        file.visititems(lambda _, each: found.append(np.ravel(each[()])) if isinstance(each, h5py.Dataset) else None)
    return np.concatenate(found)


def history(folder):
    with open(folder / "log.csv", newline="") as file:
        return [
            {k: v for k, v in row.items() if not k.startswith(("patches_per", "seconds"))}
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def alone(flags, tmp_path_factory):
    """The folder of a run by one host, which has no GPU, and what it said; each backend's is made once."""
    made = {}

    def run(backend):
        if backend not in made:
            out, devices = tmp_path_factory.mktemp("alone") / "run", ["--devices", "all"][: 2 * (backend != "jax")]
            line = (*flags, *OP_BY_OP[backend], *devices, "--out", out)
            process = start(backend, "-m", "keras_srgan.train", *line, CUDA_VISIBLE_DEVICES="")
            said, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors[-2000:]
            made[backend] = out, said
        return made[backend]

    return run


@pytest.mark.parametrize("backend", ("tensorflow", pytest.param("jax", marks=pytest.mark.slow)))
def test_two_hosts_follow_one_and_survive_a_kill(backend, flags, alone, tmp_path, monkeypatch):
    """Two hosts: the figures of one; only the chief writes; a killed worker ends the job; resuming is exact."""
    if backend == "jax":
        pytest.importorskip("jax")
    minutes = ("--checkpoint-minutes", "0.001")
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "own"))
    tiny = flags + OP_BY_OP[backend]
    (spoken, _, status), (silent, _, other) = ended(workers(backend, tmp_path / "two", *tiny, *minutes))
    assert (status, other) == (0, 0)
    assert not list((tmp_path / "own").glob("keras-srgan-*"))  # the worker's folder is gone
    assert "shared by 1 device(s) on each of 2 hosts" in spoken and "table.md" in spoken
    assert "epoch" not in silent and "|" not in silent.replace("[Gloo]", "")
    one, two = history(alone(backend)[0]), history(tmp_path / "two")
    assert len(one) == len(two) == 3
    for single, shared in zip(one, two, strict=True):
        assert single.keys() == shared.keys()
        for name in single.keys() - {"stage"}:
            if single[name]:
                assert float(shared[name]) == pytest.approx(float(single[name]), abs=2e-4, rel=2e-4), name

    chief, worker = workers(backend, tmp_path / "killed", *tiny, *minutes)
    last, until = tmp_path / "killed" / "checkpoints" / "last.npz", time.monotonic() + 200
    while not last.is_file() and time.monotonic() < until:
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    _, errors = chief.communicate(timeout=60)
    worker.communicate()
    assert chief.returncode == 1
    assert "a step that the hosts share failed" in errors and f"--resume {tmp_path / 'killed'}" in errors
    (_, _, status), (_, _, other) = ended(workers(backend, tmp_path / "killed"))
    assert (status, other) == (0, 0)
    np.testing.assert_array_equal(weights(tmp_path / "killed"), weights(tmp_path / "two"))


def steps_done(checkpoint):
    try:
        return read_checkpoint(checkpoint)[0]["step"]
    except FileNotFoundError:  # not yet, or just moved aside for the next
        return -1


@pytest.mark.parametrize("after", (0, 1), ids=("before the first step", "amid the steps"))
@pytest.mark.parametrize("backend", ("tensorflow", pytest.param("jax", marks=pytest.mark.slow)))
def test_hosts_stop_behind_the_same_step(backend, after, flags, tmp_path):
    """SIGTERM to one of two hosts: both stop, and the checkpoint is of a step that both had done."""
    if backend == "jax":
        pytest.importorskip("jax")
    long = [*flags, *OP_BY_OP[backend], "--patches-per-epoch", "400000", "--checkpoint-minutes", "0.001"]
    processes = workers(backend, tmp_path / "run", *long)
    last = tmp_path / "run" / "checkpoints" / "last.npz"
    until = time.monotonic() + 400  # the first one took 170 s where busy programs shared two cores
    while steps_done(last) < after and time.monotonic() < until:
        time.sleep(0.05)
    processes[1].send_signal(signal.SIGTERM)
    try:
        (said, errors, status), (silent, _, other) = ended(processes)
    finally:
        for process in processes:
            process.kill()
    assert (status, other) == (130, 130), errors
    assert "interrupted; everything is saved: keras-srgan train --resume" in said and "saved" not in silent
    done = steps_done(last)
    assert done >= after and done % AGREE == 0
    if done:
        assert next((tmp_path / "run").glob("xray-srgan-plus*.weights.h5")).is_file()


def test_all_devices_are_one_here(alone):
    """On a machine without a GPU; with some, `tests/test_gpu.py`."""
    _, said = alone("tensorflow")
    assert "shared by" not in said and "table.md" in said


def test_what_devices_cant_share(flags, tmp_path):
    process = start("tensorflow", "-m", "keras_srgan.train", *flags, "--devices", 3, "--out", tmp_path / "run")
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "batch = 4: give a multiple of the 3 devices that share it" in errors
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX's devices can")
def test_what_tensorflows_devices_cant_share(tiny, tmp_path):
    run = Run(tiny.replace(steps_per_execution=3), [], [], tmp_path / "run", replicas=Replicas("2"))
    run.replicas.here = 2
    with pytest.raises(ValueError, match="steps_per_execution = 3: on TensorFlow one device only; give 1"):
        train(run)
    assert not (tmp_path / "run" / "checkpoints").exists()
