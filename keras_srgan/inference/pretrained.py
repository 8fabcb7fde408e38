"""`keras_srgan.load`: weights to an `Upscaler`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_srgan.recipes import Recipe
from keras_srgan.weights import SUFFIX, find_weights, load_weights, read_card, save_weights

if TYPE_CHECKING:
    import keras

    from keras_srgan.inference.upscaler import Upscaler

PRECISIONS = {"auto": "", "float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def _mix(generator: "keras.Model", path: Path, pretrained_name: str | None, alpha: float) -> str:
    """Moves the generator's weights towards those of the pretrained one beside it, and gives that one's hash."""
    from keras_srgan.networks import build_generator

    other = path.with_name((pretrained_name or f"{path.name.removesuffix(SUFFIX)}-pretrained") + SUFFIX)
    if not other.is_file():
        raise FileNotFoundError(f"{path}: alpha mixes two networks, and {other.name} is not beside it")
    card = read_card(other)
    even = any(layer.name == "even" for layer in generator.layers)  # has no weights: the mixture has it or not
    pretrained = build_generator(Recipe.from_dict(card["recipe"]).replace(even_phases=even))
    if pretrained.to_json() != generator.to_json():
        raise ValueError(f"{path}: alpha mixes two networks of one form, and {other.name} is of another")
    adversarial = [np.asarray(variable) for variable in generator.variables]
    load_weights(generator, other)
    for variable, value in zip(generator.variables, adversarial, strict=True):
        variable.assign((1 - alpha) * np.asarray(variable) + alpha * value)
    return card["sha256"]


def load(
    name_or_path: str | Path, alpha: float | None = None, engine: str = "auto", precision: str = "float32"
) -> "Upscaler":
    """Loads an upscaler.

    Args:
        name_or_path: the name of weights in `weights/`, a `.weights.h5` file, a folder of a run or of
            `save_to_preset`, or `hf://ORGANISATION/NAME` on the Hugging Face Hub.
        alpha: float from 0 to 1: takes the weights `(1 - alpha) * NAME-pretrained + alpha * NAME`, between the
            network of least error and the sharper one; both lie in one folder. `None`: `NAME` as it is.
        engine: what runs the network: `"auto"` or one of `keras_srgan.inference.engines.ENGINES`.
        precision: `"float32"`, or `"bfloat16"` or `"float16"` for the inner layers, with the engines `"keras"`
            (then also `"auto"`) and `"xla"`; `"auto"`: bfloat16 where the processor has instructions for it.

    Returns:
        An `Upscaler`, whose `upscale(array)` returns the enlarged array in the same dtype. Its `card` is the model
        card, with `alpha` and `pretrained_sha256` where two networks were mixed.

    Raises:
        FileNotFoundError: if there are no such weights, or not both for `alpha`.
        ValueError: if they are damaged or the two networks differ; for an unknown engine or precision, or an
            engine that is not installed.

    Example:

    >>> upscaler = keras_srgan.load("xray-srgan-plus")
    >>> image = keras_srgan.read_image("chest.png")
    >>> upscaler.upscale(image.pixels, image.max_value).dtype
    dtype('uint16')

    Reference:
        Wang et al., ECCVW 2018 (ESRGAN), section 3.4: network interpolation.
    """
    if alpha is not None and not 0 <= alpha <= 1:
        raise ValueError(f"alpha {alpha}: give a number from 0 (pretrained) to 1 (adversarial)")
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r}: choose one of {', '.join(PRECISIONS)}")
    if precision not in ("auto", "float32") and engine not in ("auto", "keras", "xla"):
        raise ValueError(f"engine {engine!r} computes in float32: choose engine keras or xla for {precision}")
    path = find_weights(name_or_path)
    card = read_card(path)

    from keras_srgan.backend.arithmetic import native_bfloat16
    from keras_srgan.backend.settings import keras_settings
    from keras_srgan.inference.intervals import read_intervals
    from keras_srgan.inference.upscaler import Upscaler
    from keras_srgan.networks import build_generator

    if precision == "auto":
        suits = engine in ("auto", "keras") and native_bfloat16()
        precision = "bfloat16" if suits else "float32"
    recipe = Recipe.from_dict(card["recipe"])
    with keras_settings(PRECISIONS[precision]):
        generator = build_generator(recipe)
        load_weights(generator, path)
        if alpha is not None:
            card = {**card, "alpha": alpha, "pretrained_sha256": _mix(generator, path, card.get("pretrained"), alpha)}
    intervals = partial(read_intervals, path, card["sha256"]) if alpha is None else None
    return Upscaler(generator, recipe.scale, recipe.channels, card, engine, intervals)


def from_preset(preset: str | Path) -> "keras.Model":
    """Gives a generator with its weights, as KerasHub's models have it.

    Args:
        preset: as for `load`.

    Returns:
        `keras.Model` from LR to SR, both in `[-1, 1]`; Keras's own `save`, `export` and `fit` apply to it.

    Raises:
        FileNotFoundError: if there are no such weights.
        ValueError: if they are damaged.

    Example:

    >>> generator = keras_srgan.from_preset("xray-fast")
    """
    return load(preset, engine="keras").generator


def save_to_preset(upscaler: "Upscaler", folder: str | Path) -> Path:
    """Writes an upscaler's weights and card into a folder, which `load` and `from_preset` take, here or on a Hub.

    Args:
        upscaler: `Upscaler`, whose generator may have been trained further.
        folder: made if missing; weights of the same name in it are replaced.

    Returns:
        The path of the weights.

    Raises:
        ValueError: if the upscaler has no card with a recipe.
        OSError: if the folder can't be written.

    Example:

    >>> upscaler = keras_srgan.load("xray-fast")
    >>> path = keras_srgan.save_to_preset(upscaler, "my-network")
    """
    card = {key: value for key, value in upscaler.card.items() if key not in ("alpha", "pretrained_sha256")}
    if "recipe" not in card:
        raise ValueError("this upscaler has no recipe in its card: give one that keras_srgan.load gave")
    path = Path(folder) / f"{card.get('name') or upscaler.generator.name}{SUFFIX}"
    return save_weights(upscaler.generator, path, card)
