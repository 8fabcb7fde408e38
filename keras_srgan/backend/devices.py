"""Several devices and several hosts: each takes its part of every batch, and all take the same step.

`find` reads what was asked for and imports no engine; `start` engages it, before anything else uses one.
"""

import contextlib
import json
import math
import os
from dataclasses import dataclass

from keras_srgan.backend.replicas import Replicas
from keras_srgan.machine import cores

__all__ = ["HOSTS", "Hosts", "Replicas", "find", "read_hosts"]
HOSTS = "TF_CONFIG"
PARTS = 2  # of a CPU, for JAX: more were not measured, and each holds all weights and Adam's state
FORM = '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Hosts:
    """The processes of a job: their addresses, the same list for all, and which of them this one is."""

    addresses: tuple[str, ...] = ("",)
    index: int = 0


def read_hosts(text: str | None) -> Hosts:
    """Reads the hosts from `TF_CONFIG`, which both engines go by; empty: this host alone.

    Args:
        text: string, JSON, or `None`.

    Raises:
        ValueError: if it is anything but a list of workers, with a chief at most, and one of their indices.
    """
    if not text:
        return Hosts()
    wrong = ValueError(f"{HOSTS} = {text}: give {FORM}")
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        names = [*cluster.get("chief", []), *cluster["worker"]]
        index = int(task["index"]) + (len(cluster.get("chief", [])) if task["type"] == "worker" else 0)
        known = set(cluster) <= {"chief", "worker"} and task["type"] in cluster
        if known and 0 <= index < len(names) == len(set(names)) and all(":" in name for name in names):
            return Hosts(tuple(names), index)
    raise wrong


def find(devices: str | None = None, batch: int = 1) -> Replicas:
    """What shares the batches of a run.

    Args:
        devices: string, how many devices of each host: a number, or `"all"`. Where there is no accelerator, as many
            parts of the CPU. Defaults to one; on JAX without an accelerator, which keeps one core busy, to two where
            there are two cores and the batch is even.
        batch: integer, patches that the devices share.

    Returns:
        `Replicas`, not yet started.

    Raises:
        ValueError: for anything else than a number from 1 or `"all"`, or a `TF_CONFIG` that can't be read.
    """
    if devices not in (None, "all") and not (devices.isdigit() and int(devices)):
        raise ValueError(f"--devices {devices}: give a number from 1, or all")
    hosts = read_hosts(os.environ.get(HOSTS))
    alone = len(hosts.addresses) == 1
    jax = (os.environ.get("KERAS_BACKEND") or "tensorflow") == "jax"
    parts = math.gcd(min(cores(), PARTS), batch) if jax and alone and devices is None else 1
    devices = devices or "1"
    if devices == "1" and alone and parts == 1:
        return Replicas()
    if jax:
        from keras_srgan.backend.jax_replicas import JaxReplicas

        return JaxReplicas(devices, hosts.addresses, hosts.index, parts)
    from keras_srgan.backend.tensorflow_replicas import TensorFlowReplicas

    return TensorFlowReplicas(devices, hosts.addresses, hosts.index)
