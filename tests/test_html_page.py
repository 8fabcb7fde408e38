"""Both pages in a real browser: a phone's screen, dark and light, paper, keyboard, a judge's whole work."""

import base64
import csv
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

from keras_srgan.evaluate.evaluation import compare
from keras_srgan.evaluate.report.html import write_html
from keras_srgan.images import Image
from keras_srgan.mos import __main__ as mos
from keras_srgan.mos.page import write_page

PHONE = {"width": 390, "height": 700, "deviceScaleFactor": 2, "mobile": True}


@pytest.fixture(scope="module")
def opened(browse, tmp_path_factory):
    """A browser with the report of a real evaluation on the screen of a phone; long names everywhere."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("report")
    noise = [np.clip(rng.normal(120, 20, (96, 104)).cumsum(1) / 20, 0, 255).astype("uint8") for _ in range(6)]
    images = [Image(pixels, 255, Path("x" * 200 + f"{i}.png")) for i, pixels in enumerate(noise)]
    network = {"a-network-with-a-rather-long-name-" * 3: lambda lr, max_value: lr.repeat(4, 0).repeat(4, 1)}
    metrics = ["psnr", "ssim", "consistency", "sharpness", "seconds"]
    path = write_html(compare(images, network, metrics=metrics, crops=2, command="python -m " + "y" * 300), folder)
    driver = browse(folder)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    driver.get(path.as_uri())
    return driver


def test_on_a_phone_only_the_tables_scroll_sideways(opened):
    opened.execute_script("document.querySelector('details').open = true")
    assert opened.execute_script("return innerWidth") == 390
    assert opened.execute_script("return document.documentElement.scrollWidth") == 390
    boxes = opened.execute_script(
        "return [...document.querySelectorAll('.box')]"
        ".map(e => [e.scrollWidth, e.clientWidth, getComputedStyle(e).overflowX])"
    )
    assert any(wide > shown for wide, shown, _ in boxes) and {each[2] for each in boxes} == {"auto"}


def test_every_crop_has_one_zoom(opened):
    sizes = opened.execute_script(
        "return [...document.querySelectorAll('.strip img')].map(e => [e.clientWidth, e.clientHeight, e.naturalWidth,"
        " getComputedStyle(e).imageRendering])"
    )
    assert len(sizes) == 2 * 5 and len({tuple(each) for each in sizes}) == 1  # three versions, two error maps
    width, height, natural, rendering = sizes[0]
    assert rendering == "pixelated" and natural == 88 and width == height > 150


def test_the_console_stays_empty_and_nothing_is_requested(opened):
    assert opened.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    assert any(url.startswith("file:") for url in asked)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert sum(url.startswith("file:") for url in asked) == 1


CONTRASTS = """
const light = (c) => c.map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
const paper = light(rgb(getComputedStyle(document.body).backgroundColor));
return [...document.querySelectorAll('body *')]
  .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
  .map((e) => [e.tagName, light(rgb(getComputedStyle(e).color))])
  .map(([tag, ink]) => [tag, (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05)]);
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_in_light_and_in_dark(opened, scheme):
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    paper = opened.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
    found = opened.execute_script(CONTRASTS)
    assert len(found) > 100 and {"text", "TD", "SMALL", "A"} <= {tag for tag, _ in found}
    assert min(ratio for _, ratio in found) >= 4.5  # WCAG AA


def test_it_prints_on_white_with_no_figure_cut(opened):
    opened.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    pdf = base64.b64decode(opened.print_page())
    assert pdf.startswith(b"%PDF") and 3 <= len(re.findall(rb"/Type ?/Page\b(?!s)", pdf)) <= 12
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    style = "return getComputedStyle(document.{}).{}"
    assert opened.execute_script(style.format("body", "backgroundColor")) == "rgb(255, 255, 255)"
    for what in (".crop", "figure", "tr", ".legend"):
        assert opened.execute_script(style.format(f"querySelector('{what}')", "breakInside")) == "avoid"
    assert opened.execute_script(style.format("querySelector('nav')", "display")) == "none"
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.fixture
def judge(browse, make_image, tmp_path):
    """A browser, the page of three crops in three versions, and the path of its key."""
    names = ("original", "bicubic", "network")
    crops = [
        {"image": f"{i}.png", "place": (0, 0), "versions": {each: make_image(48, 48).pixels for each in names}}
        for i in range(3)
    ]
    return browse(tmp_path), tmp_path / "judge.html", write_page(tmp_path / "judge.html", crops)


def press(driver, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    actions = ActionChains(driver)
    for key in keys:
        actions.send_keys(key)
    actions.perform()


def start(driver, path, judge):
    from selenium.webdriver.common.keys import Keys

    driver.get(path.as_uri())
    driver.find_element("id", "judge").send_keys(judge + Keys.ENTER)


def saved(driver, folder):
    next(each for each in driver.find_elements("class name", "save") if each.is_displayed()).click()
    deadline = time.monotonic() + 10
    while not (files := list(folder.glob("*.csv"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return files[0]


def test_a_judge_rates_everything_by_keyboard_and_a_reload_loses_nothing(judge, tmp_path, capsys):
    from selenium.webdriver.common.keys import Keys

    chromium, page, key_path = judge
    start(chromium, page, 'Ann "A", =1')
    count = lambda: chromium.find_element("id", "count").text  # noqa: E731
    assert count() == "0 of 9 rated; detail 1 of 3, version 1 of 3"
    press(chromium, "3", "6", "0", "x", "4")  # other keys do nothing
    assert count().startswith("2 of 9 rated")
    order = chromium.execute_script("return items.map(item => item.id)")
    chromium.refresh()
    assert count() == "2 of 9 rated; detail 1 of 3, version 3 of 3"
    assert chromium.execute_script("return items.map(item => item.id)") == order
    press(chromium, Keys.ARROW_LEFT, Keys.ARROW_LEFT, "1")  # the first rating corrected
    assert count() == "2 of 9 rated; detail 1 of 3, version 2 of 3"
    press(chromium, Keys.ENTER)  # the next without a rating
    assert count() == "2 of 9 rated; detail 1 of 3, version 3 of 3"
    press(chromium, "s")
    assert len(chromium.find_elements("css selector", "#pictures img")) == 3
    assert chromium.find_element("css selector", ".current figcaption").text == "version 3: not rated"
    press(chromium, "5", "s", Keys.ARROW_RIGHT, *"23451")  # one left out, then the rest
    assert count() == "8 of 9 rated; detail 2 of 3, version 1 of 3"
    press(chromium, "2")
    assert chromium.find_element("id", "done").is_displayed()
    path = saved(chromium, tmp_path / "saved")
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    key = json.loads(key_path.read_text())
    assert [row["version"] for row in rows] == order and set(order) == set(key["versions"])
    assert [row["rating"] for row in rows] == list("145223451")
    assert {row["judge"] for row in rows} == {'Ann "A", =1'} and path.name == "ratings-Ann-A-1.csv"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["time"]) for row in rows)
    assert chromium.get_log("browser") == []
    assert mos.main(["score", str(path), "--key", str(key_path)]) == 0
    assert "1 judge(s), 3 crop(s), 9 rating(s)" in capsys.readouterr().out


def test_on_a_phone_large_buttons_do_the_same(judge, tmp_path):
    chromium, page, _ = judge
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    start(chromium, page, "Ben")
    buttons = chromium.find_elements("css selector", "#buttons button")
    assert [each.text.replace("\n", " ") for each in buttons] == ["1 bad", "2 poor", "3 fair", "4 good", "5 excellent"]
    picture = chromium.find_element("css selector", "#pictures img").rect
    assert picture["width"] == picture["height"] == 48 * 7  # a whole zoom
    for each in buttons:
        assert each.rect["height"] >= 48 and each.rect["width"] >= 48
        assert each.rect["y"] + each.rect["height"] <= 700
    for side in (False, True):
        assert chromium.execute_script("return state.side") is side
        assert chromium.execute_script("return document.documentElement.scrollWidth") == 390
        chromium.find_element("id", "view").click()
    buttons[3].click()
    assert chromium.find_element("id", "count").text.startswith("1 of 9 rated; detail 1 of 3, version 2")
    chromium.find_element("id", "back").click()
    assert [each.get_attribute("aria-pressed") for each in buttons] == ["false"] * 3 + ["true", "false"]
    with open(saved(chromium, tmp_path / "saved"), encoding="utf-8") as file:
        assert [row["rating"] for row in csv.DictReader(file)] == ["4"]


def test_a_browser_that_keeps_nothing_says_so(judge):
    chromium, page, _ = judge
    broken = "Storage.prototype.setItem = () => { throw new Error('full'); };"
    chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": broken})
    start(chromium, page, "Cid")
    assert "keeps nothing" in chromium.find_element("id", "note").text
    press(chromium, "2")
    assert chromium.find_element("id", "count").text.startswith("1 of 9 rated")
