"""The site: what it is made of is complete, and what its pages show works."""

import importlib
import importlib.util
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from keras_srgan.__main__ import COMMANDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TUTORIALS = DOCS / "tutorials"
PAGES = [ROOT / "README.md", ROOT / "weights" / "README.md", *DOCS.rglob("*.md")]


def code_of(page: Path, language: str = "python") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands_of(page: Path) -> list[tuple[str, list[str]]]:
    """The commands in a page's blocks, each as its name and its arguments."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^ {4}.*?python -m keras_srgan\.(\w+)(.*)$", text, re.MULTILINE)
    plain = [(name, rest.split("&")[0]) for name, rest in lines if not re.search(r"\.\.\.|[$\[]|HOST:PORT", rest)]
    return [(name, shlex.split(rest, comments=True)) for name, rest in plain]


@pytest.fixture(scope="module")
def reference():
    return runpy.run_path(str(DOCS / "site" / "reference.py"))


def test_the_site_is_built_without_a_warning(tmp_path):
    for package in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        pytest.importorskip(package)
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    assert "SRGAN in Keras 3" in (tmp_path / "tutorials" / "srgan_in_keras" / "index.html").read_text(encoding="utf-8")
    assert 'src="http' not in (tmp_path / "index.html").read_text(encoding="utf-8")
    entries = (
        ("reference/commands", "../../weights/", "Weights"),
        ("training", "../examples/orthanc/", "An Orthanc example"),
    )
    for page, link, name in entries:  # not what the section's own name opens
        menu = (tmp_path / page / "index.html").read_text(encoding="utf-8").split("<article")[0]
        assert re.search(rf'href="{link}"[^>]*>\s*<span class="md-ellipsis">\s*{name}\s*<', menu), name
    assert not (tmp_path / "site").exists()  # what makes the site is no part of it


def test_the_reference_has_every_flag_of_every_command(reference):
    page = reference["commands"]()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(COMMANDS)
    for name in COMMANDS.keys() - {"recipes"}:
        part = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        helps = importlib.import_module(f"keras_srgan.{name}.__main__").parser().format_help()
        for flag in set(re.findall(r"^ {2,}(--[\w-]+)", helps, re.MULTILINE)) - {"--help"}:
            assert flag in part, (name, flag)


def test_the_reference_has_every_public_name(reference):
    pytest.importorskip("griffe")
    import keras_srgan

    page = reference["python"]()
    for name in set(keras_srgan.__all__) - {"__version__"}:
        assert re.search(rf"^::: keras_srgan\..*\.{name}$", page, re.MULTILINE), name
    for room in reference["ROOMS"]:
        for name in importlib.import_module(f"keras_srgan.{room}").__all__:
            assert re.search(rf"^::: .*\.{name}$", page, re.MULTILINE), (room, name)


def test_a_public_name_without_a_docstring_ends_the_build(reference, tmp_path):
    griffe = pytest.importorskip("griffe")
    (tmp_path / "bare.py").write_text("def said():\n    '''What it does.'''\n\n\ndef silent(): ...\n")
    package = griffe.load("bare", search_paths=[str(tmp_path)])
    assert reference["entry"](package, "keras_srgan.said") == "::: keras_srgan.said"
    with pytest.raises(ValueError, match="silent: a public name without a docstring"):
        reference["entry"](package, "keras_srgan.silent")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_only_commands_that_their_parsers_take(page):
    for name, arguments in commands_of(page):
        parser = importlib.import_module(f"keras_srgan.{name}.__main__").parser()
        try:
            parser.parse_args(arguments)
        except SystemExit as end:
            assert not end.code, (name, arguments)


def test_the_code_that_the_explanation_quotes_is_the_code():
    quoted = code_of(DOCS / "explanation" / "srgan.md")
    source = (ROOT / "keras_srgan" / "srgan.py").read_text(encoding="utf-8")
    assert len(quoted) == 5 and all(block in source for block in quoted)


def test_the_first_upscaling_goes_as_told(tmp_path, monkeypatch, capsys):
    from keras_srgan.upscale.__main__ import main

    monkeypatch.chdir(tmp_path)
    page = TUTORIALS / "first-upscaling.md"
    names: dict = {}
    for n, block in enumerate(code_of(page)):
        exec(block, names)
        if n == 0:
            ((_, arguments),) = commands_of(page)
            assert main(arguments) == 0 and {path.suffix for path in Path("out").iterdir()} >= {".png"}
    printed = capsys.readouterr().out
    for said in re.findall(r"`(\([^`]*uint16)`", page.read_text(encoding="utf-8")):
        assert said in printed
    bicubic, network = map(float, re.search(r"bicubic ([\d.]+) dB, xray-fast ([\d.]+) dB", printed).groups())
    assert network > bicubic > 30


def test_the_first_training_goes_as_told(tmp_path, monkeypatch):
    from keras_srgan.train.__main__ import main as train
    from keras_srgan.upscale.__main__ import main as upscale

    monkeypatch.chdir(tmp_path)
    exec(code_of(TUTORIALS / "first-upscaling.md")[0], {})
    tiny = shlex.split(
        "--blocks 1 --filters 4 --patch 32 --batch 2 --patches-per-epoch 4 --epochs 1 --pretrain-epochs 1 "
        "--discriminator-filters 4 --discriminator-dense 4 --features none --val-patch 64"
    )
    page = TUTORIALS / "first-training.md"
    (_, first), (_, resume), (_, use), (_, plan) = commands_of(page)
    assert train(first + tiny) == 0
    for name in re.findall(r"^- `([^`]+)`", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert (tmp_path / "first-run" / name).exists(), name
    assert train(resume) == 0
    assert upscale(use) == 0 and list(Path("out").iterdir())
    assert train(plan) == 0


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_script_in_keras_alone_trains_on_both_backends(backend, tmp_path):
    if not importlib.util.find_spec(backend):
        pytest.skip(f"{backend} is not installed")
    script = TUTORIALS / "srgan_in_keras.py"
    assert "keras_srgan" not in re.sub(r'^""".*?^"""', "", script.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    ended = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"KERAS_BACKEND": backend, "STEPS": "2", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    figures = re.findall(r"^(\w+) +([\d.]+) dB$", ended.stdout, re.MULTILINE)
    assert [name for name, _ in figures] == ["bicubic", "content", "bicubic", "adversarial"]
    assert (tmp_path / "srgan.png").stat().st_size > 10_000
