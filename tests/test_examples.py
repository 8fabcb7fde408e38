"""Every public class and function shows how it is used, and what it shows is so."""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import keras_srgan

ROOT = Path(__file__).parents[1]
ROOMS = ("", ".layers", ".losses", ".metrics", ".images", ".inference", ".recipes")
PAGES = [each.read_text(encoding="utf-8") for each in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))]
SHOWN = {  # by the pages; what networks are built of has an example of its own, `docs/adding-a-network.md`
    (module, name)
    for page in PAGES
    for module, names in re.findall(r"from keras_srgan([\w.]*) import ([\w, ]+)", page)
    + re.findall(r"`keras_srgan([\w.]*)\.(\w+)\(", page)
    for name in names.split(", ")
    if module != ".networks.generators.blocks"
}
PUBLIC = {
    f"keras_srgan{room}.{name}": value
    for room, name in sorted(
        {(room, name) for room in ROOMS for name in importlib.import_module(f"keras_srgan{room}").__all__} | SHOWN
    )
    if callable(value := getattr(importlib.import_module(f"keras_srgan{room}"), name))
}


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What an example may name, in a folder with a small radiograph and a folder of them."""
    import keras

    from keras_srgan.data.sample import sample_radiograph

    monkeypatch.chdir(tmp_path)
    image = sample_radiograph(reduce=8)
    keras_srgan.write_image("chest.png", image.pixels[:96, :128], image.max_value)
    keras_srgan.write_image("images/chest.png", image.pixels[:96, :128], image.max_value)
    known = {each: getattr(keras_srgan, each) for each in keras_srgan.__all__}
    return known | {"keras": keras, "keras_srgan": keras_srgan, "np": np}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_of_a_public_name_runs(name, names):
    room, _, last = name.rpartition(".")
    value = PUBLIC[name]
    known = names | vars(importlib.import_module(room))
    (example,) = [
        each for each in doctest.DocTestFinder(recurse=False).find(value, last, globs=known) if each.examples
    ] or pytest.fail(f"{name}: its docstring has no example")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    report = []
    doctest.DocTestRunner(verbose=False, optionflags=flags).run(example, out=report.append)
    assert not report, "".join(report)
