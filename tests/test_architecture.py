"""Who may import whom, and where an engine is named."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "keras_srgan"

# From the ground up: a folder or file imports only from floors below its own.
FLOORS = (
    ("version", "registration", "console", "files", "hdf5", "machine", "markdown", "html_page", "packages")
    + ("resampling", "roc", "terminal"),
    ("degradation", "hub"),
    ("recipes",),
    ("images", "cli", "weights", "backend"),
    ("data", "layers"),
    ("prepare", "networks", "losses"),
    ("inference", "metrics"),
    ("upscale", "export", "mos", "srgan"),
    ("evaluate", "pacs", "demo"),
    ("train",),
    ("__init__", "__main__"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# TensorFlow by name; everything else runs on any Keras backend.
TENSORFLOW = (
    "backend/arithmetic.py",
    "backend/tensorflow_replicas.py",
    "backend/tensorflow_step.py",
    "cli.py",
    "data/pipeline.py",
    "data/shards/stores.py",
    "export/formats.py",
    "inference/engines/__init__.py",
    "networks/graph/saved_model.py",
)
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(path):
    """The modules that a file imports, inside functions too, as dotted names."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_go_down_and_nothing_imports_a_command(path):
    room = path.parts[0].removesuffix(".py")
    for name in imported(path):
        if name.startswith("keras_srgan."):
            other = name.split(".")[1]
            other = other if other in FLOOR else "__init__"
            assert other == room or FLOOR[other] < FLOOR[room], f"{path} imports {name}"
            assert ".__main__" not in name, f"{path} imports {name}"


def test_tensorflow_is_named_where_it_is_said_to_be_only():
    named = [path.as_posix() for path in FILES if any(name.split(".")[0] == "tensorflow" for name in imported(path))]
    assert tuple(named) == TENSORFLOW


@pytest.mark.parametrize("command", ["prepare", "train", "upscale", "evaluate", "export", "mos", "pacs", "demo"])
def test_a_commands_folder_imports_nothing(command):
    # The environment is set before Keras loads.
    assert not (PACKAGE / command / "__init__.py").read_text(encoding="utf-8").strip()


def test_no_file_is_long():
    files = [path for folder in ("keras_srgan", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 300
    assert not [str(path) for path in files if len(path.read_text(encoding="utf-8").splitlines()) >= 300]
