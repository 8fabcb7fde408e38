"""The page as people meet it: nothing leaves it, bad files, large ones, keys, fingers, hosts without headers."""

import functools
import http.server
import json
import time
from pathlib import Path

import numpy as np
import pytest

from keras_srgan.images import write_image

from .conftest import DICOM_OF_PYDICOM, Page, serving

PHONE = {"width": 390, "height": 780, "deviceScaleFactor": 2, "mobile": True}


def requests(driver):
    """The addresses that the page asked for since last asked, its worker's by the server's own count."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]


def test_once_loaded_no_request_leaves_and_a_reload_needs_no_network(browse, site, make_image, tmp_path, monkeypatch):
    from keras_srgan.demo import server as serve

    asked = []
    monkeypatch.setattr(serve._Handler, "log_request", lambda self, *_: asked.append(f"{self.command} {self.path}"))
    with serving(site) as server:
        page = Page(browse(tmp_path), server.address, tmp_path)
        page.wait("window.page.kept")
        time.sleep(0.5)
        assert "GET /networks/xray-fast.onnx" in asked
        asked.clear()
        own = requests(page.driver)
        assert {url.split("?")[0].startswith((server.address, "data:")) for url in own} == {True}
        page.take(write_image(tmp_path / "chest.png", make_image(40, 44, dtype="uint16").pixels))
        page.save()
        page.take(DICOM_OF_PYDICOM / "MR_small_jp2klossless.dcm")
        page.save("dcm")
        # Browsers look by themselves whether a page that they keep has changed.
        assert [each for each in asked if each != "GET /sw.js"] == []
    # The server is gone.
    assert [url for url in requests(page.driver) if not url.startswith(("blob:", "data:"))] == []
    page.driver.refresh()
    page.wait("window.page?.ready")
    assert "Nothing is uploaded" in page.driver.find_element("id", "where").text
    assert page.take(tmp_path / "chest.png")["tiles"] == 1
    foreign = "fetch('http://127.0.0.1:1/').then(() => 'sent', (e) => String(e))"
    assert "TypeError" in page.driver.execute_async_script(f"{foreign}.then(arguments[0])")
    console = " ".join(entry["message"] for entry in page.driver.get_log("browser"))
    assert "Content Security Policy" in console


def test_the_worker_too_is_kept_from_other_addresses(site):
    import urllib.request

    with serving(site) as server, urllib.request.urlopen(server.address + "worker.js") as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "connect-src 'self'" in policy and "default-src 'none'" in policy


def test_cancel_stops_between_tiles_and_the_next_image_is_whole(page, make_image, tmp_path):
    wide = write_image(tmp_path / "wide.png", make_image(60, 1400).pixels)
    page.driver.find_element("id", "file").send_keys(str(wide))
    page.wait("document.getElementById('stage').textContent.startsWith('Enlarging, part')")
    page.driver.find_element("id", "cancel").click()
    page.wait("document.getElementById('message').textContent === 'Cancelled.'")
    assert page.js("return window.page.figures") is None and page.js("return window.page.view.parts.length") == 0
    page.driver.find_element("id", "again").click()
    assert page.wait("window.page.figures")["tiles"] > 4


def test_another_file_in_the_middle_takes_its_place(page, make_image, tmp_path):
    wide = write_image(tmp_path / "wide.png", make_image(60, 1400).pixels)
    small = write_image(tmp_path / "small.png", make_image(20, 24).pixels)
    page.js("window.page.figures = null")
    page.driver.find_element("id", "file").send_keys(str(wide))
    page.wait("document.getElementById('stage').textContent.startsWith('Enlarging, part')")
    page.driver.find_element("id", "file").send_keys(str(small))
    assert page.wait("window.page.figures")["tiles"] == 1
    assert page.js("return [window.page.view.sr.width, window.page.view.sr.height]") == [96, 80]


# In megabytes, the worker's and WebAssembly's with it.
USED = """const done = arguments[0];
performance.measureUserAgentSpecificMemory().then((found) => done(found.bytes / 1e6));"""


@pytest.mark.slow  # the browser takes a minute to count
def test_memory_returns_after_ten_images(browse, site, make_image, tmp_path):
    path = write_image(tmp_path / "chest.png", make_image(160, 160, dtype="uint16").pixels)
    with serving(site) as server:
        eager = "--enable-blink-features=ForceEagerMeasureMemory"
        page = Page(browse(tmp_path, eager), server.address, tmp_path)
        page.take(path)
        page.save()
        page.driver.set_script_timeout(300)
        once = page.driver.execute_async_script(USED)
        for _ in range(9):
            page.take(path)
        page.save()
        ten = page.driver.execute_async_script(USED)
        print(f"memory: {once:.0f} MB after one image, {ten:.0f} after ten")
        assert 0 < ten < once + 3  # each result is 0.8 MB


@pytest.mark.slow
def test_a_2048_px_image_finishes(page, rng, tmp_path):
    from .conftest import PATIENCE

    y, x = np.mgrid[:2048, :2048]
    pixels = (20000 + 15000 * np.sin(x / 17) * np.cos(y / 23) + rng.normal(0, 300, x.shape)).astype("uint16")
    path = write_image(tmp_path / "large.png", pixels)
    figures = page.take(path, 900)
    saved = page.save()
    times = page.wait("window.page.times.save && window.page.times", PATIENCE)
    print({stage: f"{seconds:.1f} s" for stage, seconds in times.items()}, figures["tiles"], "tiles")
    assert saved.read_bytes()[16:24] == (8192).to_bytes(4, "big") * 2


def state(page):
    page.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    return page.js("return {...window.page.view.state}")


def test_mouse_and_keys_do_what_radiologists_expect(page, make_image, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains

    page.take(write_image(tmp_path / "chest.png", make_image(50, 60).pixels))
    canvas = page.driver.find_element("id", "canvas")
    before = state(page)
    chain = ActionChains(page.driver)
    chain.move_to_element_with_offset(canvas, 100, 60).click_and_hold().move_by_offset(50, -40).release().perform()
    dragged = state(page)
    assert dragged["width"] > before["width"] - 1 and dragged["level"] > before["level"]
    chain = ActionChains(page.driver)
    chain.move_to_element_with_offset(canvas, 0, 0).click_and_hold().move_by_offset(-120, 0).release().perform()
    assert state(page)["split"] < before["split"] - 0.05  # the line, which was in the middle
    canvas.click()
    page.js("document.getElementById('canvas').focus()")

    def press(*keys):
        chain = ActionChains(page.driver)
        for key in keys:
            chain.send_keys(key)
        chain.perform()
        return state(page)

    assert press("+")["zoom"] > before["zoom"]
    assert press("0")["zoom"] == pytest.approx(before["zoom"], rel=0.1)
    assert press("1")["zoom"] == 1
    split = state(page)["split"]
    assert press("]")["split"] > split
    assert press("m")["right"] == "added" and page.driver.find_element("id", "legend").is_displayed()
    assert press("m")["right"] == "after"
    width = state(page)["width"]
    assert press("w")["width"] < width
    page.driver.find_element("id", "reset").click()
    assert state(page)["width"] == pytest.approx(before["width"], rel=1e-6)
    zoom = state(page)["zoom"]
    ActionChains(page.driver).scroll_from_origin(_origin(canvas), 0, -300).perform()
    assert state(page)["zoom"] > zoom


def _origin(element):
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    return ScrollOrigin.from_element(element)


def test_everything_can_be_reached_by_the_tab_key_and_has_a_name(page, make_image, tmp_path):
    page.take(write_image(tmp_path / "chest.png", make_image(20, 20).pixels))
    nameless = page.js(
        "return [...document.querySelectorAll('button, input, select, canvas[tabindex], progress')]"
        ".filter((e) => e.offsetParent && !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map((e) => e.id)"
    )
    assert nameless == []
    reached = page.js(
        "return [...document.querySelectorAll('button, input, select, canvas')].filter((e) => e.tabIndex >= 0).length"
    )
    assert reached >= 15


def test_on_a_phone_it_fits_and_two_fingers_zoom(browse, site, make_image, tmp_path):
    path = write_image(tmp_path / "chest.png", make_image(50, 60).pixels)
    driver = browse(tmp_path)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    with serving(site) as server:
        page = Page(driver, server.address, tmp_path)
        page.take(path)
        assert page.js("return [innerWidth, document.documentElement.scrollWidth]") == [390, 390]
        small = page.js(
            "return [...document.querySelectorAll('button, select')]"
            ".filter((e) => e.offsetParent && e.offsetHeight < 44).map((e) => e.id)"
        )
        assert small == []
        assert page.js("return document.querySelector('[name=drag]:checked').value") == "pan"
        zoom = state(page)["zoom"]
        box = page.driver.find_element("id", "canvas").rect
        x, y = box["x"] + 60, box["y"] + box["height"] / 2 - page.js("return scrollY")
        for kind, apart in (("touchStart", 10), ("touchMove", 40), ("touchMove", 90)):
            points = [{"x": x + side * apart / 2, "y": y + 60, "id": i} for i, side in enumerate((-1, 1))]
            driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert state(page)["zoom"] > 2 * zoom


def test_a_plain_host_that_sends_no_headers_gets_the_threads_after_one_reload(browse, site, tmp_path):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

        def log_message(self, *_):
            pass

    def kind(folder, port, actions):
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Quiet, directory=str(folder)))

    with serving(site, kind=kind) as server:
        page = Page(browse(tmp_path), f"http://127.0.0.1:{server.server_port}/", tmp_path)
        page.wait("window.page?.ready && crossOriginIsolated && window.page.ready.includes('thread')")


@pytest.fixture(scope="module")
def python_page(browse, tmp_path_factory):
    """The page without a runtime of its own."""
    from keras_srgan.demo.actions import make_actions
    from keras_srgan.demo.static_site import write_site

    folder = tmp_path_factory.mktemp("python")
    write_site(folder / "page", ["xray-fast"], None)
    with serving(folder / "page", make_actions(["xray-fast"])) as server:
        yield Page(browse(folder), server.address, folder)


def test_without_npm_python_does_the_same_behind_the_same_page(python_page, make_image, tmp_path):
    from keras_srgan.images import read_image
    from keras_srgan.inference import load

    lr = make_image(41, 37, dtype="uint16").pixels
    figures = python_page.take(write_image(tmp_path / "chest.tif", lr))  # which the page itself can't read
    np.testing.assert_array_equal(read_image(python_page.save()).pixels, load("xray-fast").upscale(lr))
    assert figures["consistency"] > 0 and "Python" in python_page.driver.find_element("id", "where").text
    python_page.take(DICOM_OF_PYDICOM / "MR_small.dcm")
    import pydicom

    made = pydicom.dcmread(python_page.save("dcm"))
    assert made.Rows == 256 and "keras-srgan" in made.DerivationDescription
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"nothing")
    said = python_page.take(bad)
    assert said.startswith("bad.png: ") and str(tmp_path) not in said and "/tmp" not in said
    assert not Path("/tmp/file.png").exists()


def test_the_console_stays_empty(page):
    # dcmjs says what it finds odd in a damaged file.
    said = [entry for entry in page.driver.get_log("browser") if "vendor/vendor.js" not in entry["message"]]
    assert [entry for entry in said if entry["level"] == "SEVERE"] == []
