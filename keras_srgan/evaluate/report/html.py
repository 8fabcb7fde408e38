"""`report.html`: an evaluation as one self-contained page, for screens of any size and for paper."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_srgan.evaluate.report.gallery import gallery
from keras_srgan.evaluate.report.plots import draw, pairs, plots
from keras_srgan.files import write_text
from keras_srgan.html_page import page, template, text

if TYPE_CHECKING:
    from keras_srgan.evaluate.evaluation import Evaluation

INTERPOLATIONS = ("bicubic", "nearest", "lanczos", "nlm")  # methods that are not under test
LISTED = 1500  # rows of the table of single images; more belong in the CSV
CLASSIFIER = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1", "auc": "ROC AUC"}
PROVENANCE = {"date": "Date", "command": "Command", "images": "Images", "image_list_sha256": "sha256 of the image list"}


PROVENANCE |= {
    "skipped": "Left out",
    "intervals": "Intervals",
    "weights": "sha256 of the weights",
    "versions": "Versions",
}


WARNING = "Not for diagnosis. A super-resolved radiograph holds detail that was never measured."


def number(value: float | None, digits: int, sign: bool = False) -> str:
    """A figure as text; `–` where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    value = round(value, digits) or 0.0  # no minus zero
    shown = f"{value:+.{digits}f}" if sign and value else f"{value:.{digits}f}"
    return shown.replace("-", "−")


def percent(share: float | None) -> str:
    """A share as text, never rounded up to all or down to none."""
    if share is None or math.isnan(share):
        return "–"
    return f"{share:.0%}" if share in (0, 1) else f"{min(max(share * 100, 0.1), 99.9):.3g}%"


def verdict(evaluation: "Evaluation") -> list[str]:
    """A sentence on each set of weights: its PSNR beside bicubic's."""
    sentences = []
    for row in evaluation.summary:
        gain = row.get("against_bicubic", {}).get("psnr")
        if row["method"] in INTERPOLATIONS or not gain or gain["mean"] is None or not math.isfinite(gain["mean"]):
            continue
        low, high = gain.get("low"), gain.get("high")
        text_of = f"{number(gain['mean'], 2, True)} dB over bicubic"
        if low is not None and high is not None and low <= 0 <= high:
            text_of = f"no clear difference from bicubic ({number(gain['mean'], 2, True)} dB)"
        count = row["psnr"].get("n", len(pairs(evaluation, "psnr", row["method"])))
        sentences.append(f"{row['method']}: {text_of}, {percent(gain.get('improved'))} of {count} images improved")
    if not sentences:
        sentences = [f"{', '.join(evaluation.methods)} on {evaluation.provenance.get('images', 0)} images"]
    return sentences


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table in a box of its own that scrolls where it is wider than the screen.

    Args:
        caption: text, escaped here.
        head: HTML of the column heads.
        rows: HTML of the cells; the first heads its row.
        kind: CSS class.
    """
    lines = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"
        for first, *cells in rows
    )
    heads = "".join(f'<th scope="col">{each}</th>' for each in head)
    return (
        f'<div class="box" role="region" tabindex="0" aria-label="{text(caption.split(". ")[0])}">\n'
        f'<table class="{kind}"><caption><span>{text(caption)}</span></caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}</tbody></table></div>\n"
    )


def _head(about: dict[str, Any]) -> str:
    arrow, word = ("↑", "higher") if about.get("better") == "higher" else ("↓", "lower")
    unit = f" <small>{text(about['unit'])}</small>" if about.get("unit") else ""
    return f'{text(about["label"])}{unit} <small title="{word} is better">{arrow}</small>'


def _interval(cell: dict[str, Any] | None, digits: int, sign: bool = False, bold: bool = False) -> str:
    if not cell:
        return "–"
    mean = number(cell.get("mean"), digits, sign)
    mean = f"<b>{mean}</b>" if bold else mean
    low, high = number(cell.get("low"), digits, sign), number(cell.get("high"), digits, sign)
    return mean if "–" in (mean, low, high) else f"{mean}<small>{low} to {high}</small>"


def _tables(evaluation: "Evaluation") -> str:
    """The means, and the differences from bicubic on the same images."""
    metrics, best = evaluation.metrics, {}
    for name, about in metrics.items():
        means = [row[name]["mean"] for row in evaluation.summary if row.get(name) and row[name].get("mean") is not None]
        means = [each for each in means if not math.isnan(each)]
        if means:
            best[name] = max(means) if about.get("better") == "higher" else min(means)

    def cells(row: dict[str, Any]) -> list[str]:
        line = []
        for name, about in metrics.items():
            cell = row.get(name) or {}
            bold = name in best and cell.get("mean") == best[name]
            line.append(_interval(cell, about.get("digits", 2), bold=bold))
        return line

    heads = ["method", *(_head(about) for about in metrics.values())]
    means_table = table(
        "Mean over the images. Below each its 95% interval (bootstrap over images); the best of a column is bold.",
        heads,
        ([text(row["method"]), *cells(row)] for row in evaluation.summary),
    )
    rows = []
    for row in evaluation.summary:
        against = row.get("against_bicubic") or {}
        if row["method"] != evaluation.methods[0] and against:
            line = [text(row["method"])]
            for name, about in metrics.items():
                cell = against.get(name)
                share = f"<small>{percent(cell.get('improved'))} improved</small>" if cell else ""
                line.append(_interval(cell, about.get("digits", 2), True) + share)
            rows.append(line)
    caption = (
        "Difference from bicubic, image by image. Mean, its 95% interval, and the share of images where the method is "
        "better. An interval that holds zero shows no difference."
    )
    return means_table + (table(caption, heads, rows) if rows else "")


def _protocol(evaluation: "Evaluation") -> str:
    about = evaluation.protocol
    told = about["text"]
    facts = {key: value for key, value in about.items() if key != "text" and str(value) not in told}
    return f"<p>{text(told)}</p>\n" + (_list(facts) if facts else "")


def _list(facts: dict[str, Any]) -> str:
    """Names and values; a value may hold such a list itself."""
    lines = []
    for key, value in facts.items():
        if isinstance(value, list | tuple):
            value = "; ".join(map(str, value)) or "none"
        shown = _list(value) if isinstance(value, dict) else text(value)
        lines.append(f"<div><dt>{text(key)}</dt><dd>{shown}</dd></div>\n")
    return f"<dl>\n{''.join(lines)}</dl>\n" if lines else "–"


def _plots(evaluation: "Evaluation") -> str:
    kinds = {
        "scatter": "Each point is an image: the method's figure against bicubic's. Above the diagonal it is higher.",
        "violin": "Each dot is an image; the outline shows how they are spread, the bar is their mean.",
    }
    parts = []
    for kind, names in plots(evaluation).items():
        figures = ""
        for name in names:
            told = f"{evaluation.metrics[name]['label']} of every image, a {kind} plot. {kinds[kind]}"
            named = f'<svg role="img" aria-label="{text(told)}" '
            figures += f"<figure>{draw(kind, evaluation, [name]).replace('<svg ', named, 1)}</figure>\n"
        if figures:
            parts.append(f'<p>{kinds[kind]}</p>\n<div class="plots">\n{figures}</div>\n')
    return "".join(parts)


def _extremes(evaluation: "Evaluation") -> str:
    parts = []
    for method, ends in evaluation.extremes.items():
        gains = {name: value - base for name, base, value in pairs(evaluation, "psnr", method)}
        rows = [
            [text(name), kind, f"{number(gains.get(name), 2, True)} dB"]
            for kind in ("best", "worst")
            for name in ends.get(kind, [])
        ]
        if rows:
            caption = f"{method}: the images where it gains most and least PSNR over bicubic"
            parts.append(table(caption, ["image", "", "gain"], rows, "narrow"))
    return f'<div class="side">\n{"".join(parts)}</div>\n' if parts else ""


def _classifier(evaluation: "Evaluation") -> str:
    if not evaluation.classifier:
        return ""
    rows = [
        [text(each["name"]), *(number(each.get(key), 3) for key in CLASSIFIER), str(each["real"]), str(each["fake"])]
        for each in evaluation.classifier
    ]
    heads = ["discriminator", *CLASSIFIER.values(), "real patches", "generated patches"]
    parts = [table("Real against generated patches. Real is the positive class.", heads, rows)]
    for each in evaluation.classifier:
        (tn, fp), (fn, tp) = each["confusion"]
        lines = [["generated", str(tn), str(fp)], ["real", str(fn), str(tp)]]
        caption = f"Confusion matrix of {each['name']}: what the patches are, and what they were taken for"
        parts.append(table(caption, ["patches that are", "taken for generated", "taken for real"], lines, "narrow"))
    return "".join(parts)


def _images(evaluation: "Evaluation") -> str:
    metrics = evaluation.metrics
    rows = [
        [text(r["image"]), text(r["method"]), *(number(r.get(k), a.get("digits", 2)) for k, a in metrics.items())]
        for r in evaluation.rows[:LISTED]
    ]
    more = (
        ""
        if len(evaluation.rows) <= LISTED
        else f" The first {LISTED} of {len(evaluation.rows)} rows; all are in figures.csv."
    )
    heads = ["image", "method", *map(_head, metrics.values())]
    return (
        f"<details><summary>{len(evaluation.rows)} rows, one for each image and method</summary>\n"
        f"{table(f'Figures of each image.{more}', heads, rows, 'long')}</details>\n"
    )


def _provenance(evaluation: "Evaluation") -> str:
    known = evaluation.provenance
    order = [*(key for key in PROVENANCE if key in known), *(key for key in known if key not in PROVENANCE)]
    return _list({PROVENANCE.get(key, key): known[key] for key in order})


def html(evaluation: "Evaluation") -> str:
    """The page of an evaluation.

    Args:
        evaluation: `Evaluation`.

    Returns:
        HTML that needs no other file and no network; the same evaluation gives the same text.
    """
    sections = {
        "Figures": _tables(evaluation),
        "Protocol": _protocol(evaluation),
        "Image by image": _plots(evaluation),
        "Crops": gallery(evaluation),
        "Best and worst": _extremes(evaluation),
        "Discriminator as a classifier": _classifier(evaluation),
        "Every image": _images(evaluation),
        "Where this comes from": _provenance(evaluation),
    }
    kept = {title: body for title, body in sections.items() if body}
    links = "".join(f'<li><a href="#{_anchor(title)}">{title}</a></li>\n' for title in kept)
    told = verdict(evaluation)
    body = (
        "<header>\n<h1>Super-resolution beside bicubic</h1>\n"
        + "".join(f'<p class="verdict">{text(sentence)}.</p>\n' for sentence in told)
        + f'<p class="warning">{WARNING}</p>\n</header>\n<nav aria-label="Contents"><ul>\n{links}</ul></nav>\n<main>\n'
        + "".join(f'<section id="{_anchor(t)}">\n<h2>{t}</h2>\n{b}</section>\n' for t, b in kept.items())
        + f"</main>\n<footer><p>{WARNING}</p></footer>\n"
    )
    return page(told[0], body, template("evaluate/report/report.css"))


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def write_html(evaluation: "Evaluation", folder: str | Path) -> Path:
    """Writes `report.html`, whole or not at all.

    Args:
        evaluation: `Evaluation`.
        folder: where to; made if missing.

    Returns:
        The file written.

    Raises:
        OSError: if it can't be written.
    """
    return write_text(Path(folder) / "report.html", html(evaluation))
