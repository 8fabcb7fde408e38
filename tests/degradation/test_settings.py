"""A degradation as data: checked, drawn, written and read."""

import dataclasses
import json

import numpy as np
import pytest

from keras_srgan.degradation.presets import PRESETS, changed, find_degradation
from keras_srgan.degradation.settings import BICUBIC, Degradation, text_of
from keras_srgan.recipes import Recipe, find_recipe
from keras_srgan.train.__main__ import parser, resolve

REAL = PRESETS["real"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_degradation_in_a_recipe_round_trips_through_json(name):
    recipe = find_recipe("xray-real").replace(degradation=PRESETS[name].replace(dose=(500, 700.0)))
    assert Recipe.from_dict(json.loads(recipe.to_json())) == recipe
    assert Recipe.from_dict(json.loads(Recipe().to_json())).degradation.plain


def test_a_recipe_written_before_there_were_degradations_is_bicubic():
    values = json.loads(Recipe().to_json())
    del values["degradation"]
    assert Recipe.from_dict(values).degradation == BICUBIC


def test_every_value_drawn_lies_in_its_range_and_takes_part_of_it():
    rng = np.random.default_rng(0)
    real = REAL.replace(clean=0)
    drawn = [real.draw(rng) for _ in range(300)]
    for field in dataclasses.fields(Degradation)[2:]:
        values = [each[field.name] for each in drawn]
        asked = getattr(real, field.name)
        if field.metadata["choices"]:
            assert set(values) == set(asked)
            continue
        flat = np.ravel(values)
        low, high = asked
        assert low <= flat.min() and flat.max() <= high
        assert np.ptp(flat) >= 0.9 * (high - low)
    doses = np.log([each["dose"] for each in drawn])
    assert abs(doses.mean() - np.mean(np.log(real.dose))) < 0.2  # even in the logarithm
    codecs = [each["codec"] for each in drawn]
    assert codecs.count("jpeg") > 1.4 * codecs.count("jpeg2000")


def test_a_share_of_the_images_stays_clean():
    rng = np.random.default_rng(0)
    clean = [REAL.replace(clean=0.3).draw(rng)["dose"] == 0 for _ in range(500)]
    assert 0.24 < np.mean(clean) < 0.36


def test_draws_depend_on_the_seed_and_not_on_the_ranges_of_other_fields():
    one, same = (REAL.draw(np.random.default_rng(5)) for _ in range(2))
    assert one == same != REAL.draw(np.random.default_rng(6))
    narrower = REAL.replace(mtf=1, codec="none").draw(np.random.default_rng(5))
    assert narrower["dose"] == one["dose"] and narrower["quality"] == one["quality"]


@pytest.mark.parametrize(
    "field,value,message",
    [
        ("mtf", 1.2, "mtf = 1.2: give a number or LOW..HIGH, from 0.05 to 1"),
        ("mtf", (0.9, 0.5), "mtf = 0.9..0.5: give a number or LOW..HIGH"),
        ("mtf", "steep", "mtf = 'steep': give a number, or LOW..HIGH"),
        ("dose", (0, 100), "dose = 0..100: 0 is no quantum noise"),
        ("dose", float("nan"), "dose = nan: give a number"),
        ("dose", True, "dose = True: give"),
        ("bits", 7, "bits = 7: give 8 to 16"),
        ("quality", 60.5, "quality = 60.5: give whole numbers"),
        ("codec", "jpeg,webp", "codec = jpeg,webp: choose of none, jpeg, jpeg2000"),
        ("reduction", (), "reduction = .*choose of bicubic"),
        ("clean", 2, r"clean = 2: must be in \[0, 1\]"),
        ("blurr", 1, "unknown degradation field 'blurr': known are .*mtf"),
    ],
)
def test_a_bad_field_is_one_clear_line(field, value, message):
    with pytest.raises(ValueError, match=message) as error:
        BICUBIC.replace(**{field: value})
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=message):
        Recipe().replace(degradation={field: value})


def test_unknown_presets_are_named():
    for make in (lambda: find_degradation("fog"), lambda: Recipe().replace(degradation="fog")):
        with pytest.raises(ValueError, match="unknown degradation 'fog': choose one of bicubic, detector"):
            make()
    with pytest.raises(ValueError, match="degradation = 3: give a preset's name"):
        Recipe().replace(degradation=3)


def test_what_the_command_line_takes_is_what_is_shown():
    for each in PRESETS.values():
        fields = [field.name for field in dataclasses.fields(Degradation)[1:]]
        read = BICUBIC.replace(name=each.name, **{name: text_of(getattr(each, name)) for name in fields})
        assert read == each


def resolved(*flags):
    return resolve(parser().parse_args(["--data", "images", *flags]))[0].degradation


def test_flags_name_a_preset_or_change_single_fields():
    assert resolved().plain
    assert resolved("--degradation", "archive") == PRESETS["archive"]
    assert resolved("--recipe", "xray-real", "--mtf", "0.4..0.8", "--codec", "none,jpeg") == REAL.replace(
        mtf=(0.4, 0.8), codec=("none", "jpeg")
    )
    assert resolved("--degradation", "detector", "--dose", "900").dose == (900.0, 900.0)


def test_a_bad_flag_ends_with_one_line(capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--mtf", "3"])
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "--mtf: mtf = 3: give a number or LOW..HIGH, from 0.05 to 1" in lines[0]


def test_a_toml_table_begins_from_the_preset_that_it_names():
    table = {"name": "archive", "quality": 30}
    assert changed(BICUBIC, table) == PRESETS["archive"].replace(quality=30)
    assert changed(REAL, {"quality": 30}) == REAL.replace(quality=30)
