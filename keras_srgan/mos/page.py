"""People as judges: a page of blind crops to rate from 1 to 5, or of cases to read, and the key that stays behind."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from keras_srgan.files import sha256, write_text
from keras_srgan.html_page import data_uri, page, png, template
from keras_srgan.images import Image, ImageError, find_images, read_image
from keras_srgan.inference import load
from keras_srgan.mos.pictures import labelled, make_cases, make_crops
from keras_srgan.version import __version__
from keras_srgan.weights import SUFFIX, find_weights

QUALITY = ("bad", "poor", "fair", "good", "excellent")
SURE = ("surely not", "probably not", "can't say", "probably", "surely")
RATING = {
    "TITLE": "How good are these pictures?",
    "INTRODUCTION": "<p>You will see details of radiographs or photographs, each in several versions, in an order of "
    "their own for you.\nRate how good each looks, from <b>1, bad</b>, to <b>5, excellent</b>. There is no right "
    "answer; take your time.</p>",
    "QUESTION": "How good is this picture?",
    "SIDE": ", <kbd>S</kbd> shows all versions of a detail side by side",
}


def reading_words(finding: str) -> dict[str, str]:
    """What the page of a reading study says."""
    asked = escape(finding)
    return {
        "TITLE": f"Is this there: {asked}?",
        "INTRODUCTION": f"<p>You will see whole images, one by one, in an order of their own for you; a case comes "
        f"again in other versions.\nSay of each how sure you are that it shows <b>{asked}</b>, from <b>1, surely "
        "not</b>, to <b>5, surely</b>; 4 and 5 count as yes.</p>",
        "QUESTION": f"{asked}: is it there?",
        "SIDE": "",
    }


def make_page(crops: list[dict[str, Any]], seed: int = 0, finding: str = "") -> tuple[str, dict[str, Any]]:
    """Makes the page for the judges and its key.

    Args:
        crops: what `make_crops` returns; or, for a reading study, what `make_cases` does.
        seed: goes into the opaque names.
        finding: what readers are asked to find; empty: how good a picture is.

    Returns:
        HTML, and the key: a dictionary with `page`, `methods` and, for each version's opaque name, its crop, image
        and method, and of a reading study `finding` and the `truth`. The page holds no method's name and no file's.
    """
    shown, key = [], {}
    for i, crop in enumerate(crops, 1):
        name, pictures = f"c{i:02d}", {}
        truth = {"truth": crop["truth"]} if finding else {}
        for method, pixels in crop["versions"].items():
            content = png(pixels)
            opaque = _digest(f"{seed} {i} {method}".encode(), content)
            pictures[opaque] = data_uri(content)
            key[opaque] = {
                "crop": name,
                "image": crop["image"],
                "place": list(crop["place"]),
                "method": method,
                **truth,
            }
        # In the order of their opaque names, which says nothing; each judge gets another one.
        versions = [{"id": each, "src": pictures[each]} for each in sorted(pictures)]
        height, width = pixels.shape[:2]
        shown.append({"crop": name, "size": [width, height], "versions": versions})
    identity = _digest(*sorted(each.encode() for each in key))
    data = {"page": identity, "reading": bool(finding), "words": SURE if finding else QUALITY, "crops": shown}
    embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    script = template("mos/judge.js").replace("__DATA__", embedded, 1)
    html, words = template("mos/judge.html"), reading_words(finding) if finding else RATING
    for place, text in words.items():
        html = html.replace(f"__{place}__", text)
    about = {"finding": finding} if finding else {}
    made = page(words["TITLE"], html, template("mos/judge.css"), script)
    return made, {"page": identity, "methods": list(crops[0]["versions"]), **about, "versions": key}


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def write_page(
    path: str | Path,
    crops: list[dict[str, Any]],
    seed: int = 0,
    about: dict[str, Any] | None = None,
    finding: str = "",
) -> Path:
    """Writes the page and, beside it, `NAME.key.json`.

    Args:
        path: the page, e.g. `judge.html`.
        crops, seed, finding: as for `make_page`.
        about: further entries of the key, e.g. the command.

    Returns:
        The key's path.

    Raises:
        OSError: if a file can't be written.
    """
    html, key = make_page(crops, seed, finding)
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
    labels: str | Path | None = None,
    finding: str = "",
) -> str:
    """Makes a judging page of a folder's images: what `mos make` and `evaluate --mos` do.

    Args:
        data: folder of originals.
        weights: names, files or run folders.
        out: the page, `FILE.html`; its key goes to `FILE.key.json`.
        crops: how many crops, each of another image; of a reading study, how many cases.
        size: side of a crop, in pixels.
        seed: chooses images and places.
        command: what the key states as the command.
        warn: function of a line for each image left out.
        labels: a CSV of `file,label`, which makes the page a reading study of whole images.
        finding: the label that readers look for.

    Returns:
        Two lines that say what was written and what to do with it.

    Raises:
        OSError: for a missing folder or weights, or a file that can't be written.
        ValueError: for weights given twice or of several scales, labels that don't fit, or too few images.
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

    if labels:
        cases = labelled(paths, data, labels, finding)
        made = make_cases([(partial(read, path), truth) for path, truth in cases], upscalers, crops, seed)
        what = f"{len(made)} cases"
    else:
        made = make_crops([partial(read, path) for path in paths], upscalers, crops, size, seed)
        what = f"{len(made)} crops of {size} px"
    key = write_page(out, made, seed, {"command": command, "version": __version__, "weights": hashes}, finding)
    return (
        f"{out}: {what}, {len(upscalers) + 2} versions each. Give it to the judges.\n"
        f"{key}: what is what. Keep it from them; mos score needs it."
    )
