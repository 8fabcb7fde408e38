import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PURE = ("networks", "layers", "losses", "metrics")


def test_a_wheel_carries_every_module_the_type_marker_and_the_weights(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    for path in [each for kind in ("py", "js", "css", "html") for each in (ROOT / "keras_srgan").rglob(f"*.{kind}")]:
        assert path.relative_to(ROOT).as_posix() in names
    assert "keras_srgan/py.typed" in names
    for path in (ROOT / "weights").iterdir():
        assert f"keras_srgan/_weights/{path.name}" in names


def test_an_unpacked_wheel_finds_its_weights(installed):
    code = (
        "import keras_srgan, keras_srgan.weights as w; print(keras_srgan.__file__, w.weights_folder());"
        "assert (w.weights_folder() / 'vgg19-blocks123.weights.h5').is_file()"
    )
    printed = subprocess.run([sys.executable, "-c", code], cwd=installed, check=True, capture_output=True, text=True)
    assert str(installed) in printed.stdout.split()[0] and printed.stdout.split()[1].endswith("_weights")


def test_the_public_names_are_there():
    import keras_srgan

    for name in keras_srgan.__all__:
        assert getattr(keras_srgan, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = keras_srgan.nope


def test_networks_layers_and_losses_do_not_know_tensorflow_or_the_data():
    for path in (each for name in PURE for each in (ROOT / "keras_srgan" / name).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert ("import tensorflow" not in text or path.name == "saved_model.py") and "keras_srgan.data" not in text, (
            path.name
        )


def test_a_wheel_stays_below_40_mb_and_lists_the_licence_of_all_that_it_holds(wheel):
    assert wheel.stat().st_size < 40e6
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        notice = file.read(next(name for name in names if name.endswith("licenses/NOTICE"))).decode()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    weights = [Path(name).name for name in names if "_weights/" in name and not name.endswith((".json", "README.md"))]
    ours = {name for name in weights if name.removesuffix(".weights.h5") + ".json" in {Path(n).name for n in names}}
    assert ours and all(name in notice for name in set(weights) - ours)


def test_the_citation_names_this_version():
    from keras_srgan.version import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
