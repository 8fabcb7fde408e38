"""Weights on disk: `NAME.weights.h5` as Keras writes it, kernels in float16, beside its model card `NAME.json`."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from keras_srgan.files import json_text, sha256, write_atomically, write_text
from keras_srgan.hdf5 import POINTER, is_pointer, open_hdf5
from keras_srgan.hub import HUB, fetch_from_hub
from keras_srgan.recipes import Recipe

if TYPE_CHECKING:
    import keras

SUFFIX = ".weights.h5"
JUDGE = f"-discriminator{SUFFIX}"  # of a generator in weights/
INSIDE = Path("checkpoints") / f"discriminator{SUFFIX}"  # of a run


def weights_folder() -> Path:
    """The folder of the package's own weights: `weights/` of a checkout, or of the installed wheel."""
    installed = Path(__file__).parent / "_weights"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "weights"


def _save_float16(model: "keras.Model", path: Path) -> None:
    """Writes what `keras.Model.save_weights` writes, with kernels in float16."""
    with tempfile.TemporaryDirectory(prefix="keras-srgan-") as folder:
        whole = Path(folder) / f"whole{SUFFIX}"
        model.save_weights(whole)
        with h5py.File(whole) as source, h5py.File(path, "w") as file:

            def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
                if isinstance(item, h5py.Dataset):
                    value = item[()]
                    # Kernels only: a BN variance can leave float16's range, and vectors weigh nothing.
                    small = value.ndim > 1 and float(np.abs(value).max(initial=0)) < 65504
                    options = {"compression": "gzip", "shuffle": True} if small else {}
                    file.create_dataset(name, data=value.astype("float16") if small else value, **options)
                elif name.endswith("/vars") and _arrays(item.parent):
                    file.require_group(name).attrs["name"] = item.attrs["name"]

            source.visititems(copy)


def _arrays(group: h5py.Group) -> list[str]:
    """The names of all arrays below a group of a file."""
    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def _load(model: "keras.Model", path: Path) -> None:
    with open_hdf5(path) as file:
        stored = _arrays(file)
        if "layers" in file:
            wanted: dict[str, Any] = {}
            for place in sorted({name.rpartition("/")[0] for name in stored}):
                wanted |= {f"{place}/{i}": weight for i, weight in enumerate(_weights_at(model, file, place, path))}
        else:  # as keras-srgan wrote it before 0.1.0: by the variables' paths
            wanted = {variable.path: variable for variable in model.weights}
            # The state of dropout's seeds, which Keras numbers through a process, is no weight.
            stored = [name for name in stored if not name.startswith("seed_generator")]
        if set(stored) != set(wanted) or ("layers" in file and len(stored) != len(model.weights)):
            odd = f"{len(stored)} arrays, the network has {len(model.weights)}"
            raise ValueError(f"{path}: weights of another network ({odd}): check scale, channels, filters and blocks")
        for name, variable in wanted.items():
            value = np.asarray(file[name], dtype=variable.dtype)
            if value.shape != tuple(variable.shape):
                raise ValueError(
                    f"{path}: weights of another network ({variable.path} has shape {value.shape}, "
                    f"the network has {tuple(variable.shape)}): check scale, channels, filters and blocks"
                )
            variable.assign(value)


def _weights_at(model: "keras.Model", file: h5py.File, place: str, path: Path) -> list:
    """The network's own variables of a place in Keras's layout, as `layers/conv2d_1/vars`.

    The layer is found by the name that Keras notes there: its number may change between versions.
    """
    _, first, *inner, _ = place.split("/")
    name = file[f"layers/{first}/vars"].attrs["name"]
    try:
        layer: Any = model.get_layer(name)
        for attribute in inner:
            layer = getattr(layer, attribute)
    except (ValueError, AttributeError):
        raise ValueError(f"{path}: weights of another network (it has no layer {name!r})") from None
    return layer.weights[: len(file[place])]


def save_weights(model: "keras.Model", path: str | Path, card: dict[str, Any] | None = None) -> Path:
    """Saves a network's weights in Keras's own layout, kernels as float16, with a model card beside them.

    `keras.Model.load_weights` of a network of the same form opens the file too.

    Args:
        model: `keras.Model`.
        path: `NAME.weights.h5`.
        card: dictionary, the model card; `sha256` and `parameters` are filled in.

    Returns:
        The path.

    Raises:
        OSError: if the disk is full or read-only; nothing half-written stays.
    """
    path = Path(path)
    write_atomically(path, lambda temporary: _save_float16(model, temporary))
    if card is not None:
        card = {**card, "parameters": model.count_params(), "sha256": sha256(path)}
        write_text(card_path(path), json_text(card))
    return path


def load_weights(model: "keras.Model", path: str | Path) -> None:
    """Loads what `save_weights` saved into a network of the same form.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it cannot be read, as where another program holds a lock on it.
        ValueError: if the file is damaged, is a Git-LFS pointer, or belongs to another network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    _load(model, path)


def card_path(path: Path) -> Path:
    """`NAME.json` of `NAME.weights.h5`."""
    return path.with_name(path.name.removesuffix(SUFFIX) + ".json")


def cards(folder: Path | None = None) -> list[Path]:
    """The model cards of a folder, of `weights/` by default, by name; a card has its weights beside it."""
    files = sorted((folder or weights_folder()).glob(f"*{SUFFIX}"))
    return [card_path(file) for file in files if card_path(file).is_file()]


def find_weights(name_or_path: str | Path) -> Path:
    """Finds weights by name in `weights/`, by path (a file, or a run folder), or on the Hugging Face Hub.

    Args:
        name_or_path: a name, a path, or `hf://ORGANISATION/NAME`, with `@REVISION` behind it if wanted.

    Raises:
        FileNotFoundError: naming what there is.
        ValueError: if the Hub is asked for, and its package is missing or it does not answer.
    """
    path = fetch_from_hub(str(name_or_path)) if str(name_or_path).startswith(HUB) else Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        inside = sorted(path.glob(f"*{SUFFIX}"), key=lambda file: len(file.name))
        if inside:
            return inside[0]
    known = weights_folder() / f"{name_or_path}{SUFFIX}"
    if known.is_file():
        return known
    names = [card.stem for card in cards()]
    raise FileNotFoundError(
        f"{name_or_path}: no such weights; give a {SUFFIX} file, a run folder, or one of: {', '.join(names)}"
    )


def find_discriminator(name_or_path: str | Path) -> tuple[Path, Recipe, str]:
    """Finds a discriminator's weights and the recipe that they were made by.

    Args:
        name_or_path: the name of its generator in `weights/`; a run folder; or a file, with its generator's card or
            its `recipe.json` beside it or one folder up.

    Returns:
        The file, the recipe, and the name of the generator or of the run.

    Raises:
        FileNotFoundError: if the weights or the recipe are missing.
        ValueError: if the recipe is none, or the weights are not those that the card describes.
    """
    path = Path(name_or_path)
    places = (path, path / INSIDE, weights_folder() / f"{name_or_path}{JUDGE}")
    file = next((each for each in places if each.is_file()), None)
    if file is None:
        raise FileNotFoundError(f"{path}: no discriminator; give a run folder with {INSIDE}, or that file")
    card = file.with_name(file.name.removesuffix(JUDGE) + ".json")
    known = [card, *(folder / "recipe.json" for folder in file.resolve().parents[:2])]
    recipe_file = next((each for each in known if each.is_file()), None)
    if recipe_file is None:
        raise FileNotFoundError(f"{file}: its recipe.json is neither beside it nor one folder up")
    try:
        found = json.loads(recipe_file.read_text(encoding="utf-8"))
        expected = found["discriminator"]["sha256"] if recipe_file == card else None
        recipe = Recipe.from_dict(found["recipe"] if recipe_file == card else found)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{recipe_file}: not a recipe ({error})") from None
    if expected and sha256(file) != expected:
        raise ValueError(f"{file}: not the weights that {card.name} describes (sha256 differs): fetch again")
    return file, recipe, card.stem if recipe_file == card else recipe_file.parent.name


def read_card(path: Path) -> dict[str, Any]:
    """Reads the model card of a weights file and verifies the hash.

    Raises:
        FileNotFoundError: if the card is missing.
        ValueError: if it is not a card, or the weights are not the ones that it describes.
    """
    card_file = card_path(path)
    if not card_file.is_file():
        raise FileNotFoundError(f"{path}: its model card {card_file.name} is missing; keep both files together")
    try:
        card = json.loads(card_file.read_text(encoding="utf-8"))
        expected = card["sha256"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{card_file}: not a model card (JSON with a sha256)") from None
    if is_pointer(path):
        raise ValueError(f"{path}: {POINTER}")
    if sha256(path) != expected:
        raise ValueError(f"{path}: not the weights that {card_file.name} describes (sha256 differs): fetch again")
    return card


def identity(card: dict[str, Any]) -> str:
    """The sha256 of the weights that a card describes; where `load` mixed two files, both and `alpha`."""
    known = card.get("sha256", "not known")
    if pretrained := card.get("pretrained_sha256"):
        return f"{known}, mixed at alpha {card['alpha']:g} with pretrained sha256 {pretrained}"
    return known
