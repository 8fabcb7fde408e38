"""Shared fixtures: quiet TensorFlow, small radiograph-like images, a tiny recipe."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def shared():
    if not SHARED.is_dir():
        pytest.skip("the data folder beside the checkout is absent")
    return SHARED


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    pytest.importorskip("hatchling")
    out, root = tmp_path_factory.mktemp("wheel"), Path(__file__).parents[1]
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out], cwd=root, check=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel):
    """A folder that has what `pip install` puts there, and nothing else of the checkout."""
    folder = wheel.with_name("installed")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    return folder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def textured(rng, height, width, dtype="uint8"):
    """Smooth structure plus edges plus a little noise, over most of the dtype's range."""
    y, x = np.mgrid[:height, :width]
    wave = np.sin(x / 7.0) * np.cos(y / 11.0) + 0.6 * ((x // 9 + y // 13) % 2) + 0.1 * rng.normal(size=x.shape)
    wave = (wave - wave.min()) / np.ptp(wave)
    return np.rint(wave * 0.9 * np.iinfo(dtype).max).astype(dtype)


def refused(capsys, command, arguments):
    """Runs a command that must fail with one line on stderr; gives the line."""
    try:
        status = command.main([str(each) for each in arguments])
    except SystemExit as stop:
        status = stop.code
    lines = capsys.readouterr().err.strip().splitlines()
    assert status in (1, 2) and len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def make_image(rng):
    from keras_srgan.images import Image

    def make(height=120, width=136, dtype="uint8", name="a.png", max_value=None):
        pixels = textured(rng, height, width, dtype)
        return Image(pixels, max_value or int(np.iinfo(dtype).max), Path(name))

    return make


@pytest.fixture(scope="session")
def shaken():
    """A function that makes every weight of a network matter, as after training."""

    def shake(generator):
        rng = np.random.default_rng(0)
        for variable in generator.variables:
            value = np.asarray(variable)
            if "variance" in variable.path:
                variable.assign(rng.uniform(0.5, 2, value.shape))
            elif value.ndim == 1 or not value.any():
                variable.assign(value + rng.normal(size=value.shape) * 0.05)
        return generator

    return shake


@pytest.fixture
def tiny():
    """A recipe whose whole run takes seconds."""
    from keras_srgan.recipes import find_recipe

    return find_recipe("xray-srgan-plus").replace(
        filters=8,
        blocks=1,
        discriminator_filters=4,
        discriminator_dense=8,
        patch=32,
        batch=4,
        val_patch=32,
        patches_per_epoch=12,
        pretrain_epochs=2,
        epochs=2,
        features="none",
        xla=False,
        flat=0.0,
    )


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Starts real browsers that write down their console and every request, and save into `folder / "saved"`."""
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    drivers = []

    def start(folder, *more):
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in (*FLAGS, *more, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"download.default_directory": str(folder / "saved")})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        drivers.append(webdriver.Chrome(options=options, service=Service(str(DRIVER))))
        drivers[-1].get("about:blank")
        for log in ("browser", "performance"):  # what the browser's own first page did
            drivers[-1].get_log(log)
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.quit()
