import dataclasses
import json

import numpy as np
import pytest

import keras_srgan
from keras_srgan.evaluate.__main__ import main as evaluate
from keras_srgan.evaluate.intervals import calibrate, coverage_markdown, measure
from keras_srgan.evaluate.protocols import PROTOCOLS
from keras_srgan.images import write_image
from keras_srgan.inference import Options, Upscaler
from keras_srgan.inference.intervals import Calibration, Intervals, edge_strength, read_intervals
from keras_srgan.networks import build_generator
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.resampling import reduce_image
from keras_srgan.upscale.__main__ import main as upscale
from keras_srgan.weights import cards, save_weights

FLAT = Intervals(0.9, (1.0, 0, 0, 0, 0, 0), (0.0, 1.0), (3.0, 3.0))


@pytest.fixture(scope="module")
def network(shaken):
    return shaken(srresnet(filters=4, blocks=1))


@pytest.fixture
def weights(shaken, tiny, tmp_path):
    card = {"recipe": dataclasses.asdict(tiny), "name": "mine"}
    return save_weights(shaken(build_generator(tiny)), tmp_path / "mine.weights.h5", card)


def scene(rng, side=128):
    """Smooth on the left, rough on the right; the error grows with the contrast."""
    noise = rng.normal(size=(side, side)) * np.linspace(0.5, 20, side)
    return np.clip(128 + 40 * np.sin(np.arange(side) / 9) + noise, 0, 255)


def test_intervals_hold_the_share_that_they_are_to_in_all_and_where_edges_are_strong(rng):
    def draw():
        sr = scene(rng)
        hr = sr + rng.laplace(size=sr.shape) * (0.5 + edge_strength(sr))
        return reduce_image(np.rint(sr).astype("uint8"), 4, 255).astype(float), sr, hr

    pixels = Calibration(4, 0.9)
    for _ in range(6):
        pixels.add(*draw(), border=4)
    intervals = pixels.intervals({})
    within, edges = [], []
    for _ in range(6):
        lr, sr, hr = draw()
        low, high = intervals.bounds(lr, sr, 4, (0, 255), white=1e9)
        within.append((low <= hr) & (hr <= high))
        edges.append(edge_strength(sr))
    within, edges = np.ravel(within), np.ravel(edges)
    assert abs(within.mean() - 0.9) < 0.01
    for tenth in np.array_split(np.argsort(edges), 10):
        assert within[tenth].mean() > 0.85
    assert intervals.half_widths[-1] > 4 * intervals.half_widths[0]  # not one width for all


def test_an_interval_is_in_the_images_own_units(network, make_image):
    upscaler = Upscaler(network, 4, 1, intervals=FLAT)
    pixels = make_image(24, 28).pixels
    eight = upscaler.run(pixels, options=Options(interval=True))
    twelve = upscaler.run(pixels.astype("uint16") * 257, options=Options(interval=True))
    middle = (eight.lower > 0) & (eight.upper < 255)
    assert eight.lower.shape == eight.pixels.shape and eight.added is None
    np.testing.assert_allclose((eight.upper - eight.lower)[middle], 6, atol=1e-4)
    np.testing.assert_allclose(twelve.upper, eight.upper * 257, rtol=1e-4, atol=1)
    assert eight.lower.min() >= 0 and eight.upper.max() <= 255
    assert (eight.pixels + 0.5 >= eight.lower)[middle].all() and (eight.pixels - 0.5 <= eight.upper)[middle].all()


def test_tiles_have_the_whole_images_intervals_and_the_map_stays_what_it_is(network, make_image):
    upscaler = Upscaler(network, 4, 1, intervals=FLAT)
    pixels = make_image(40, 44).pixels
    whole = upscaler.run(pixels, options=Options(tile=0, interval=True, map=True))
    tiled = upscaler.run(pixels, options=Options(tile=16, interval=True, map=True))
    assert tiled.tiles > 1
    np.testing.assert_allclose(tiled.lower, whole.lower, atol=0.01)
    plain = upscaler.run(pixels, options=Options(tile=0, map=True))
    np.testing.assert_array_equal(whole.added, plain.added)
    assert whole.spread is None and plain.lower is None


def test_what_was_not_calibrated_has_no_interval(network, make_image):
    pixels = make_image(24, 28).pixels
    with pytest.raises(ValueError, match="not calibrated"):
        Upscaler(network, 4, 1).run(pixels, options=Options(interval=True))
    with pytest.raises(ValueError, match="gray"):
        Upscaler(network, 4, 1, intervals=FLAT).run(np.stack([pixels] * 3, -1), options=Options(interval=True))
    for other in ({"self_ensemble": True}, {"back_project": 1}):
        with pytest.raises(ValueError, match="one pass"):
            Options(interval=True, **other)


def test_calibration_measurement_and_upscale_end_to_end(weights, make_image, tmp_path, capsys):
    for i in range(3):
        write_image(tmp_path / "hr" / f"0000000{i}_000.png", make_image(104, 112).pixels)
    given = ["--data", str(tmp_path / "hr"), "--weights", str(weights)]
    assert evaluate([*given, "--task", "intervals"]) == 1 and "not calibrated" in capsys.readouterr().err
    assert upscale([str(tmp_path / "hr"), "--out", str(tmp_path / "no"), "--weights", str(weights), "--interval"]) == 1
    assert not list((tmp_path / "no").rglob("*.png"))
    capsys.readouterr()
    assert evaluate([*given, "--task", "calibrate"]) == 0
    stored = json.loads((tmp_path / "mine.interval.json").read_text())
    assert stored["about"]["images"] == stored["about"]["patients"] == 3
    assert evaluate([*given, "--task", "intervals"]) == 0
    text = capsys.readouterr().out
    assert "of the pixels of 3 images are within" in text and "Half-width" in text and "Protocol cxr" in text
    pair = PROTOCOLS["cxr"].pair(make_image(104, 112))
    assert abs(measure(keras_srgan.load(weights), pair, PROTOCOLS["cxr"])["within"].mean() - 0.9) < 0.04

    source = tmp_path / "hr" / "00000000_000.png"
    assert upscale([str(source), "--out", str(tmp_path / "out"), "--weights", str(weights), "--interval"]) == 0
    low, high = np.load(tmp_path / "out" / "00000000_000_x4_interval.npy")
    assert low.shape == (416, 448) and (low <= high).all() and "half-width" in capsys.readouterr().out
    assert (tmp_path / "out" / "00000000_000_x4_interval.png").exists()
    # Another network under that name has no intervals.
    assert read_intervals(weights, stored["about"]["sha256"]) is not None
    with pytest.raises(ValueError, match="of other weights"):
        read_intervals(weights, "another")
    (tmp_path / "mine.interval.json").write_text("{}")
    upscaler, image = keras_srgan.load(weights), np.full((8, 8), 90, "uint8")
    assert upscaler.upscale(image).shape == (32, 32)  # a stale file keeps no network from running
    with pytest.raises(ValueError, match="not an interval file"):
        upscaler.run(image, options=Options(interval=True))
    assert evaluate([*given, "--task", "calibrate"]) == 0  # as the message says
    assert keras_srgan.load(weights).run(image, options=Options(interval=True)).lower is not None


def test_intervals_of_colour_and_of_too_few_pixels_are_refused(weights, tmp_path):
    with pytest.raises(ValueError, match="gray"):
        coverage_markdown(tmp_path, [weights], PROTOCOLS["rgb"])
    with pytest.raises(ValueError, match="scale"):
        calibrate(tmp_path, weights, PROTOCOLS["cxr"].replace(scale=2))
    pixels = Calibration(4)
    pixels.add(np.zeros((4, 4)), np.zeros((16, 16)), np.zeros((16, 16)), 4)
    with pytest.raises(ValueError, match="64 pixels"):
        pixels.intervals({})
    with pytest.raises(ValueError, match="between 0 and 1"):
        Calibration(4, 1.0)


def test_an_interval_file_is_no_card():
    assert all(json.loads(path.read_text(encoding="utf-8")).get("recipe") for path in cards())
    assert not [path for path in cards() if ".interval" in path.name]


def test_noisy_and_clean_films_each_hold_their_share_where_one_width_would_not(rng):
    # The pixels look alike; that one film is noisy shows in all of it only, and its errors are three times as large.
    def draw(noisy):
        sr = scene(rng)
        hr = sr + rng.laplace(size=sr.shape) * (3 if noisy else 1)
        lr = reduce_image(np.rint(sr).astype("uint8"), 4, 255) + rng.normal(size=(32, 32)) * (8 if noisy else 0.1)
        return lr, sr, hr

    def held(intervals, noisy):
        lr, sr, hr = draw(noisy)
        low, high = intervals.bounds(lr, sr, 4, (0, 255), white=1e9)
        return float(((low <= hr) & (hr <= high)).mean())

    pixels = Calibration(4, 0.9)
    for i in range(12):
        pixels.add(*draw(i % 2), border=4, patient=str(i))
    found = pixels.intervals({})
    assert 0.85 < found.about["left_out"]["within"] < 0.95 and 0.9 < found.about["left_out"]["factor"] < 1.15
    old = Intervals(0.9, found.coefficients[:6], found.scores, found.half_widths)  # a file of before has six
    assert len(found.coefficients) == 7 and held(old, 1) != held(found, 1)
    for noisy in (0, 1):
        assert np.mean([held(found, noisy) for _ in range(4)]) == pytest.approx(0.9, abs=0.03)


def test_patients_left_out_widen_what_the_same_pixels_flatter(rng):
    def draw(i):
        sr = scene(rng)
        lr = reduce_image(np.rint(sr).astype("uint8"), 4, 255).astype(float)
        return lr, sr, sr + rng.laplace(size=sr.shape) * (4 if i == 0 else 1)  # one patient is unlike all others

    pixels = Calibration(4, 0.9)
    for i in range(5):
        pixels.add(*draw(i), border=4, patient=str(i))
    about = pixels.intervals({}).about["left_out"]
    assert about["within"] < 0.9 and about["factor"] > 1
    few = Calibration(4, 0.9)
    few.add(*draw(1), border=4, patient="1")
    assert "left_out" not in few.intervals({}).about
