"""Recipes as data."""

import pytest

from keras_srgan.recipes import Recipe, read_config


def test_a_field_is_read_by_the_name_that_it_had_too(tmp_path):
    config = tmp_path / "recipe.toml"
    config.write_text('frame = "720x1280"\n')
    for recipe in (Recipe.from_dict({"frame": "720x1280"}), Recipe().replace(**read_config(config))):
        assert recipe.image_size == "720x1280" and recipe.image_shape == (720, 1280)
    with pytest.raises(ValueError, match="unknown recipe field 'frames'"):
        Recipe.from_dict({"frames": "720x1280"})
