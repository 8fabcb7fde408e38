"""Every public class and function shows how it is used, and what it shows is so."""

import doctest
import importlib

import numpy as np
import pytest

import keras_srgan

ROOMS = ("", ".layers", ".losses", ".metrics", ".images", ".inference", ".recipes")
PUBLIC = {
    f"keras_srgan{room}.{name}": value
    for room in ROOMS
    for name in importlib.import_module(f"keras_srgan{room}").__all__
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
    doctest.DocTestRunner(optionflags=flags).run(example, out=report.append)
    assert not report, "".join(report)
