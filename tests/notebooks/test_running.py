"""The notebooks run, in a small form."""

import json
import re
import types

import cv2
import pytest

from .conftest import FOLDER, PICTURES, ROOT, code_cells, outputs, picture, read, table


@pytest.fixture
def execute(installed, tmp_path, monkeypatch):
    """Runs a notebook in a folder of its own, with the package as pip installs it: no checkout.

    `until`: the last cell to run; `changes`: texts replaced in the parameter cell; `more`: a cell to run at the end.
    """
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("KERAS_SRGAN_NOTEBOOK_TINY", "1")
    monkeypatch.setenv("PYTHONPATH", str(installed))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    def run(name, until=None, changes=(), more=""):
        notebook = nbformat.read(FOLDER / name, 4)
        parameters = code_cells(notebook)["parameters"]
        for old, new in changes:
            assert old in parameters.source
            parameters.source = parameters.source.replace(old, new)
        names = [cell["id"] for cell in notebook.cells]
        notebook.cells = notebook.cells[: names.index(until) + 1] if until else notebook.cells
        if more:
            notebook.cells.append(nbformat.v4.new_code_cell(more, id="more"))
        # An error in a cell is raised here.
        nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
        return code_cells(notebook)

    return run


def test_the_training_notebook_runs(execute, tmp_path):
    found = execute("train_xray.ipynb")
    for name in PICTURES["train_xray.ipynb"]:
        assert picture(found[name]).std() > 2, name
    assert picture(found["train"]).shape[1] > 1000 > picture(found["train"], 1).shape[1]  # curves, and crops
    assert "adversarial epoch 2/2" in "".join(outputs(found["train"], "stream"))
    assert list(table(found["vgg-figures"])) == ["bicubic", "before", "with VGG19", "without VGG19"]
    closing = table(found["table"])
    ours = ["after pretraining", "after the adversarial stage", "halfway between them"]
    assert list(closing) == ["bicubic", *ours, "shipped weights"]
    assert closing["shipped weights"]["LPIPS"] < 0.7 * closing["bicubic"]["LPIPS"]
    same = table(found["errors"])
    assert same["blurred"]["MSE"] == same["noise added"]["MSE"] == same["brighter"]["MSE"]
    assert 10 * same["brighter"]["VGG19"] < min(same["blurred"]["VGG19"], same["noise added"]["VGG19"])
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "run" / "xray-srgan-plus.weights.h5").is_file() and (folder / "upscaled.png").is_file()


def test_the_upscaling_notebook_runs(execute, tmp_path):
    pytest.importorskip("ipywidgets")
    moved = "slider.value = 0.0\nassert view.value == wipe(0.0) != wipe(0.5)\nprint('moved')"
    found = execute("upscale_xray.ipynb", more=moved)
    assert outputs(found["more"], "stream") == ["moved\n"]
    for name in PICTURES["upscale_xray.ipynb"]:
        assert picture(found[name]).std() > 2, name
    errors = [float(row.split("|")[2]) for row in outputs(found["project"], "text/markdown")[0].splitlines()[2:]]
    assert len(errors) == 3 and errors[0] > 1.5 * errors[1] > 2 * errors[2]
    assert "read back, pixel for pixel: True" in outputs(found["dicom"], "stream")[0]
    exported = table(found["export"])
    assert list(exported) == ["savedmodel"] and float(list(exported["savedmodel"].values())[-1]) < 0.01
    figures = table(found["compare"])
    assert min(figures["alpha 0"]["PSNR"], figures["alpha 1"]["PSNR"]) > figures["bicubic"]["PSNR"] + 0.5
    assert figures["alpha 1"]["LPIPS"] < figures["alpha 0"]["LPIPS"] < figures["bicubic"]["LPIPS"]
    (folder,) = (tmp_path / "runs").iterdir()
    assert {"radiograph_x4.png", "detail_x4.dcm"} <= {path.name for path in folder.iterdir()}


def test_the_comparing_notebook_trains_and_compares(execute, tmp_path):
    found = execute("compare_systems.ipynb")
    for name in PICTURES["compare_systems.ipynb"]:
        assert picture(found[name]).std() > 2, name
    assert "recipe espcn, 1 steps of 8 patches an epoch" in outputs(found["runs"], "stream")[0]
    assert outputs(found["found"], "stream") == ["1 of 1 systems, trained on 36 images; protocols: cxr\n"]
    figures = table(found["table"])
    assert list(figures) == ["bicubic", "espcn"] and figures["espcn"]["patches"] == 24
    assert figures["bicubic"]["images"] == figures["espcn"]["images"] == 6
    assert "most PSNR: espcn, -" in outputs(found["read"], "stream")[0]
    (folder,) = (tmp_path / "runs").iterdir()
    tile = cv2.imread(str(folder / "judged" / "tile00.png"), cv2.IMREAD_UNCHANGED)
    assert tile.shape == (128, 128) and tile.dtype == "uint16" and tile.max() > 32767


def test_the_comparing_notebook_reads_finished_runs_and_names_the_missing(execute, tmp_path):
    from keras_srgan.data.sample import sample_radiograph, tile_sample
    from keras_srgan.evaluate.evaluation import compare

    run = tmp_path / "there" / "xray-srgan-plus"
    run.mkdir(parents=True)
    weights = {name: ROOT / "weights" / f"{name}.weights.h5" for name in (f"{run.name}-pretrained", run.name)}
    for name, path in weights.items():
        for each in (path, path.with_name(f"{name}.json")):
            (run / each.name).write_bytes(each.read_bytes())
    _, image = tile_sample(sample_radiograph(reduce=2), 128, (300, 600, 128, 128))
    metrics = ("psnr", "ssim", "lpips", "consistency", "seconds")
    evaluation = compare([image], weights, metrics=metrics, crops=0)
    (run / "report-cxr").mkdir()
    (run / "report-cxr" / "report.json").write_text(evaluation.to_json())
    (run.parent / "esrgan").mkdir()  # begun, not finished
    (run.parent / "table.md").write_text("Not trained:\n- drcn: /some/where/drcn: exists and is not empty\n")
    changes = [("QUICK = True", "QUICK = False"), ('"../runs/compare"', '"there"')]
    found = execute("compare_systems.ipynb", changes=changes)
    first, missing, reason = outputs(found["found"], "stream")[0].splitlines()
    assert re.match(r"1 of \d+ systems, trained on \d+ images; protocols: cxr", first)
    assert "esrgan, " in missing and "drcn" not in missing
    assert reason == "missing: drcn: drcn: exists and is not empty"
    figures = table(found["table"])
    assert list(figures) == ["bicubic", *weights]
    for row in evaluation.summary:
        assert figures[row["method"]]["PSNR"] == round(row["psnr"]["mean"], 2)
    for name in PICTURES["compare_systems.ipynb"]:
        assert picture(found[name]).std() > 2, name
    assert f"least LPIPS: {run.name}, -" in outputs(found["read"], "stream")[0]
    assert f"the adversarial stage of {run.name}: PSNR -" in outputs(found["read"], "stream")[0]
    assert not (tmp_path / "runs").exists()


def test_the_comparing_notebook_reads_a_folder_of_the_queue(tmp_path, capsys):
    """There a run has a name of its own, and a report a test set's."""
    runs, rows = tmp_path / "runs", []
    for name in ("bicubic", "xray-fast-pretrained", "xray-fast"):
        rows.append({"method": name, "psnr": {"mean": 30.0}})
    for name in ("natural-srresnet", "other"):
        (runs / name / "report-natural-y-natural-set5").mkdir(parents=True)
        report = runs / name / "report-natural-y-natural-set5" / "report.json"
        report.write_text(json.dumps({"summary": rows}))
        for weights in ("xray-fast", "xray-fast-pretrained"):
            (runs / name / f"{weights}.weights.h5").touch()
    names = {"runs": runs, "RECIPES": {}, "json": json, "re": re, "QUICK": False, "SYSTEMS": []}
    names["comparison"] = types.SimpleNamespace(card_of=lambda run: {"data": {"images": 7}})
    exec("".join(code_cells(read(FOLDER / "compare_systems.ipynb"))["found"]["source"]), names)
    assert "2 of 0 systems, trained on 7 images; protocols: natural-y-natural-set5" in capsys.readouterr().out
    methods = [row["method"] for row in names["reports"]["natural-y-natural-set5"]["natural-srresnet"]]
    assert methods == ["bicubic", "natural-srresnet-pretrained", "natural-srresnet"]


def test_the_comparing_notebook_refuses_a_folder_without_runs(tmp_path):
    text = "".join(code_cells(read(FOLDER / "compare_systems.ipynb"))["found"]["source"])
    (tmp_path / "srcnn").mkdir()
    with pytest.raises(ValueError, match="no finished run in it"):
        exec(text, {"runs": tmp_path, "RECIPES": {"srcnn": None}, "json": json})


def test_the_slider_is_left_out_without_ipywidgets(execute):
    hide = "import os\nimport sys\n\nsys.modules['ipywidgets'] = None\n"
    found = execute("upscale_xray.ipynb", until="wipe", changes=[("import os\n", hide)])
    assert picture(found["wipe"]).std() > 2
    assert outputs(found["wipe"], "stream") == ["pip install ipywidgets for the slider\n"]


def test_the_real_form_plans_to_train_on_the_set_from_kaggle(execute, tmp_path, rng):
    for part, count in (("train", 8), ("val", 1), ("test", 2)):
        for name in ("NORMAL", "PNEUMONIA"):
            folder = tmp_path / "set" / "chest_xray" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                cv2.imwrite(str(folder / f"person{i}_virus_{i}.jpeg"), rng.integers(0, 255, (100, 120)).astype("uint8"))
    (tmp_path / "kagglehub.py").write_text("def dataset_download(handle):\n    return 'set'\n")
    found = execute("train_xray.ipynb", until="plan", changes=[("QUICK = True", "QUICK = False")])
    text = {name: "".join(outputs(found[name], "stream")) for name in ("recipe", "data", "plan")}
    assert "14 training and 2 validation images" in text["data"]
    assert "images: 14 training, 2 validation" in text["plan"]
    assert "QUICK" not in text["recipe"] and picture(found["radiograph"]).shape[1] > 800  # six of the images
