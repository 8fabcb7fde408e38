"""What the documentation shows works."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from keras_srgan import networks
from keras_srgan.recipes import RECIPES, recipe
from keras_srgan.resampling import resize
from keras_srgan.weights import cards

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]


def test_a_network_added_as_the_page_says_is_built_and_starts_as_bicubic(monkeypatch, rng):
    page = (ROOT / "docs" / "adding-a-network.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert len(code.splitlines()) <= 30
    names: dict = {}
    exec(code, names)
    monkeypatch.setitem(networks.GENERATORS, "plain", names["plain"])
    field = recipe.Recipe.__dataclass_fields__["generator"]
    monkeypatch.setattr(field, "metadata", {**field.metadata, "choices": ("plain",)})
    generator = networks.build_generator(recipe.Recipe(generator="plain", skip="bicubic", filters=4, blocks=2))
    lr = rng.uniform(-1, 1, (1, 5, 7, 1)).astype("float32")
    np.testing.assert_allclose(np.asarray(generator(lr))[0], resize(lr[0], 4), atol=1e-5)


# By this file; the others' blocks by another test.
RUN_HERE = ("README.md", "docs/degradation.md", "docs/dicom.md", "docs/inference.md", "docs/protocols.md")
RUN_ELSEWHERE = {
    "docs/adding-a-network.md": "test_docs.py",
    "docs/explanation/srgan.md": "test_site.py",
    "docs/export.md": "export/test_export.py",
    "docs/tutorials/first-upscaling.md": "test_site.py",
}


@pytest.mark.parametrize("page", RUN_HERE)
def test_the_python_blocks_of_a_page_run(page, make_image, tmp_path, monkeypatch):
    from pydicom.data import get_testdata_file

    import keras_srgan

    monkeypatch.chdir(tmp_path)
    keras_srgan.write_image("chest.png", make_image(24, 28, dtype="uint16").pixels)
    keras_srgan.write_image("images/test/chest.png", make_image(160, 164).pixels)
    Path("a.dcm").write_bytes(Path(get_testdata_file("MR_small.dcm")).read_bytes())
    names = {
        "array": make_image(20, 24, dtype="uint16").pixels // 16,
        "sha256": "0" * 64,
        "their_network": lambda lr: lr.repeat(4, 0).repeat(4, 1),
        "upscaler": keras_srgan.load("xray-fast"),
    }
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(block, names)


def test_no_pages_python_is_left_out():
    found = {page.relative_to(ROOT).as_posix() for page in PAGES if "\n```python\n" in page.read_text(encoding="utf-8")}
    assert found == {*RUN_HERE, *RUN_ELSEWHERE}
    for page, test in RUN_ELSEWHERE.items():
        assert page.rsplit("/", 1)[1] in (ROOT / "tests" / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_named_files_exist(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
    for script in re.findall(r"python (benchmarks/\w+\.py)", text):
        assert (ROOT / script).is_file(), script
    for test in re.findall(r"`(tests/[\w/]+\.py)`", text):
        assert (ROOT / test).is_file(), test
    for module in re.findall(r"python -m (keras_srgan(?:\.[a-z_]+)?)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_every_recipe_says_where_it_comes_from():
    for each in RECIPES.values():
        assert each.source and each.name


def test_the_pages_table_of_recipes_says_what_the_recipes_say():
    listed = RECIPES.values()
    page = (ROOT / "docs" / "model-zoo.md").read_text(encoding="utf-8").split("## The recipes")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    assert [(row[0], *row[-2:]) for row in rows[2:]] == [
        (each.name, each.source, each.reported or "-") for each in listed
    ]


def test_a_papers_figure_is_its_own():
    # 31.92 dB is of the COVID-19 paper; the paper of `xray-srgan` reports no figure.
    assert "31.92" in RECIPES["covid-srgan8"].reported and "Zhou" in RECIPES["covid-srgan8"].source
    assert [name for name, each in RECIPES.items() if "31.92" in each.reported] == ["covid-srgan8"]
    for card in cards(ROOT / "weights"):
        recipe_there = json.loads(card.read_text(encoding="utf-8"))["recipe"]
        assert ("31.92" in recipe_there["reported"]) == (recipe_there["name"] == "covid-srgan8"), card.name


def test_the_five_papers_are_cited_in_full():
    page, readme = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/model-zoo.md", "README.md"))
    for doi in ("10.5220/0013525000004619", "10.15680/IJIRSET.2025.1404646"):
        assert f"https://doi.org/{doi}" in page and f"https://doi.org/{doi}" in readme
    for title in (
        "Super-Resolution Reconstruction of COVID-19 Images Based on Generative Adversarial Networks",
        "Image Super Resolution using Generative Adversarial Networks",
        "Image super-resolution reconstruction based on improved generative adversarial network",
        "Image Super Resolution using GAN framework",
    ):
        assert f'"{title}"' in page
