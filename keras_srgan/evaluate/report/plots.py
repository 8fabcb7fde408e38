"""The plots of a report: each image beside bicubic, and how every metric is spread."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_srgan.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_srgan.evaluate.evaluation import Evaluation

SCATTERS = ("psnr", "ssim")


# Readable on white and on black (at least 3:1); the first is bicubic's. Markers tell methods apart without colour.
COLOURS = ("#7d7d7d", "#2a7fc4", "#d55e00", "#009474", "#c2609a", "#8a6fd8", "#a8790a", "#5c8a1e")
MARKERS = "osD^vPX*"
INK = "#1b1b1c"  # in an SVG it becomes the colour of the page's text
WIDTH, PANEL = 3.6, 3.8  # inches: of a plot, and of the height of a scatter without its legend
MANY = 2000  # points; more are drawn as a picture inside the SVG

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # a method's name may hold a dollar
    "svg.fonttype": "none",
}


def column(evaluation: "Evaluation", metric: str, method: str) -> dict[str, float]:
    """One method's figures by image name; what could not be computed is NaN."""
    rows = (row for row in evaluation.rows if row["method"] == method)
    return {row["image"]: float("nan") if row.get(metric) is None else float(row[metric]) for row in rows}


def pairs(evaluation: "Evaluation", metric: str, method: str) -> list[tuple[str, float, float]]:
    """The images where both bicubic and a method have a finite figure.

    Args:
        evaluation: `Evaluation`.
        metric: its name.
        method: its name.

    Returns:
        List of `(image, bicubic's figure, the method's figure)`, in the evaluation's order.
    """
    base = column(evaluation, metric, evaluation.methods[0])
    found = ((name, base.get(name, np.nan), value) for name, value in column(evaluation, metric, method).items())
    return [each for each in found if np.isfinite(each[1]) and np.isfinite(each[2])]


def label(evaluation: "Evaluation", metric: str) -> str:
    """A metric's name with its unit."""
    about = evaluation.metrics[metric]
    return f"{about['label']}, {about['unit']}" if about.get("unit") else about["label"]


def scatter(evaluation: "Evaluation", names: list[str]) -> "Figure":
    """Draws each image's figure against bicubic's; a point above the diagonal is an image improved.

    Args:
        evaluation: `Evaluation`.
        names: the metrics, a panel each.

    Returns:
        matplotlib figure.
    """
    methods = evaluation.methods[1:]
    figure, panels = _panels(evaluation, names, len(names), PANEL + 0.2 * len(methods))
    for axis, metric in panels:
        seen = []
        for i, method in enumerate(methods, 1):
            points = np.array([each[1:] for each in pairs(evaluation, metric, method)]).reshape(-1, 2)
            seen.append(points)
            axis.scatter(*points.T, label=_shown(method), **_marks(i), rasterized=len(points) > MANY)
        values = np.concatenate(seen) if seen else np.empty((0, 2))
        low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        margin = 0.04 * (high - low) or 0.5
        ends = low - margin, high + margin
        axis.plot(ends, ends, color=INK, lw=1, ls=(0, (4, 3)))
        axis.set(xlim=ends, ylim=ends, box_aspect=1, xlabel="bicubic", ylabel="method")
        axis.set(xticks=[tick for tick in axis.get_yticks() if ends[0] <= tick <= ends[1]])
    handles, texts = axis.get_legend_handles_labels()
    if handles:
        close = {"frameon": False, "borderaxespad": 0, "handletextpad": 0.2, "markerscale": 1.5}
        figure.legend(handles, texts, loc="outside lower left", **close)
    return figure


def violin(evaluation: "Evaluation", names: list[str]) -> "Figure":
    """Draws how metrics are spread over the images: outline, every image, and a bar at the mean.

    Args:
        evaluation: `Evaluation`.
        names: the metrics, a panel each.

    Returns:
        matplotlib figure.
    """
    figure, panels = _panels(evaluation, names, min(3, len(names)), 0.75 + 0.55 * len(evaluation.methods), "x")
    for axis, metric in panels:
        for i, method in enumerate(evaluation.methods):
            values = np.array(list(column(evaluation, metric, method).values()))
            _one_violin(axis, i, values[np.isfinite(values)])
            axis.text(0.0, i - 0.3, _shown(method), transform=axis.get_yaxis_transform(), fontsize=8, va="bottom")
        axis.set(ylim=(len(evaluation.methods) - 0.5, -0.65), yticks=[])
        axis.spines["left"].set_visible(False)
    return figure


def _one_violin(axis: Any, place: int, values: np.ndarray) -> None:
    marks = _marks(place)
    if len(values) > 4 and np.ptp(values) > 0:
        body = axis.violinplot([values], [place], orientation="horizontal", widths=0.5, showextrema=False)
        body["bodies"][0].set(facecolor=marks["color"], edgecolor=marks["color"], alpha=0.3)
    # Golden-ratio steps spread the dots evenly, the same on every run.
    spread = (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.2
    axis.scatter(values, place + spread, **marks | {"s": 5, "alpha": 0.5}, rasterized=len(values) > MANY)
    if len(values):
        axis.plot([values.mean()] * 2, [place - 0.22, place + 0.22], color=INK, lw=2)


def _panels(
    evaluation: "Evaluation", names: list[str], columns: int, height: float, grid: str = "both"
) -> tuple["Figure", list[tuple[Any, str]]]:
    """A figure with a titled panel of so many inches for each metric, and the panels with their metrics."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    lines = -(-len(names) // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    figure = Figure(figsize=(WIDTH * columns, height * lines), layout=layout)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    panels = list(zip(axes, names, strict=False))
    for axis, metric in panels:
        axis.set_title(label(evaluation, metric), loc="left", fontweight="bold")
        axis.grid(axis=grid, color=INK, alpha=0.12, lw=0.6)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    return figure, panels


def _marks(i: int) -> dict[str, Any]:
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "s": 13, "alpha": 0.8, "lw": 0}


def _shown(method: str) -> str:
    """A name as a label: short enough, printable, and not hidden by a leading underscore."""
    name = "".join(c if c.isprintable() else "?" for c in method)
    name = name if len(name) <= 40 else f"{name[:24]}…{name[-15:]}"
    return f" {name}" if name.startswith("_") else name


KINDS = {"scatter": scatter, "violin": violin}


def draw(kind: str, evaluation: "Evaluation", names: list[str]) -> str:
    """Draws a plot as an SVG element for a page.

    Args:
        kind: `"scatter"` or `"violin"`.
        evaluation: `Evaluation`.
        names: the metrics.

    Returns:
        SVG without XML header; its text takes the colour of the page's. The same evaluation gives the same text.
    """
    from matplotlib import rc_context

    file = io.StringIO()
    # The salt names the parts that the drawing refers to: two plots of a page must not share them.
    with rc_context(STYLE | {"svg.hashsalt": f"{kind} {names}"}):
        figure = KINDS[kind](evaluation, names)
        nothing: dict[str, Any] = dict.fromkeys(["Date", "Creator", "Format", "Type"])
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)  # it would reach the whole page
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'<svg ([^>]*?)height="[^"]*"([^>]*?)width="[^"]*"', r"<svg \1\2", svg, count=1)
    return svg.replace(INK, "currentColor").strip()


def write_plots(evaluation: "Evaluation", folder: str | Path) -> list[Path]:
    """Writes `scatter.png` (PSNR and SSIM beside bicubic) and `violin.png` (every metric).

    Args:
        evaluation: `Evaluation`.
        folder: where to; made if missing.

    Returns:
        The files written; without a metric to draw there is none.

    Raises:
        OSError: if a file can't be written.
    """
    from matplotlib import rc_context

    written = []
    with rc_context(STYLE):
        for kind, names in plots(evaluation).items():
            if names:
                file = io.BytesIO()
                figure = KINDS[kind](evaluation, names)
                figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
                written.append(write_bytes(Path(folder) / f"{kind}.png", file.getvalue()))
    return written


def plots(evaluation: "Evaluation") -> dict[str, list[str]]:
    """Which metrics each kind of plot shows: those with a finite figure."""

    def drawable(metric: str, method: str) -> bool:
        return bool(np.isfinite(list(column(evaluation, metric, method).values())).any())

    spread = [name for name in evaluation.metrics if any(drawable(name, method) for method in evaluation.methods)]
    beside = [
        name for name in SCATTERS if name in spread and any(pairs(evaluation, name, m) for m in evaluation.methods[1:])
    ]
    return {"scatter": beside, "violin": spread}
