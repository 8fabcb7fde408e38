"""Several devices and hosts. What needs two devices, or two processes, runs this file as a script."""

import contextlib
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from keras_srgan.backend import devices as replicas
from keras_srgan.backend.devices import Hosts, find, read_hosts
from keras_srgan.data.patches import PatchSampler
from keras_srgan.train.callbacks.checkpoint import AGREE, read_checkpoint
from keras_srgan.train.callbacks.guard import Collapsed
from keras_srgan.train.callbacks.progress import Progress
from keras_srgan.train.run import Run
from keras_srgan.train.stages import _connect, adam

BACKENDS = ("tensorflow", "jax")
BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
STEPS, BATCH = 5, 4
TINY = (
    "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 64 --patch 32 --batch 4 --val-patch 32 "
    "--patches-per-epoch 12 --pretrain-epochs 2 --epochs 1 --features none --precision float32"
).split()
OP_BY_OP = {"tensorflow": ["--no-xla"], "jax": []}  # what begins sooner


def cluster(index, *names, kind="worker", **more):
    return json.dumps({"cluster": {"worker": names, **more}, "task": {"type": kind, "index": index}})


def test_hosts_are_those_of_tf_config():
    assert read_hosts(None) == read_hosts("") == Hosts(("",), 0)
    assert read_hosts(cluster(1, "a:1", "b:2")) == Hosts(("a:1", "b:2"), 1)
    assert read_hosts(cluster(0, "a:1", chief=["c:3"], kind="chief")) == Hosts(("c:3", "a:1"), 0)
    assert read_hosts(cluster(0, "a:1", chief=["c:3"])) == Hosts(("c:3", "a:1"), 1)


@pytest.mark.parametrize(
    "text",
    (
        "workers",
        "[]",
        "{}",
        cluster(2, "a:1", "b:2"),
        cluster(-1, "a:1", "b:2"),
        cluster(0, "a:1", "a:1"),
        cluster(0, "a", "b"),
        cluster(0, "a:1", ps=["b:2"]),
        cluster("x", "a:1"),
        cluster(0, "a:1", kind="chief"),
    ),
)
def test_hosts_that_cant_be_read_are_refused(text):
    with pytest.raises(ValueError, match="^TF_CONFIG = .*: give"):
        read_hosts(text)


@pytest.mark.parametrize("devices", ("0", "-1", "two", "", "1.5"))
def test_a_number_of_devices(devices):
    with pytest.raises(ValueError, match="give a number from 1, or all"):
        find(devices)


@pytest.mark.parametrize(
    ("backend", "devices", "batch", "cores", "parts"),
    (
        ("jax", None, 16, 2, 2),
        ("jax", None, 16, 12, 2),
        ("jax", None, 16, 1, 1),
        ("jax", None, 5, 2, 1),
        ("jax", "1", 16, 2, 1),
        ("jax", "2", 16, 4, 1),
        ("tensorflow", None, 16, 2, 1),
    ),
)
def test_jax_shares_a_cpu_by_itself(backend, devices, batch, cores, parts, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr(replicas, "cores", lambda: cores)
    assert getattr(find(devices, batch), "parts", 1) == parts
    monkeypatch.setenv("TF_CONFIG", cluster(0, "a:1", "b:2"))
    assert getattr(find(devices, batch), "parts", 1) == 1


def test_one_device_alone():
    alone = find("1")
    assert (alone.count, alone.chief, alone.describe()) == (1, True, "")
    alone.barrier("images", 7)
    assert alone.feed("batches", 4) == "batches"


def test_hosts_that_bring_different_things_are_refused(monkeypatch):
    hosts = find("1")
    monkeypatch.setattr(hosts, "_all_numbers", lambda number: [number, 8])
    hosts.barrier("images or settings", 8)
    with pytest.raises(ValueError, match="the hosts have different images or settings: give all the same --data"):
        hosts.barrier("images or settings", 7)


@pytest.mark.parametrize("seconds", (0.0, 5.0))
def test_hosts_look_at_the_losses_of_the_same_steps(seconds, monkeypatch):
    """However long a step takes; one host alone looks by the clock."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def ends(hosts):
        position = {"epoch": 0, "step": 0}
        progress = Progress("pretrain", 1, 50, 4, position, print, hosts)
        progress.set_model(SimpleNamespace(steps_per_execution=1))
        progress.on_epoch_begin(0)
        while True:
            position["step"] += 1
            now[0] += seconds
            try:
                progress.on_train_batch_end(0, {"loss": float("nan") if position["step"] > 3 else 1.0})
            except Collapsed:
                return position["step"]

    assert ends(2) == AGREE
    assert ends(1) == (4 if seconds else 50)


@pytest.mark.parametrize("count", (2, 4))
def test_parts_of_a_batch_are_the_batch(make_image, count):
    images = [make_image(name=f"{i}.png") for i in range(3)]
    options = {"seed": 5, "flat": 0.01, "edges": 0.5, "zoom": 1.3}
    whole = PatchSampler(images, 32, 8, **options)
    parts = [PatchSampler(images, 32, 8, **options, part=(i, count)) for i in range(count)]
    for step in (0, 7):
        drawn = [part.draw(step) for part in parts]
        assert all(len(hr) == 8 // count for hr, _ in drawn)
        for every, pieces in zip(whole.draw(step), zip(*drawn, strict=True), strict=True):
            np.testing.assert_array_equal(np.concatenate(pieces), every)


# Two devices in one process


def build(shared, norm, precision="float32", jit=True, sync=True, clip=0.01, content=False, judge="patch", **options):
    import keras

    from keras_srgan.backend.collectives import whole_gradients
    from keras_srgan.networks import build_discriminator, build_generator
    from keras_srgan.recipes import Recipe
    from keras_srgan.srgan import SRGAN, SRResNetTrainer

    recipe = Recipe(
        precision=precision, lr=1e-4, clip=clip, sync_bn=sync, norm=norm, filters=8, blocks=1, patch=32, batch=BATCH
    ).replace(discriminator=judge, discriminator_filters=4, discriminator_dense=64)
    run = Run(recipe, [], [], Path(), replicas=shared)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    with shared.building():
        networks = build_generator(recipe), build_discriminator(recipe)
        _connect(run, *networks)
        assert any(whole_gradients(networks[1])) == (judge == "strided" and shared.count > 1)
        model = SRResNetTrainer(networks[0]) if content else SRGAN(*networks)
        optimizers = [adam(recipe, "adversarial", 20) for _ in range(2 - content)]
        model.compile(*optimizers, jit_compile=jit, **options)
    keras.config.set_dtype_policy("float32")
    return model


def steps(shared, model):
    """What the steps log, and then the weights."""
    import keras
    import tensorflow as tf

    rows = []
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: rows.append([*map(float, logs.values())]))
    rng = np.random.default_rng(1)
    lr, hr = (rng.uniform(-1, 1, (STEPS * BATCH, side, side, 1)).astype("float32") for side in (8, 32))
    batches = tf.data.Dataset.from_tensor_slices((lr, hr)).batch(BATCH, drop_remainder=True)
    with shared.running():
        model.fit(shared.feed(batches, BATCH), steps_per_epoch=STEPS, verbose=0, callbacks=[note])
    networks = [network for network, _ in model.players()] + [model.ema_generator]
    return np.array(rows), np.concatenate([np.ravel(w) for network in networks for w in network.get_weights()])


CASES = {
    "BN over the batch": {"norm": "batch", "jit": BACKEND == "jax", "judge": "strided"},
    "XLA without BN": {"norm": "none", "content": True},
    "BN over each part": {"norm": "batch", "jit": BACKEND == "jax", "sync": False},
    "bfloat16": {"norm": "none", "jit": BACKEND == "jax", "precision": "mixed_bfloat16", "judge": "strided"},
    "float16": {"norm": "none", "jit": BACKEND == "jax", "precision": "mixed_float16", "clip": 0.0},
    # On TensorFlow in pieces, which compile for long: once, for what else looks at all devices too.
    "XLA with BN over the batch": {"norm": "batch", "adversarial": "relativistic"},
}


def two_devices(folder):
    from keras_srgan.backend.replicas import Replicas
    from keras_srgan.train.callbacks.checkpoint import restore_checkpoint, save_checkpoint

    shared, alone, found = find("2"), Replicas(), {}
    shared.start()
    assert (shared.count, shared.describe()) == (2, "2 devices")
    for name, options in CASES.items():
        for who, devices in (("one", alone), ("two", shared)):
            model = build(devices, **options)
            found[f"{name} {who} logs"], found[f"{name} {who} weights"] = steps(devices, model)
            save_checkpoint(folder / f"{name} {who}.npz", model, {"step": STEPS})
    for who, devices in (("one", alone), ("two", shared)):
        other = {"one": "two", "two": "one"}[who]
        model = build(devices, **CASES["BN over the batch"])
        restore_checkpoint(folder / f"BN over the batch {other}.npz", model)
        found[f"resumed {who} logs"], found[f"resumed {who} weights"] = steps(devices, model)
    np.savez(folder / "found.npz", **found)


def start(backend, *arguments, **environment):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *map(str, arguments)], env=environment, **pipes)


@pytest.fixture(scope="module", params=BACKENDS)
def found(request, tmp_path_factory):
    if request.param == "jax":
        pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp(request.param)
    process = start(request.param, __file__, folder)
    _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors[-3000:]
    with np.load(folder / "found.npz") as file:
        return {"backend": request.param, **file}


@pytest.mark.parametrize("case", ("BN over the batch", "XLA without BN", "XLA with BN over the batch"))
def test_two_devices_follow_one(found, case):
    for what, near in (("logs", 1e-4), ("weights", 5e-5)):
        one, two = (found[f"{case} {who} {what}"] for who in ("one", "two"))
        assert np.ptp(one) > 1e-3
        np.testing.assert_allclose(two, one, atol=near, rtol=near)


def test_bn_over_each_part_is_something_else(found):
    one, two = (found[f"BN over each part {who} logs"] for who in ("one", "two"))
    assert np.isfinite(two).all()
    assert np.abs(two - one).max() > 1e-3


@pytest.mark.parametrize("half", ("float16", "bfloat16"))
def test_half_precision_on_two_devices(found, half):
    one, two = (found[f"{half} {who} logs"] for who in ("one", "two"))
    np.testing.assert_allclose(two, one, atol=0.02, rtol=0.02)


def test_a_checkpoint_is_good_for_any_number_of_devices(found):
    for what, near in (("logs", 1e-4), ("weights", 1e-4)):
        one, two = (found[f"resumed {who} {what}"] for who in ("one", "two"))
        np.testing.assert_allclose(two, one, atol=near, rtol=near)


# Two processes


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


@pytest.mark.parametrize("backend", ("tensorflow", pytest.param("jax", marks=pytest.mark.slow)))
def test_two_hosts_follow_one_and_survive_a_kill(backend, tmp_path, monkeypatch):
    """Two hosts: the figures of one; only the chief writes; a killed worker ends the job; resuming is exact."""
    if backend == "jax":
        pytest.importorskip("jax")
    minutes = ("--checkpoint-minutes", "0.001")
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "own"))
    tiny = TINY + OP_BY_OP[backend]
    alone = start(backend, "-m", "keras_srgan.train", *tiny, "--out", tmp_path / "one")
    assert alone.communicate(timeout=240) and alone.returncode == 0
    (spoken, _, status), (silent, _, other) = ended(workers(backend, tmp_path / "two", *tiny, *minutes))
    assert (status, other) == (0, 0)
    assert not list((tmp_path / "own").glob("keras-srgan-*"))  # the worker's folder is gone
    assert "shared by 1 device(s) on each of 2 hosts" in spoken and "table.md" in spoken
    assert "epoch" not in silent and "|" not in silent.replace("[Gloo]", "")
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
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
def test_hosts_stop_behind_the_same_step(backend, after, tmp_path):
    """SIGTERM to one of two hosts: both stop, and the checkpoint is of a step that both had done."""
    if backend == "jax":
        pytest.importorskip("jax")
    long = [*TINY, *OP_BY_OP[backend], "--patches-per-epoch", "400000", "--checkpoint-minutes", "0.001"]
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


def test_all_devices_are_one_here(tmp_path):
    """On a machine without a GPU; with some, `tests/test_gpu.py`."""
    process = start(
        "tensorflow",
        "-m",
        "keras_srgan.train",
        *TINY,
        "--no-xla",
        "--devices",
        "all",
        "--out",
        tmp_path / "run",
        CUDA_VISIBLE_DEVICES="",
    )
    said, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-2000:]
    assert "shared by" not in said and "table.md" in said


@pytest.mark.parametrize(
    ("flags", "said"),
    (
        (("--devices", 3), "batch = 4: give a multiple of the 3 devices that share it"),
        (
            ("--devices", 2, "--steps-per-execution", 3),
            "steps_per_execution = 3: on TensorFlow one device only; give 1",
        ),
    ),
)
def test_what_devices_cant_share(flags, said, tmp_path):
    process = start("tensorflow", "-m", "keras_srgan.train", *TINY, *flags, "--out", tmp_path / "run")
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 1
    assert said in errors
    assert not (tmp_path / "run" / "checkpoints").exists()


if __name__ == "__main__":
    with contextlib.suppress(ImportError):
        import tensorflow  # noqa: F401
    two_devices(Path(sys.argv[1]))
