"""The crop gallery of a report: every method's version of a crop at one zoom, with its error map."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_srgan.html_page import data_uri, png, text
from keras_srgan.images.display import stretch, to_grey_levels

if TYPE_CHECKING:
    from keras_srgan.evaluate.evaluation import Evaluation

ZOOMED = 256  # px: crops are enlarged by the largest whole factor that keeps them within


def shown(versions: dict[str, np.ndarray], reference: str) -> dict[str, np.ndarray]:
    """Spreads the grey levels of uint8 versions alike, so that `reference` fills black to white."""
    floats = [each.astype("float32") / 127.5 - 1 for each in versions.values()]
    levels = stretch(floats, versions[reference].astype("float32") / 127.5 - 1)
    return {name: to_grey_levels(each) for name, each in zip(versions, levels, strict=True)}


def error(original: np.ndarray, version: np.ndarray) -> np.ndarray:
    """Absolute difference in grey levels, the mean over colours: `(H, W)`."""
    first, second = (np.atleast_3d(each).astype("float32") for each in (original, version))
    return np.abs(first - second).mean(axis=2)


def coloured(values: np.ndarray) -> np.ndarray:
    """Values in `[0, 1]` as RGB, black to light yellow."""
    from matplotlib import colormaps

    return colormaps["inferno"](np.clip(values, 0, 1), bytes=True)[..., :3]


def error_scale(gallery: list[dict[str, Any]]) -> int:
    """The error, in grey levels, that is brightest in every map: the 98th percentile of the worst version's."""
    peaks = [
        float(np.percentile(error(each["versions"]["original"], version), 98))
        for each in gallery
        if "original" in each["versions"]
        for version in each["versions"].values()
    ]
    return max(2, 2 * math.ceil(max(peaks, default=0) / 2))


def _figure(image: str, name: str, picture: np.ndarray, original: np.ndarray | None, raw: np.ndarray, top: int) -> str:
    parts = [f'<img src="{data_uri(png(picture))}" alt="{text(image)}, crop: {text(name)}">']
    note = ""
    if original is not None and name != "original":
        wrong = error(original, raw)
        note = f"<small>mean error {wrong.mean():.1f}</small>"
        drawn = data_uri(png(coloured(wrong / top)))
        parts.append(f'<img src="{drawn}" alt="{text(image)}, error map of {text(name)}: mean {wrong.mean():.1f}">')
    return f"<figure><figcaption>{text(name)} {note}</figcaption>{''.join(parts)}</figure>\n"


def gallery(evaluation: "Evaluation") -> str:
    """The gallery as HTML, or nothing where there are no crops.

    Args:
        evaluation: `Evaluation`; its `gallery` holds uint8 arrays of equal shape in each crop.

    Returns:
        HTML.
    """
    crops = evaluation.gallery
    if not crops:
        return ""
    top = error_scale(crops)
    ramp = data_uri(png(coloured(np.tile(np.linspace(0, 1, 128), (8, 1)))))
    parts = ["<p>All versions of a crop are shown at one zoom, pixel for pixel, their contrast stretched alike.</p>\n"]
    if any("original" in each["versions"] for each in crops):
        parts.append(
            '<p class="legend">Below each its distance from the original in grey levels: 0 '
            f'<img src="{ramp}" alt="black to light yellow"> {top} of 255 or more, the same in every map.</p>\n'
        )
    for each in crops:
        versions, (y, x, h, w) = each["versions"], each["crop"]
        original = versions.get("original")
        pictures = shown(versions, "original" if original is not None else next(iter(versions)))
        wide = w * max(1, ZOOMED // w)
        figures = "".join(
            _figure(each["image"], name, picture, original, versions[name], top) for name, picture in pictures.items()
        )
        parts.append(
            f'<div class="crop">\n<h3>{text(each["image"])}</h3>\n'
            f"<p>{w} x {h} px from row {y}, column {x}</p>\n"
            f'<div class="strip" style="--wide:{wide}px">\n{figures}</div></div>\n'
        )
    return "".join(parts)
