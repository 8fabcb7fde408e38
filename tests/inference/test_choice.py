"""Which weights suit an image."""

import json

import numpy as np
import pytest

from keras_srgan.degradation.model import degrade
from keras_srgan.degradation.settings import BICUBIC
from keras_srgan.evaluate.evaluation import compare
from keras_srgan.images import write_image
from keras_srgan.inference import choice
from keras_srgan.inference.choice import AutoUpscaler, choose_weights
from keras_srgan.resampling import quantise, resize
from keras_srgan.upscale.__main__ import main

SUITS_NOISE = "xray-srgan-plus-pretrained"


@pytest.fixture
def radiograph():
    """A function that degrades a piece of the embedded radiograph, 8 bit."""
    from keras_srgan.data.sample import sample_radiograph

    image = sample_radiograph(reduce=2)
    hr = quantise(image.pixels[200:584, 200:584] * (255 / image.max_value), 255, "uint8")
    return lambda **fields: degrade(hr, 4, 255, BICUBIC.replace(**fields), np.random.default_rng(0))


@pytest.fixture(autouse=True)
def without_real(monkeypatch):
    monkeypatch.setattr(choice, "DEGRADED", (SUITS_NOISE,))


@pytest.mark.parametrize(
    "fields,weights,reason",
    [
        ({}, "xray-srgan-plus", "clean"),
        ({"readout": 0.5}, "xray-srgan-plus", "clean"),
        ({"readout": 3}, SUITS_NOISE, "noise above 1.5"),
        ({"codec": "jpeg", "quality": 60}, SUITS_NOISE, "JPEG"),
        ({"dose": 1800, "codec": "jpeg", "quality": 60}, SUITS_NOISE, "JPEG"),
    ],
)
def test_noise_and_jpeg_ask_for_other_weights(radiograph, fields, weights, reason):
    found = choose_weights(radiograph(**fields))
    assert (found.weights, found.reason) == (weights, reason)
    assert str(found).endswith(f"weights {weights} ({reason})") and "\n" not in str(found)


def test_an_enlarged_image_counts_as_blurred_and_a_tiny_one_as_clean(radiograph):
    enlarged = quantise(resize(radiograph(), 4), 255, "uint8")
    assert choose_weights(enlarged).reason.startswith("no detail above 80%")
    assert choose_weights(radiograph()[:12, :40]).reason == "too small to judge"


def test_a_faint_image_is_judged_as_the_network_sees_it(radiograph):
    for fields in ({}, {"readout": 3}):
        pixels = radiograph(**fields).astype("uint16") * 16  # 12 bits in 16
        low, high = int(pixels.min()), int(pixels.max())
        stretched = quantise((pixels - low) * (65535 / (high - low)), 65535, "uint16")
        faint, seen = choose_weights(pixels), choose_weights(stretched)
        assert faint.weights == seen.weights
        assert faint.findings.noise == pytest.approx(seen.findings.noise, rel=0.02)


def test_weights_that_are_there_come_first(radiograph, monkeypatch):
    monkeypatch.setattr(choice, "DEGRADED", ("not-here", "xray-fast", SUITS_NOISE))
    assert choose_weights(radiograph(readout=3)).weights == "xray-fast"


def test_an_image_is_enlarged_by_the_weights_that_suit_it(radiograph):
    auto = AutoUpscaler()
    for fields, weights in (({}, "xray-srgan-plus"), ({"readout": 3}, SUITS_NOISE)):
        image = radiograph(**fields)[:40, :40]
        np.testing.assert_array_equal(auto.upscale(image, 255), auto.loaded[weights].upscale(image, 255))
    assert len(auto.loaded) == 2


def test_upscale_says_what_it_found_and_which_weights_it_took(radiograph, tmp_path, capsys):
    for name, fields in (("clean", {}), ("noisy", {"readout": 3})):
        write_image(tmp_path / "in" / f"{name}.png", radiograph(**fields)[:48, :48])
    command = [str(tmp_path / "in"), "--weights", "auto"]
    assert main([*command, "--out", str(tmp_path / "out"), "--json"]) == 0
    said = capsys.readouterr()
    files = json.loads(said.out)["files"]
    assert [file["weights"] for file in files] == ["xray-srgan-plus", SUITS_NOISE]
    assert files[1]["found"]["findings"]["noise"] > 2 and files[1]["found"]["reason"] == "noise above 1.5"
    noisy = next(line for line in said.err.splitlines() if "noisy.png" in line)
    assert f"weights {SUITS_NOISE} (noise above 1.5)" in noisy and "no JPEG blocks" in noisy
    with pytest.raises(SystemExit):
        main([*command, "--out", str(tmp_path / "out"), "--alpha", "0.5"])
    assert "--alpha: needs --weights NAME" in capsys.readouterr().err


def test_an_evaluation_without_originals_says_the_same(radiograph, tmp_path):
    write_image(tmp_path / "lr" / "noisy.png", radiograph(readout=3)[:48, :48])
    found = compare(lr=tmp_path / "lr", weights=["auto"], metrics=["sharpness"])
    assert found.methods == ["bicubic", "auto"]
    assert found.provenance["suited"]["noisy"].endswith(f"weights {SUITS_NOISE} (noise above 1.5)")
