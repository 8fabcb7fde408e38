"""The training notebook in JupyterLab, from a real browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from .conftest import FOLDER, ROOT, code_cells, read

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,2000")


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
