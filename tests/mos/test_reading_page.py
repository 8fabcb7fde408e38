"""A reading study in a real browser: one reader by keyboard, one by mouse, their files, and the analysis."""

import csv
import json
import time

import cv2
import pytest

from keras_srgan.mos import __main__ as mos
from keras_srgan.mos.page import write_page

VERSIONS = ("original", "bicubic", "network")
WORDS = ["1 surely not", "2 probably not", "3 can't say", "4 probably", "5 surely"]


@pytest.fixture
def study(browse, make_image, tmp_path):
    """A browser with a study of four cases; what the finding is is drawn: a bright disc, which `network` has lost."""
    crops = []
    for i in range(4):
        plain = make_image(96, 120).pixels // 2
        disc = cv2.circle(plain.copy(), (60, 48), 12, 255, -1) if i < 2 else plain
        versions = {each: plain if each == "network" else disc for each in VERSIONS}
        crops.append({"image": f"{i}.png", "place": (0, 0), "versions": versions, "truth": i < 2})
    page = tmp_path / "read.html"
    key = json.loads(write_page(page, crops, finding="disc").read_text(encoding="utf-8"))
    driver = browse(tmp_path)
    driver.get(page.as_uri())
    return driver, page, key


def sees_disc(driver):
    """What a reader sees: whether the picture that is shown holds pure white."""
    return driver.execute_async_script(
        "const done = arguments[0], image = document.querySelector('#pictures img');"
        "image.decode().then(() => { const canvas = document.createElement('canvas');"
        "canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;"
        "const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);"
        "const data = context.getImageData(55, 43, 10, 10).data;"
        "done(data.filter((v, i) => i % 4 === 0).every((v) => v > 250)); });"
    )


def text(driver, name):
    return driver.find_element("id", name).text


def save(driver, folder, before=()):
    next(each for each in driver.find_elements("class name", "save") if each.is_displayed()).click()
    deadline = time.monotonic() + 10
    while not (files := set(folder.glob("*.csv")) - set(before)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return files.pop()


def test_two_readers_by_keyboard_and_by_mouse_and_what_is_made_of_it(study, tmp_path, capsys):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    driver, page, key = study
    assert driver.find_element("tag name", "h1").text == "Is this there: disc?"
    ActionChains(driver).send_keys(Keys.TAB, "Ann", Keys.ENTER).perform()  # the first stop of Tab is the name
    assert text(driver, "count") == "0 of 12 read; image 1" and not driver.find_element("id", "view").is_displayed()
    order = driver.execute_script("return items.map((item) => item.crop)")
    assert [len(set(order[i : i + 4])) for i in (0, 4, 8)] == [4, 4, 4]  # each case once before any comes again
    for i in range(12):
        assert text(driver, "count") == f"{i} of 12 read; image {i + 1}"
        press = ["s"] if i == 3 else []  # no versions beside each other in a reading study
        ActionChains(driver).send_keys(*press, "5" if sees_disc(driver) else "1").perform()
        if i == 5:
            driver.refresh()
    assert driver.find_element("id", "done").is_displayed()
    first = save(driver, tmp_path / "saved")

    next(each for each in driver.find_elements("css selector", "#done button") if "Another" in each.text).click()
    driver.switch_to.alert.accept()
    driver.find_element("id", "judge").send_keys("Bob")
    driver.find_element("css selector", "#form button").click()
    buttons = driver.find_elements("css selector", "#buttons button")
    assert [each.text.replace("\n", " ") for each in buttons] == WORDS
    for i in range(12):
        if i == 4:  # looks back, and says otherwise
            driver.find_element("id", "back").click()
            assert [each.get_attribute("aria-pressed") for each in buttons].count("true") == 1
            buttons[2].click()
            assert text(driver, "count") == "4 of 12 read; image 5"
        buttons[3 if sees_disc(driver) else 1].click()
    second = save(driver, tmp_path / "saved", [first])

    for path, reader, words in ((first, "Ann", {"5", "1"}), (second, "Bob", {"4", "2", "3"})):
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert {row["version"] for row in rows} == set(key["versions"]) and len(rows) == 12
        assert {row["judge"] for row in rows} == {reader} and {row["rating"] for row in rows} == words
    assert driver.get_log("browser") == []

    assert mos.main(["score", str(first), str(second), "--key", str(page.with_suffix(".key.json"))]) == 0
    said = capsys.readouterr().out
    found = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:]]
        for line in said.splitlines()
        if line.startswith("| ")
    }
    assert float(found["network"][0]) < 0.8 < float(found["original"][0])
    assert found["network"][4] == "0%" and found["network"][5] == "100%"  # nobody saw a disc in it
    assert "2 reader(s) (Ann, Bob), 4 case(s)" in said and "Agreement between judges" in said


@pytest.mark.parametrize("wide", [390, 1366])
def test_a_whole_film_and_all_answers_fit_the_screen(browse, make_image, tmp_path, wide):
    from selenium.webdriver.common.keys import Keys

    film = {"image": "a.png", "place": (0, 0), "versions": {"bicubic": make_image(700, 900).pixels}, "truth": True}
    write_page(tmp_path / "read.html", [film], finding="disc")
    driver = browse(tmp_path)
    phone = {"width": wide, "height": 768, "deviceScaleFactor": 1, "mobile": wide < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    driver.get((tmp_path / "read.html").as_uri())
    driver.find_element("id", "judge").send_keys("Ann" + Keys.ENTER)
    picture = driver.find_element("css selector", "#pictures img")
    assert picture.get_attribute("alt") == "Image 1"
    assert picture.rect["width"] == (900 if wide > 900 else 358)  # as it is, where there is room
    assert driver.execute_script("return document.documentElement.scrollWidth") <= wide
    low, right = (picture.rect[a] + picture.rect[b] for a, b in (("y", "height"), ("x", "width")))
    assert low <= 768
    for each in driver.find_elements("css selector", "#buttons button, #back, #next"):
        box = each.rect
        assert box["height"] >= 44 and box["y"] + box["height"] <= 768
        assert box["y"] >= low or box["x"] >= right  # no answer covers the film
        assert driver.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", each)
