"""A tiny run as command lines, alone and on several hosts."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_srgan.images import write_image

from ..conftest import textured

BACKENDS = ("tensorflow", "jax")
TINY = (
    "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 64 --patch 32 --batch 4 --val-patch 32 "
    "--patches-per-epoch 12 --pretrain-epochs 2 --epochs 1 --features none --precision float32"
).split()
OP_BY_OP = {"tensorflow": ["--no-xla"], "jax": []}  # what begins sooner


def cluster(index, *names, kind="worker", **more):
    return json.dumps({"cluster": {"worker": names, **more}, "task": {"type": kind, "index": index}})


def start(backend, *arguments, **environment):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *map(str, arguments)], env=environment, **pipes)


@pytest.fixture(scope="session")
def flags(tmp_path_factory):
    """Those of a tiny run on a folder of small images: its closing table takes no time either."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for i in range(4):
        write_image(folder / f"{i}.png", textured(rng, 60, 64))
    return [*TINY, "--data", str(folder)]
