"""Which devices and hosts there are, and who gets which part of a batch."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from keras_srgan.backend import devices as replicas
from keras_srgan.backend.devices import Hosts, find, read_hosts
from keras_srgan.data.patches import PatchSampler
from keras_srgan.train.callbacks.checkpoint import AGREE
from keras_srgan.train.callbacks.guard import Collapsed
from keras_srgan.train.callbacks.progress import Progress

from .conftest import cluster


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
