"""Every module can be the first that a program imports."""

import os
import subprocess
import sys

import pytest

# Those that import Keras at their top and that the layers rest on; each in a process of its own.
FIRST = ("backend.collectives", "layers.distributed", "layers", "resampling", "srgan", "metrics", "losses", "networks")


@pytest.mark.parametrize("name", FIRST)
def test_a_module_can_be_imported_first(name):
    code = f"import keras_srgan.{name}, keras; keras.saving.get_registered_object('keras_srgan>SubpixelConv2D') or 1/0"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
