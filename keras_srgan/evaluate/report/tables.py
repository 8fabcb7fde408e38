"""Reports in text: a run's closing table, and an evaluation as Markdown, CSV and JSON."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_srgan.files import write_text
from keras_srgan.markdown import markdown_table

if TYPE_CHECKING:
    from keras_srgan.evaluate.evaluation import Evaluation


def _cell(figure: Mapping[str, float], digits: int, sign: str = "") -> str:
    """A mean with its interval, and with the share of images improved where there is one."""
    if math.isnan(figure["mean"]):
        return "-"
    text = f"{figure['mean']:{sign}.{digits}f} [{figure['low']:{sign}.{digits}f}, {figure['high']:{sign}.{digits}f}]"
    return f"{text} {figure['improved']:.0%}" if "improved" in figure else text


def _head(about: Mapping[str, Any]) -> str:
    return f"{about['label']}, {about['unit']}" if about["unit"] else about["label"]


def evaluation_markdown(evaluation: "Evaluation") -> str:
    """An evaluation as Markdown: the tables, the protocol, and what made them."""
    metrics, origin = evaluation.metrics, evaluation.provenance
    digits = {name: about["digits"] for name, about in metrics.items()}
    lower = [about["label"] for about in metrics.values() if about["better"] == "lower"]
    rows = [[row["method"], *(_cell(row[name], digits[name]) for name in metrics)] for row in evaluation.summary]
    parts = [markdown_table(["method", *map(_head, metrics.values())], rows)]
    counts = {name: evaluation.summary[0][name]["n"] for name in metrics}
    short = [f"{metrics[name]['label']} {n}" for name, n in counts.items() if n < origin["images"]]
    parts.append(
        f"Mean over {origin['images']} image(s) [95 % interval, bootstrap]."
        + (f" Lower is better: {', '.join(lower)}." if lower else "")
        + (f" Over fewer images, where it cannot be computed: {', '.join(short)}." if short else "")
        + (f" Left out, not usable: {len(origin['skipped'])}." if origin["skipped"] else "")
    )
    compared = [name for name in metrics if name != "seconds"]
    if len(evaluation.summary) > 1 and compared:
        rows = [
            [row["method"], *(_cell(row["against_bicubic"][name], digits[name], "+") for name in compared)]
            for row in evaluation.summary[1:]
        ]
        parts.append("Difference from bicubic on the same images, mean [95 % interval], share of images improved:")
        parts.append(markdown_table(["method", *(metrics[name]["label"] for name in compared)], rows))
    for method in (each for each in origin["weights"] if each in evaluation.extremes):
        ends = evaluation.extremes[method]
        listed = "; ".join(f"{end}: {', '.join(ends[end])}" for end in ("best", "worst") if ends[end])
        parts.append(f"PSNR gain over bicubic, {method}: {listed or 'none finite'}.")
    if evaluation.classifier:
        names = ("accuracy", "precision", "recall", "f1", "auc")
        rows = [
            [each["name"], *(f"{each[name]:.3f}" for name in names), str(each["confusion"])]
            + [f"{each['real']} + {each['fake']}"]
            for each in evaluation.classifier
        ]
        head = ["discriminator", "accuracy", "precision", "recall", "F1", "ROC AUC", "[[TN, FP], [FN, TP]]", "patches"]
        parts.append("Real against generated patches; real is the positive class:")
        parts.append(markdown_table(head, rows))
    parts.append(evaluation.protocol["text"])
    facts = [f"{name}: sha256 {value}" for name, value in origin["weights"].items()]
    facts += [f"discriminator of {name}: sha256 {value}" for name, value in origin.get("discriminators", {}).items()]
    facts.append(f"images: {origin['images']}, sha256 of their list {origin['image_list_sha256']}")
    facts.append(", ".join(f"{name} {version}" for name, version in origin["versions"].items()))
    facts += [f"left out: {reason}" for reason in origin["skipped"]]
    facts += [f"command: {origin['command']}"] if origin["command"] else []
    parts.append("\n".join(f"- {fact}" for fact in facts))
    return "\n\n".join(parts)


def write_report(evaluation: "Evaluation", folder: str | Path) -> list[Path]:
    """Writes an evaluation as a folder: text, page, JSON, CSV and plots.

    Args:
        evaluation: `Evaluation`.
        folder: where to; made if missing. Files of an older report are replaced.

    Returns:
        The files written.

    Raises:
        OSError: if it can't be written; each file is there whole or not at all.
    """
    from keras_srgan.evaluate.report.html import write_html
    from keras_srgan.evaluate.report.plots import write_plots

    folder = Path(folder)
    plots = write_plots(evaluation, folder)
    pictures = "".join(f"\n\n![{path.stem}]({path.name})" for path in plots)
    text = f"# Super-resolution beside bicubic\n\n{evaluation_markdown(evaluation)}{pictures}\n\n"
    text += f"{evaluation.provenance['date']}\n"
    summary = [
        {"method": row["method"], "metric": name, "against": against, **figure}
        for row in evaluation.summary
        for against, figures in (("", row), ("bicubic", row.get("against_bicubic", {})))
        for name in evaluation.metrics
        if (figure := figures.get(name))
    ]
    return [
        write_text(folder / "report.md", text),
        write_text(folder / "report.json", evaluation.to_json()),
        write_text(folder / "figures.csv", _csv(["image", "method", *evaluation.metrics], evaluation.rows)),
        write_text(
            folder / "summary.csv",
            _csv(["method", "metric", "against", "mean", "low", "high", "n", "improved"], summary),
        ),
        write_html(evaluation, folder),
        *plots,
    ]


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
