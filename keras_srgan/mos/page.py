"""People as judges: a page of blind crops to rate from 1 to 5, and the key that stays behind."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.files import sha256, write_text
from keras_srgan.html_page import data_uri, page, png, template
from keras_srgan.images import Image, ImageError, find_images, read_image
from keras_srgan.images.display import stretch, to_grey_levels
from keras_srgan.inference import Upscaler, load
from keras_srgan.resampling import crop_to_multiple, quantise, reduce_image, resize
from keras_srgan.version import __version__
from keras_srgan.weights import SUFFIX, find_weights

REFERENCES = ("original", "bicubic")  # always among the versions
FLAT = 0.03  # of white: a crop whose standard deviation is below shows nothing to judge
TRIES = 32  # draws of a crop in one image
REACH = 4  # LR px around a crop that bicubic needs, both ways


def find_crop(
    pixels: np.ndarray, max_value: int, size: int, scale: int, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Draws a place for a crop that is not flat.

    Args:
        pixels: array `(H, W[, C])`, sides multiples of `scale`.
        max_value: the value of white.
        size: side of the crop, in pixels.
        scale: the place is a multiple of it.
        rng: NumPy generator.

    Returns:
        `(top, left)`, or `None` where the image is smaller than a crop or none of the draws shows anything.
    """
    places = [(side - size) // scale + 1 for side in pixels.shape[:2]]
    if min(places) < 1:
        return None
    for _ in range(TRIES):
        y, x = (int(rng.integers(count)) * scale for count in places)
        crop = pixels[y : y + size, x : x + size]
        if crop.reshape(size * size, -1).std(axis=0).max() >= FLAT * max_value:
            return y, x
    return None


def versions_of(
    pixels: np.ndarray,
    max_value: int,
    place: tuple[int, int],
    size: int,
    upscalers: Mapping[str, Upscaler],
    scale: int,
) -> dict[str, np.ndarray]:
    """Makes each method's version of a crop, as it is within the whole image.

    LR is antialiased bicubic of the surroundings that the networks look at, rounded to the source's grey levels.

    Args:
        pixels: uint8 or uint16 array `(H, W[, C])`, sides multiples of `scale`.
        max_value: the value of white.
        place: `(top, left)`, multiples of `scale`.
        size: side of the crop, a multiple of `scale`.
        upscalers: name to `Upscaler`.
        scale: integer.

    Returns:
        Name to uint8 array `(size, size[, C])`, contrast stretched alike in all.
    """
    halo = (max((each.halo for each in upscalers.values()), default=0) + REACH) * scale
    y0, x0 = (max(0, each - halo) for each in place)
    hr = pixels[y0 : place[0] + size + halo, x0 : place[1] + size + halo]
    lr = reduce_image(hr, scale, max_value)
    whole = {"original": hr, "bicubic": quantise(resize(lr, scale), max_value, hr.dtype)}
    whole |= {name: each.upscale(lr, max_value) for name, each in upscalers.items()}
    y, x = place[0] - y0, place[1] - x0
    cut = [each[y : y + size, x : x + size].astype("float32") * (2 / max_value) - 1 for each in whole.values()]
    return {name: to_grey_levels(each) for name, each in zip(whole, stretch(cut, cut[0]), strict=True)}


def make_crops(
    sources: Iterable[Callable[[], Image | None]],
    upscalers: Mapping[str, Upscaler],
    crops: int,
    size: int,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Draws crops from different images and makes all versions of them.

    Args:
        sources: a function per image that reads it, `None` if it can't; read only until there are enough crops.
        upscalers: name to `Upscaler`, all of one scale.
        crops: integer, how many.
        size: their side, in pixels.
        seed: chooses the images and the places.

    Returns:
        List of `{"image": name, "place": (top, left), "versions": {method: uint8 array}}`.

    Raises:
        ValueError: if a name or scale does not fit, `size` is not a multiple of the scale, or there are too few images.
    """
    scales = {each.scale for each in upscalers.values()}
    if len(scales) != 1:
        found = ", ".join(f"{name} x{each.scale}" for name, each in upscalers.items()) or "none"
        raise ValueError(f"weights of one scale are needed to compare them; received {found}")
    taken = set(REFERENCES) & set(upscalers)
    if taken:
        raise ValueError(f"weights can't be called {sorted(taken)[0]!r}: that is another version; rename the file")
    scale = scales.pop()
    if crops < 1 or size < 8 * scale or size % scale:
        raise ValueError(f"{crops} crop(s) of {size} px: give at least one, and a size of 8 or more times {scale} px")
    rng, made, sources = np.random.default_rng(seed), [], list(sources)
    for i in rng.permutation(len(sources)):
        image = sources[i]()
        if image is None:
            continue
        pixels = crop_to_multiple(image.pixels, scale)
        place = find_crop(pixels, image.max_value, size, scale, rng)
        if place:
            versions = versions_of(pixels, image.max_value, place, size, upscalers, scale)
            made.append({"image": image.path.name, "place": place, "versions": versions})
        if len(made) == crops:
            return made
    raise ValueError(
        f"only {len(made)} of {len(sources)} image(s) have a {size} px crop that is not flat; "
        f"{crops} are needed: lower --crops or --size, or add images"
    )


def make_page(crops: list[dict[str, Any]], seed: int = 0) -> tuple[str, dict[str, Any]]:
    """Makes the page for the judges and its key.

    Args:
        crops: what `make_crops` returns.
        seed: goes into the opaque names.

    Returns:
        HTML, and the key: a dictionary with `page`, `methods` and, for each version's opaque name, its crop, image
        and method. The page holds no method's name and no file's.
    """
    shown, key = [], {}
    for i, crop in enumerate(crops, 1):
        name, pictures = f"c{i:02d}", {}
        for method, pixels in crop["versions"].items():
            content = png(pixels)
            opaque = _digest(f"{seed} {i} {method}".encode(), content)
            pictures[opaque] = data_uri(content)
            key[opaque] = {"crop": name, "image": crop["image"], "place": list(crop["place"]), "method": method}
        # In the order of their opaque names, which says nothing; each judge gets another one.
        shown.append({"crop": name, "versions": [{"id": each, "src": pictures[each]} for each in sorted(pictures)]})
    identity = _digest(*sorted(each.encode() for each in key))
    size = next(iter(crops[0]["versions"].values())).shape[1]
    data = {"page": identity, "size": size, "crops": shown}
    embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    script = template("mos/judge.js").replace("__DATA__", embedded, 1)
    html = page("How good are these pictures?", template("mos/judge.html"), template("mos/judge.css"), script)
    return html, {"page": identity, "methods": list(crops[0]["versions"]), "versions": key}


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def write_page(
    path: str | Path, crops: list[dict[str, Any]], seed: int = 0, about: dict[str, Any] | None = None
) -> Path:
    """Writes the page and, beside it, `NAME.key.json`.

    Args:
        path: the page, e.g. `judge.html`.
        crops: what `make_crops` returns.
        seed: as for `make_page`.
        about: further entries of the key, e.g. the command.

    Returns:
        The key's path.

    Raises:
        OSError: if a file can't be written.
    """
    html, key = make_page(crops, seed)
    key_path = Path(path).with_suffix(".key.json")
    write_text(key_path, json.dumps(key | (about or {}), indent=1, ensure_ascii=False) + "\n")
    write_text(path, html)
    return key_path


def judge_folder(
    data: str | Path,
    weights: Sequence[str | Path],
    out: str | Path,
    crops: int = 12,
    size: int = 160,
    seed: int = 0,
    command: str = "",
    warn: Callable[[str], object] = lambda text: None,
) -> str:
    """Makes a judging page of a folder's images: what `mos make` and `evaluate --mos` do.

    Args:
        data: folder of originals.
        weights: names, files or run folders.
        out: the page, `FILE.html`; its key goes to `FILE.key.json`.
        crops: how many crops, each of another image.
        size: side of a crop, in pixels.
        seed: chooses images and places.
        command: what the key states as the command.
        warn: function of a line for each image left out.

    Returns:
        Two lines that say what was written and what to do with it.

    Raises:
        OSError: for a missing folder or weights, or a file that can't be written.
        ValueError: for weights given twice or of several scales, or too few images.
    """
    paths = find_images(data)
    upscalers, hashes = {}, {}
    for given in weights:
        path = find_weights(given)
        name = path.name.removesuffix(SUFFIX)
        name = str(given) if name in upscalers else name  # two runs of one recipe
        if name in upscalers:
            raise ValueError(f"--weights {given}: given twice")
        upscalers[name], hashes[name] = load(path), sha256(path)
    channels = 3 if any(each.channels == 3 for each in upscalers.values()) else None

    def read(path: Path) -> Image | None:
        try:
            return read_image(path, channels)
        except (ImageError, OSError) as error:
            warn(f"left out: {' '.join(str(error).split())}")
            return None

    made = make_crops([partial(read, path) for path in paths], upscalers, crops, size, seed)
    key = write_page(out, made, seed, {"command": command, "version": __version__, "weights": hashes})
    return (
        f"{out}: {len(made)} crops of {size} px, {len(upscalers) + 2} versions each. Give it to the judges.\n"
        f"{key}: what is what. Keep it from them; mos score needs it."
    )
