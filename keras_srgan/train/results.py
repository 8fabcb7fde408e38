"""What a finished run leaves: the closing table and the contact sheet."""

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_srgan.data.patches import contrast
from keras_srgan.degradation.settings import BICUBIC, Degradation
from keras_srgan.evaluate.measure import METRICS
from keras_srgan.evaluate.protocols import RESAMPLER, find_protocol
from keras_srgan.files import json_text, write_text
from keras_srgan.images import Image, read_image
from keras_srgan.images.depth import describe_depths
from keras_srgan.images.display import sheet, stretch
from keras_srgan.inference import Upscaler
from keras_srgan.markdown import markdown_table
from keras_srgan.networks import build_generator
from keras_srgan.train.callbacks import pictures
from keras_srgan.weights import SUFFIX, load_weights

if TYPE_CHECKING:
    from keras_srgan.train.run import Run

PROTOCOL = (
    "Mean over {images} held-out image(s), whole, cropped to a multiple of {scale}; LR {lr}; output rounded likewise; "
    "border of {scale} px left out; PSNR against the full range of the bit depth{depths}, SSIM 11x11 gaussian, "
    "sigma 1.5; sharpness: mean gradient magnitude as a share of HR's."
)

MADE, GIVEN = f"by {RESAMPLER}, rounded to the source's bit depth", "as given, in its bit depth"
CLOSING = ("psnr", "ssim", "sharpness")
DETAIL = 96  # px, the side of the contact sheet's crops


def score(
    methods: Mapping[str, Callable | None],
    images: Sequence[Image],
    scale: int,
    degradation: Degradation = BICUBIC,
) -> list[dict[str, Any]]:
    """Scores methods on whole images, by protocol `cxr` (colour: `rgb`): an evaluation in short.

    Args:
        methods: name to a function `(lr, max_value) -> sr`, dtype kept; `None` is bicubic. The first is what
            the others are compared with.
        images: list of `Image`.
        scale: integer, also the border left out, in pixels.
        degradation: `Degradation`, how LR is made.

    Returns:
        A row a method: `method`, `psnr` (dB), `ssim`, `sharpness` (share of HR's gradient magnitude); where one can't
        be computed of each image, as PSNR of an image that is exactly right, `over` says of how many it is the mean.
    """
    from keras_srgan.evaluate.measure import measure
    from keras_srgan.evaluate.methods import Method, bicubic
    from keras_srgan.evaluate.summary import summarise

    protocol = find_protocol("rgb" if images[0].pixels.ndim == 3 else "cxr").replace(
        scale=scale, degradation=degradation
    )
    chosen = [Method(name, each or partial(bicubic, scale=scale)) for name, each in methods.items()]
    pairs = [
        protocol.pair(image)
        if image.lr is None
        else protocol.given(image, replace(image, pixels=image.lr, lr=None), image.path.name)
        for image in images
    ]
    rows = [row for pair in pairs for row in measure(pair, protocol, chosen, CLOSING)[0]]
    summary, _ = summarise(rows, list(methods), {name: METRICS[name] for name in CLOSING})
    fewer = {name: summary[0][name]["n"] for name in CLOSING if summary[0][name]["n"] < len(pairs)}
    note = {"over": fewer} if fewer else {}
    return [{"method": row["method"], **{name: row[name]["mean"] for name in CLOSING}, **note} for row in summary]


def closing_table(rows: Sequence[dict[str, Any]]) -> str:
    """The closing table as Markdown, with each row's gain over the first."""
    base = rows[0]["psnr"]

    def shown(value: float, form: str) -> str:
        return format(value, form) if math.isfinite(value) else "-"

    return markdown_table(
        ["method", "PSNR, dB", "over bicubic", "SSIM", "sharpness"],
        (
            [each["method"], shown(each["psnr"], ".2f"), shown(each["psnr"] - base, "+.2f")]
            + [shown(each["ssim"], ".4f"), shown(each["sharpness"], ".0%")]
            for each in rows
        ),
    )


def close(run: "Run", stages: Sequence[str]) -> list[dict[str, Any]]:
    """Scores what was saved; writes the table, the cards' figures and the contact sheet.

    Args:
        run: `Run`.
        stages: names of the stages that were trained.

    Returns:
        The rows of the closing table.
    """
    methods: dict[str, Any] = {"bicubic": None}
    for stage in stages:
        generator = build_generator(run.recipe)
        load_weights(generator, run.weights_path(stage))
        upscaler = Upscaler(generator, run.recipe.scale, run.recipe.channels)
        methods["after pretraining" if stage == "pretrain" else "after the adversarial stage"] = upscaler.upscale
    degradation = run.recipe.degradation
    table = score(methods, run.val, run.recipe.scale, degradation)
    made = MADE if degradation.plain else f"by degradation {degradation.describe()}"
    lr = made if run.val[0].lr is None else GIVEN
    depths = describe_depths((image.pixels.dtype, image.max_value) for image in run.val)
    depths = f" ({depths})" if depths else ""
    protocol = PROTOCOL.format(scale=run.recipe.scale, images=len(run.val), lr=lr, depths=depths)
    if over := table[0].get("over"):
        count = ", ".join(f"{METRICS[name]['label']} {n}" for name, n in over.items())
        protocol += f" Over fewer images, where it cannot be computed: {count}."
    text = closing_table(table)
    write_text(run.folder / "table.md", f"{text}\n\n{protocol}\n")
    for stage in stages:
        path = run.weights_path(stage)
        card_file = path.with_name(path.name.removesuffix(SUFFIX) + ".json")
        card = json.loads(card_file.read_text(encoding="utf-8"))
        card["figures"] = {"protocol": protocol, "table": table}
        write_text(card_file, json_text(card))
    _contact_sheet(run)
    run.say(f"\n{text}\n\n{protocol}")
    return table


def _contact_sheet(run: "Run") -> None:
    """The first five and the last five epochs of the run, two rows, as Dhundale et al., 2025, print them.

    Shown is the square of 96 px with the strongest edges, every pixel as 2x2: a whole film shows no progress.
    """
    paths = sorted((run.folder / "previews" / "sr").glob("*.png"), key=lambda p: (p.name[0] != "p", p.name))
    rows = [paths[:5], paths[-5:]]
    tiles = [[read_image(path, channels=3).pixels / 127.5 - 1 for path in row] for row in rows]
    top, left, side = _liveliest(tiles[-1][-1], DETAIL)
    cut = [[tile[top : top + side, left : left + side] for tile in row] for row in tiles]
    cut = [[each.repeat(2, 0).repeat(2, 1) for each in stretch(row, cut[-1][-1])] for row in cut]
    captions = [[path.stem for path in row] for row in rows]
    pictures.save_picture(run.folder / "contact_sheet.png", sheet(cut, captions))


def _liveliest(image: np.ndarray, side: int) -> tuple[int, int, int]:
    """Top, left and side of the square with the strongest edges."""
    side = min(side, *image.shape[:2])
    places = itertools.product(*(range(0, length - side + 1, max(1, side // 4)) for length in image.shape[:2]))
    top, left = max(places, key=lambda at: contrast(image[at[0] : at[0] + side, at[1] : at[1] + side]))
    return top, left, side
