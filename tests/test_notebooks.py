"""The notebooks run, in a small form; the committed files are those of a real run and can be read on GitHub."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
import types
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_srgan.recipes import find_recipe

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
FILES = sorted(FOLDER.glob("*.ipynb"))
RUN = ("train_xray.ipynb", "upscale_xray.ipynb", "compare_systems.ipynb")
CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,2000")
MACHINE = re.compile(r"(?<![\w.])/(work|root|tmp|home|Users)/|[A-Z]:\\Users")
PICTURES = {
    "train_xray.ipynb": (
        *("radiograph", "pairs", "networks", "errors", "train", "sheet"),
        *("vgg-figures", "vgg-difference", "load"),
    ),
    "upscale_xray.ipynb": ("wipe", "added", "spread", "alpha", "dicom"),
    "compare_systems.ipynb": ("detail", "trade"),
}


def code_cells(notebook):
    return {cell["id"]: cell for cell in notebook["cells"] if cell["cell_type"] == "code"}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def outputs(cell, kind):
    """What a cell put out, as a list of texts: of one MIME type, or `"stream"` for what it printed."""
    found = [
        each.get("text", "") if kind == "stream" else each.get("data", {}).get(kind, "") for each in cell["outputs"]
    ]
    return ["".join(each) for each in found if each]


def picture(cell, number=0):
    data = base64.b64decode(outputs(cell, "image/png")[number])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def number(text):
    """The number that a text begins with, or the text."""
    try:
        return float(text.split()[0].replace(",", ""))
    except ValueError:
        return text


def table(cell):
    """A cell's first Markdown table: a dictionary a method, whose keys are the columns' first words."""
    lines = outputs(cell, "text/markdown")[0].split("\n\n")[0].splitlines()
    head, _, *rows = [[each.strip() for each in line.strip("|").split("|")] for line in lines]
    keys = [re.split(r"[ ,]", each)[0] for each in head[1:]]
    return {row[0]: dict(zip(keys, map(number, row[1:]), strict=True)) for row in rows}


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


@pytest.fixture
def install(monkeypatch):
    """Runs a notebook's install cell, as on Colab; gives what pip was asked for and what was mounted."""

    def run(name, colab=True, unknown=(), **changes):
        wanted, mounted = [], []
        google, module, drive = (types.ModuleType(f"google{end}") for end in ("", ".colab", ".colab.drive"))
        module.drive, drive.mount = drive, mounted.append
        for each in (google, module, drive) if colab else ():
            monkeypatch.setitem(sys.modules, each.__name__, each)

        def pip(command):
            assert command[:-1] == [sys.executable, "-m", "pip", "install", "-q"]
            wanted.append(command[-1])
            return types.SimpleNamespace(returncode=int(command[-1] in unknown))

        monkeypatch.setattr(subprocess, "run", pip)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        text = "".join(code_cells(read(FOLDER / name))["install"]["source"])
        plain = dict.fromkeys(("DATA", "TEST", "INIT", "IMAGE", "FOLDER", "WEIGHTS", "RUNS"), "x")
        exec(text, {**plain, "CHANGES": {}, "BUDGET": [], "PROJECT": "https://example.org/p.git", **changes})
        return wanted, mounted

    return run


@pytest.mark.parametrize("name", RUN)
@pytest.mark.parametrize(
    "project", ["keras-srgan", "https://example.org/project.git", "/content/drive/MyDrive/project"]
)
def test_the_install_cell_acts_on_colab_only(install, name, project):
    extra = "[kaggle]" if name == "train_xray.ipynb" else ""
    wanted = f"keras-srgan{extra} @ git+{project}" if "://" in project else f"{project}{extra}"
    assert install(name, PROJECT=project) == ([wanted], ["/content/drive"] if "drive" in project else [])
    for each in ("google", "google.colab", "google.colab.drive"):
        sys.modules.pop(each)
    assert install(name, colab=False, PROJECT=project) == ([], [])


@pytest.mark.parametrize("name", RUN)
def test_colab_installs_by_name_and_the_address_is_in_one_place(install, name):
    notebook = read(FOLDER / name)
    names: dict = {}
    exec("".join(code_cells(notebook)["parameters"]["source"]), names)
    assert [each.partition("[")[0] for each in install(name, PROJECT=names["PROJECT"])[0]] == ["keras-srgan"]
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert not any("benchmarks" in each or "git clone" in each for each in sources)
    assert sum("PROJECT =" in each for each in sources) == 2  # the parameter, and the answer where pip fails


@pytest.mark.parametrize("name", RUN)
@pytest.mark.parametrize(
    "project,address,branch",
    [
        ("owner/repo", "https://github.com/owner/repo", None),
        (" github.com/owner/repo/ ", "https://github.com/owner/repo", None),
        ("git@github.com:owner/repo.git", "https://github.com/owner/repo.git", None),
        ("ssh://git@gitlab.com/group/repo.git", "https://gitlab.com/group/repo.git", None),
        ("git+https://example.org/repo.git", "https://example.org/repo.git", None),
        ("https://github.com/owner/repo/blob/dev/notebooks/train_xray.ipynb", "https://github.com/owner/repo", "dev"),
        ("https://gitlab.com/group/repo/-/tree/main", "https://gitlab.com/group/repo", "main"),
    ],
)
def test_colab_takes_every_form_of_the_projects_address(install, name, project, address, branch):
    (wanted,), mounted = install(name, PROJECT=project)
    assert wanted.split(" @ ")[1] == f"git+{address}" + (f"@{branch}" if branch else "") and not mounted


@pytest.mark.parametrize("name", RUN)
def test_colab_asks_for_the_project_where_pip_cannot_find_it(install, monkeypatch, name):
    asked = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "owner/repo")
    unknown = ("keras-srgan", "keras-srgan[kaggle]")
    wanted, mounted = install(name, unknown=unknown, PROJECT="keras-srgan")
    assert len(asked) == 1 and wanted[0] in unknown and not mounted
    assert wanted[1].endswith("git+https://github.com/owner/repo")
    monkeypatch.setattr("builtins.input", lambda question: "/content/drive/MyDrive/project")
    assert install(name, PROJECT=" ")[1] == ["/content/drive"]
    monkeypatch.setattr("builtins.input", lambda question: "")
    with pytest.raises(ValueError, match="PROJECT"):
        install(name, PROJECT="")


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


@pytest.mark.parametrize(
    "name,parameter",
    [("train_xray.ipynb", each) for each in ("DATA", "TEST", "INIT", "FOLDER", "IMAGE", "PROJECT")]
    + [("upscale_xray.ipynb", each) for each in ("IMAGE", "WEIGHTS", "PROJECT")]
    + [("compare_systems.ipynb", each) for each in ("RUNS", "PROJECT")],
)
def test_colab_mounts_the_drive_for_every_parameter_that_names_it(install, name, parameter):
    assert install(name, **{parameter: "/content/drive/MyDrive/x"})[1] == ["/content/drive"]


def test_colab_mounts_the_drive_for_a_path_inside_of_a_parameter(install):
    changes = {"features_weights": "/content/drive/MyDrive/vgg19.h5"}
    assert install("train_xray.ipynb", CHANGES=changes)[1] == ["/content/drive"]
    assert install("compare_systems.ipynb", BUDGET=["--vgg19", "/content/drive/v.h5"])[1] == ["/content/drive"]


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


@pytest.fixture
def lab(tmp_path):
    """JupyterLab on a folder with the training notebook, and its address."""
    pytest.importorskip("jupyterlab")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "train_xray.ipynb").write_bytes((FOLDER / "train_xray.ipynb").read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    environment = {**os.environ, **places, "IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": str(ROOT)}
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=x"]
    with open(tmp_path / "lab.log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={tmp_path / 'work'}"],
            env={**environment, "KERAS_SRGAN_NOTEBOOK_TINY": "1"},
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}/lab/tree/train_xray.ipynb?token=x"
        finally:
            server.terminate()
            server.wait(60)


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


@pytest.mark.slow
def test_the_training_notebook_runs_in_jupyterlab_from_the_browser(lab, tmp_path):
    webdriver = pytest.importorskip("selenium.webdriver")
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))

    last = len(code_cells(read(FOLDER / "train_xray.ipynb")))

    def wait(wanted, seconds):
        """Waits until a function of the page returns something."""
        end = time.monotonic() + seconds
        while not (found := wanted()):
            assert time.monotonic() < end, browser.find_element("tag name", "body").text[-2000:]
            time.sleep(0.5)
        return found

    def click(kind, text):
        path = f"//*[contains(@class, '{kind}') and normalize-space() = '{text}']"
        wait(lambda: browser.find_elements("xpath", path), 60)[0].click()

    def done():
        return f"[{last}]:" in [each.text for each in browser.find_elements("css selector", ".jp-InputPrompt")]

    try:
        wait(lambda: answers(lab), 60)
        browser.get(lab)
        wait(lambda: len(browser.find_elements("css selector", ".jp-Notebook .jp-Cell")) > 20, 60)
        click("lm-MenuBar-itemLabel", "Edit")
        click("lm-Menu-itemLabel", "Clear Outputs of All Cells")
        click("lm-MenuBar-itemLabel", "Run")
        click("lm-Menu-itemLabel", "Run All Cells")
        wait(done, 400)
        assert not browser.find_elements("css selector", "[data-mime-type='application/vnd.jupyter.stderr']")
        widths = "return [...document.querySelectorAll('.jp-OutputArea img')].map(each => each.naturalWidth)"
        assert 1350 in browser.execute_script(widths)  # the curves of training
        assert "shipped weights" in browser.find_element("css selector", ".jp-Notebook").text
    finally:
        browser.quit()
