"""The demo's page in a real browser, driven as a person would."""

import base64
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 120  # seconds for one step on a busy machine
DICOM_OF_PYDICOM = Path(pytest.importorskip("pydicom").__file__).parent / "data" / "test_files"


@contextmanager
def serving(folder, actions=None, kind=None):
    """The page's server while it is used."""
    from keras_srgan.demo.server import Server

    server = (kind or Server)(folder, 0, actions)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def packages():
    from keras_srgan.demo.packages import fetch_packages

    pytest.importorskip("onnx")
    try:
        return fetch_packages()
    except RuntimeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def site(packages, tmp_path_factory):
    from keras_srgan.demo.static_site import write_site

    folder = tmp_path_factory.mktemp("site") / "page"
    write_site(folder, ["xray-fast", "xray-srgan-plus"], packages)
    return folder


class Page:
    """A browser with the page, and the folder that it saves into."""

    def __init__(self, driver, address, folder):
        self.driver, self.saved = driver, folder / "saved"
        driver.set_script_timeout(PATIENCE)
        driver.get(address)
        self.wait("window.page?.ready")

    def js(self, code, *values):
        return self.driver.execute_script(code, *values)

    def wait(self, condition, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.js(f"return {condition}"):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{condition} after {seconds} s; the page says {self.message!r}")

    @property
    def message(self):
        return self.driver.find_element("id", "message").text

    def take(self, path, seconds=PATIENCE):
        """Gives a file to the page; its figures, or what it says instead."""
        self.js("window.page.figures = null; document.getElementById('message').textContent = ''")
        self.driver.find_element("id", "file").send_keys(str(path))
        self.wait("window.page.figures || document.querySelector('#message.bad')?.textContent", seconds)
        return self.js("return window.page.figures") or self.message

    def save(self, form="png"):
        before = set(self.saved.glob("*")) if self.saved.is_dir() else set()
        assert self.js("return document.getElementById(arguments[0])", f"save-{form}"), self.message
        self.driver.find_element("id", f"save-{form}").click()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            new = [each for each in self.saved.glob(f"*.{form}") if each not in before]
            if new:
                return new[0]
            time.sleep(0.05)
        raise AssertionError(f"nothing was saved; the page says {self.message!r}")

    def read(self, path):
        """What the page's own reader makes of a file: a dictionary with the pixels, or with a refusal."""
        found = self.driver.execute_async_script(
            """const [name, text, done] = arguments;
            (async () => {
              const [{ readImage, Refused }, vendor] = [await import('./read.js'), await import('./vendor/vendor.js')];
              const tables = (await (await fetch('settings.json')).json()).dicom;
              const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
              try {
                const { pixels, dicom, ...image } = await readImage(bytes, vendor, tables);
                const raw = new Uint8Array(pixels.buffer);
                let shown = '';
                for (let i = 0; i < raw.length; i += 8192) shown += String.fromCharCode(...raw.subarray(i, i + 8192));
                return { ...image, size: pixels.BYTES_PER_ELEMENT, pixels: btoa(shown) };
              } catch (error) {
                return { refused: error instanceof Refused, text: error.message };
              }
            })().then(done, (error) => done({ refused: false, text: String(error) }));""",
            path.name,
            base64.b64encode(path.read_bytes()).decode(),
        )
        return found


@pytest.fixture(scope="module")
def page(browse, site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with serving(site) as server:
        yield Page(browse(folder, "--window-size=1280,900"), server.address, folder)
