"""What a recipe leaves to the machine is decided once, and kept."""

import json

import pytest

from keras_srgan.backend import arithmetic
from keras_srgan.backend.arithmetic import native_bfloat16, precision_note, processor, settle
from keras_srgan.recipes import Recipe
from keras_srgan.train.loop import train
from keras_srgan.train.run import Run

INTEL = (
    "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16\n\nprocessor\t: 1\nflags\t: fpu\n"
)
ZEN3 = "model name\t: AMD EPYC 7R13\nflags\t\t: fpu avx2\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd bf16\n"


@pytest.fixture
def cpu(monkeypatch, tmp_path):
    def set_cpu(text):
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(arithmetic, "CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(arithmetic, "accelerator", lambda: False)

    return set_cpu


@pytest.mark.parametrize("text,native", [(INTEL, True), (ZEN3, False), (ARM, True), ("", False)])
def test_bfloat16_is_chosen_where_the_processor_has_it(cpu, text, native):
    cpu(text)
    assert native_bfloat16() is native
    chosen = settle(Recipe())
    assert chosen.precision == ("mixed_bfloat16" if native else "float32") and chosen.xla is False
    assert settle(Recipe(precision="float32", xla=True)) == Recipe(precision="float32", xla=True)
    assert settle(chosen) == chosen


def test_a_system_that_tells_nothing_of_its_processor(monkeypatch, tmp_path):
    monkeypatch.setattr(arithmetic, "CPUINFO", tmp_path / "none")
    assert processor() == ("", frozenset())


def test_an_accelerator_compiles_by_xla(monkeypatch):
    monkeypatch.setattr(arithmetic, "accelerator", lambda: True)
    monkeypatch.setattr(arithmetic, "native_bfloat16", lambda: True)
    chosen = settle(Recipe())
    assert (chosen.precision, chosen.xla) == ("mixed_bfloat16", True)


def test_emulated_bfloat16_is_said_with_its_cost(cpu):
    cpu(ZEN3)
    assert "times as long as in float32" in precision_note("bfloat16") and not precision_note("float32")
    cpu(INTEL)
    assert not precision_note("mixed_bfloat16")


def test_a_resumed_run_keeps_the_arithmetic_that_it_began_with(cpu, tiny, make_image, tmp_path):
    cpu(ZEN3)
    images = [make_image(name=f"{i}.png") for i in range(5)]
    recipe = tiny.replace(precision="auto", xla=None, pretrain_epochs=1, epochs=0)
    train(Run(recipe, images[:4], images[4:], tmp_path / "run", log=lambda line: None))
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["precision"] == "float32"
    cpu(INTEL)  # the same folder on another machine
    again = Run(recipe.replace(pretrain_epochs=1), images[:4], images[4:], tmp_path / "run", log=lambda line: None)
    train(again, resume=True)
    assert (again.recipe.precision, again.recipe.xla) == ("float32", False)


def test_bfloat16_of_jax_on_a_cpu_is_not_trusted(monkeypatch):
    monkeypatch.setattr(arithmetic, "accelerator", lambda: False)
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    assert "NaN" in precision_note("mixed_bfloat16") and not precision_note("float32")
