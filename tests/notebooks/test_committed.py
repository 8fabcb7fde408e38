"""The committed files are those of a real run, small, and can be read on GitHub."""

import re

import pytest

from keras_srgan.recipes import find_recipe

from .conftest import FILES, FOLDER, PICTURES, RUN, code_cells, outputs, picture, read, table

MACHINE = re.compile(r"(?<![\w.])/(work|root|tmp|home|Users)/|[A-Z]:\\Users")


def test_the_training_notebook_names_the_papers_form_and_the_run_that_it_shows():
    cells = code_cells(read(FOLDER / "train_xray.ipynb"))
    names: dict = {}
    exec("".join(cells["parameters"]["source"]), names)
    (recipe, changes), (shown, fields) = names["FORMS"]["paper"], names["FORMS"]["shown"]
    whole = find_recipe(recipe).replace(**changes)
    assert (whole.norm, whole.skip, whole.epochs, whole.patches_per_epoch) == ("batch", "none", 40, 5216)
    said = "".join(outputs(cells["recipe"], "stream"))
    find_recipe(shown).replace(**fields)
    for name, value in fields.items():
        if name != "discriminator_order":  # younger than the run, which had the order named here
            assert f"{name} = {value}" in said, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_committed_notebook_is_small_and_was_run_from_top_to_bottom(path):
    assert path.stat().st_size < 2_000_000
    cells = code_cells(read(path))
    assert [cell["execution_count"] for cell in cells.values()] == list(range(1, len(cells) + 1))
    kinds = {output["output_type"] for cell in cells.values() for output in cell["outputs"]}
    assert "error" not in kinds and any(outputs(cell, "image/png") for cell in cells.values())
    for cell in cells.values():
        for output in cell["outputs"]:
            assert output.get("name") != "stderr", (cell["id"], output["text"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_committed_notebook_names_no_machine_and_its_links_lead_somewhere(path):
    notebook = read(path)
    for cell in notebook["cells"]:
        texts = ["".join(cell["source"])]
        if cell["cell_type"] == "code":
            for kind in ("stream", "text/plain", "text/markdown", "text/html"):
                texts += outputs(cell, kind)
        for text in texts:
            assert not MACHINE.search(text), (cell["id"], MACHINE.search(text))
        for target in re.findall(r"\]\(([^)#]+)", texts[0]) if cell["cell_type"] == "markdown" else ():
            assert "://" in target or (path.parent / target).exists(), target
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info", "widgets"}


@pytest.mark.parametrize("name", RUN)
def test_the_committed_outputs_are_of_the_real_form(name):
    cells = code_cells(read(FOLDER / name))
    for each in PICTURES[name]:
        assert picture(cells[each]).std() > 2, each
    place, trained = {
        "train_xray.ipynb": ("table", "after the adversarial stage"),
        "upscale_xray.ipynb": ("compare", "alpha 1"),
        "compare_systems.ipynb": ("table", "xray-srgan-plus"),
    }[name]
    figures = table(cells[place])
    assert figures[trained]["PSNR"] > figures["bicubic"]["PSNR"] + 0.3
    assert figures[trained]["LPIPS"] < 0.9 * figures["bicubic"]["LPIPS"]


def test_the_comparison_that_is_committed_is_of_many_systems_and_the_source_is_the_quick_form():
    cells = code_cells(read(FOLDER / "compare_systems.ipynb"))
    figures = table(cells["table"])
    assert len(figures) > 8 and all(row["images"] <= figures["bicubic"]["images"] for row in figures.values())
    assert "QUICK = True" in "".join(cells["parameters"]["source"])
    assert 'RUNS = "../runs/compare"' in "".join(cells["parameters"]["source"])
