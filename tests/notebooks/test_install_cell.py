"""The first cell of a notebook: what it installs and mounts on Colab, and nothing elsewhere."""

import subprocess
import sys
import types

import pytest

from .conftest import FOLDER, RUN, code_cells, read


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
