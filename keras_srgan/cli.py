"""What the commands share: a quiet start, one-line errors, flags made from a recipe."""

import argparse
import contextlib
import dataclasses
import importlib
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from keras_srgan import machine
from keras_srgan.console import open_missing_streams, unfailing_streams
from keras_srgan.degradation.presets import PRESETS, find_degradation
from keras_srgan.degradation.settings import BICUBIC, Degradation, text_of
from keras_srgan.machine import cores
from keras_srgan.packages import installed
from keras_srgan.recipes import LABELS, Recipe
from keras_srgan.terminal import stderr_aside

DEGRADATION = "degradation."  # before the names of its fields


BACKENDS = ("tensorflow", "jax")


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line. It comes first in every command, and opens closed streams."""

    def __init__(self, *arguments: Any, **options: Any):
        open_missing_streams()
        super().__init__(*arguments, **options)

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
        if kind is Degradation:
            group.add_argument(flag, choices=PRESETS, default=None, help=f"{field.metadata['help']} [{value.name}]")
        elif kind in (bool, bool | None):
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            choices = field.metadata["choices"] or None
            metavar = None if choices else kind.__name__.upper()
            group.add_argument(flag, type=kind, choices=choices, metavar=metavar, default=None, help=text)
    add_degradation_flags(parser, shown.degradation)


def add_degradation_flags(parser: argparse.ArgumentParser, shown: Degradation) -> None:
    """Adds a flag for every field of a degradation."""
    title = f"degradation fields, each N or LOW..HIGH, or names with commas (in brackets: the value in {shown.name})"
    group = parser.add_argument_group(title)
    for field in dataclasses.fields(Degradation)[1:]:
        text = f"{field.metadata['help']} [{text_of(getattr(shown, field.name))}]".replace("%", "%%")
        kind, where = partial(_degradation_value, field.name), DEGRADATION + field.name
        group.add_argument(f"--{field.name}", dest=where, type=kind, metavar="V", default=None, help=text)


def _degradation_value(name: str, text: str) -> Any:
    try:
        return getattr(BICUBIC.replace(**{name: text}), name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def degradation_changes(arguments: argparse.Namespace) -> Degradation | dict[str, Any] | None:
    """What the command line says of the degradation; `None` if nothing."""
    given = {key: value for key, value in vars(arguments).items() if key.startswith(DEGRADATION) and value is not None}
    fields = {key.removeprefix(DEGRADATION): value for key, value in given.items()}
    return find_degradation(arguments.degradation).replace(**fields) if arguments.degradation else fields or None


def recipe_changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """The recipe fields that the command line sets."""
    names = {field.name for field in dataclasses.fields(Recipe)} - set(LABELS)
    values = {**vars(arguments), "degradation": degradation_changes(arguments)}
    return {name: value for name, value in values.items() if name in names and value is not None}


def start_quietly(feeds: bool = False, start: Callable[[], None] = lambda: None) -> str:
    """Imports what Keras runs on, TensorFlow or JAX, without start-up notes that reach the terminal past its log level.

    Args:
        feeds: import TensorFlow beside JAX too, if it is there: tf.data feeds training.
        start: what to do before anything is computed.

    Returns:
        The devices that it found, in words.

    Raises:
        ValueError: if `KERAS_BACKEND` names another one, or one that is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    backend = os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend not in BACKENDS:
        raise ValueError(f"KERAS_BACKEND is {backend}: this program runs on {' and '.join(BACKENDS)}; set one of them")
    if not installed(backend):
        raise ValueError(f"KERAS_BACKEND is {backend}, which is not installed: install it, or set tensorflow or jax")
    if feeds:
        # NumPy's threads spin for a while after each small product that a batch needs, on the cores that train.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with stderr_aside():
        if backend == "jax":
            machine.use_one_arena()
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
    found = f"{len(gpus)} GPU(s)" if gpus else f"CPU, {cores()} core(s)"
    return f"{found}, JAX" if backend == "jax" else found


def run_safely(program: str, work: Callable[[], int]) -> int:
    """Runs a command; an error is one line on stderr and exit status 1. What can't be printed ends nothing.

    `KERAS_SRGAN_DEBUG=1` in the environment shows the trace instead.
    """
    with unfailing_streams():
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


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


positive.__name__ = "positive number"


def port(text: str) -> int:
    """A port's number, for argparse; 0 asks the system for a free one."""
    value = int(text)
    if not 0 <= value < 65536:
        raise ValueError
    return value
