"""What the commands share: a quiet start, one-line errors, flags made from a recipe."""

import argparse
import contextlib
import dataclasses
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from keras_srgan import heap
from keras_srgan.cores import cores
from keras_srgan.recipe import LABELS, Recipe


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see --help)", file=sys.stderr)
        raise SystemExit(2)


def add_recipe_flags(parser: argparse.ArgumentParser, shown: Recipe) -> None:
    """Adds a flag for every field of a recipe; the help shows the values of `shown`."""
    group = parser.add_argument_group(f"recipe fields (in brackets: the value in {shown.name})")
    for field in dataclasses.fields(Recipe):
        if field.name in LABELS:
            continue
        flag, value = f"--{field.name.replace('_', '-')}", getattr(shown, field.name)
        text = f"{field.metadata['help']} [{value}]".replace("%", "%%")
        kind: Any = field.type
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            choices = field.metadata["choices"] or None
            metavar = None if choices else kind.__name__.upper()
            group.add_argument(flag, type=kind, choices=choices, metavar=metavar, default=None, help=text)


def recipe_changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """The recipe fields that the command line sets."""
    names = {field.name for field in dataclasses.fields(Recipe)} - set(LABELS)
    return {name: value for name, value in vars(arguments).items() if name in names and value is not None}


def start_quietly(feeds: bool = False, start: Callable[[], None] = lambda: None) -> str:
    """Imports what Keras runs on, TensorFlow or JAX, without start-up notes that reach the terminal past its log level.

    Args:
        feeds: import TensorFlow beside JAX too, if it is there: tf.data feeds training.
        start: what to do before anything is computed.

    Returns:
        The devices that it found, in words.

    Raises:
        ValueError: if `KERAS_BACKEND` names something that is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    backend = os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if importlib.util.find_spec(backend) is None:
        raise ValueError(f"KERAS_BACKEND is {backend}, which is not installed: install it, or set tensorflow or jax")
    if feeds:
        # NumPy's threads spin for a while after each small product that a batch needs, on the cores that train.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        if backend == "jax":
            heap.share()
            import jax

            start()
            gpus = [device for device in jax.devices() if device.platform != "cpu"]
            if feeds:
                with contextlib.suppress(ImportError):
                    importlib.import_module("tensorflow")
        else:
            os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
            import tensorflow as tf

            start()
            gpus = tf.config.list_logical_devices("GPU")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    found = f"{len(gpus)} GPU(s)" if gpus else f"CPU, {cores()} core(s)"
    return f"{found}, JAX" if backend == "jax" else found


def run_safely(program: str, work: Callable[[], int]) -> int:
    """Runs a command; an error is one line on stderr and exit status 1.

    `KERAS_SRGAN_DEBUG=1` in the environment shows the trace instead.
    """
    try:
        return work()
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("KERAS_SRGAN_DEBUG"):
            raise
        print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
