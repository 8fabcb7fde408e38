"""Every system of the papers as data: the record, and the table of them."""

from keras_srgan.recipes.recipe import LABELS, Recipe, read_config
from keras_srgan.recipes.zoo import RECIPES, SAMPLE, find_recipe

__all__ = [
    "LABELS",
    "RECIPES",
    "Recipe",
    "SAMPLE",
    "find_recipe",
    "read_config",
]
