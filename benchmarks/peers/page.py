"""figures.json, and the table of docs/peers.md that is made of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_srgan.files import json_text, write_text
from keras_srgan.markdown import markdown_table

ROOT = Path(__file__).parents[2]
FIGURES = Path(__file__).with_name("figures.json")
PAGE, PICTURE = ROOT / "docs" / "peers.md", ROOT / "docs" / "images" / "peers.png"
BEGIN, END = "<!-- From benchmarks/peers/figures.json, by python benchmarks/peers: -->\n", "<!-- End. -->\n"


def read_figures(path: Path = FIGURES) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write_figures(figures: dict[str, Any], name: str, found: dict[str, Any], path: Path = FIGURES) -> dict[str, Any]:
    """Renews a row: what was measured anew takes the place of the old, the rest is kept.

    A time of another network (more or fewer parameters) is dropped.
    """
    before = figures.get(name, {})
    if found.get("parameters", before.get("parameters")) != before.get("parameters"):
        before = {key: value for key, value in before.items() if key not in ("seconds", "machine")}
    figures = {**figures, name: {**before, **found}}
    write_text(path, json_text(figures) + "\n")
    return figures


def _cell(row: dict[str, Any], protocol: str, metric: str, digits: int, interval: bool = False) -> str:
    figure = row.get(protocol, {}).get(metric)
    if figure is None or figure["mean"] is None:
        return "-"
    text = f"{figure['mean']:.{digits}f}"
    return f"{text} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]" if interval else text


def _size(row: dict[str, Any]) -> str:
    if "parameters" not in row:
        return "-"
    return f"{row['parameters'] / 1e6:.2f} M, {row['bytes'] / 1e6:.1f} MB"


def render(figures: dict[str, Any], names: Sequence[str]) -> str:
    """The table, and what it rests on."""
    head = ["network", "PSNR, dB", "SSIM", "LPIPS", "consistency", "sharpness"]
    head += ["Set5, dB", "processor s a megapixel", "parameters, file"]
    rows, measured = [], [name for name in names if "cxr" in figures.get(name, {})]
    for name in sorted(measured, key=lambda name: -figures[name]["cxr"]["psnr"]["mean"]):
        row = figures[name]
        peer = row.get("package", "this one") != "this one"
        sharp = row["cxr"].get("sharpness", {}).get("mean")
        rows.append(
            [
                f"*{name}*" if peer else name if name == "bicubic" else f"`{name}`",
                _cell(row, "cxr", "psnr", 2, interval=True),
                *(_cell(row, "cxr", *each) for each in (("ssim", 4), ("lpips", 3), ("consistency", 2))),
                "-" if sharp is None else f"{sharp:.0%}",
                _cell(row, "natural-y", "psnr", 2),
                f"{row['seconds']:.2f}" if "seconds" in row else "-",
                _size(row),
            ]
        )
    counts = {name: figures[name]["cxr"]["images"] for name in measured}
    most = max(counts.values(), default=0)
    few = [
        f"{name} over the first {count}, where bicubic reads {figures[name]['cxr']['bicubic']:.2f}"
        for name, count in counts.items()
        if count < most
    ]
    machines = sorted({row["machine"] for row in figures.values() if "machine" in row})
    lines = [
        markdown_table(head, rows),
        "",
        f"Mean over {most} images [95 % interval], protocol `cxr`"
        + (f" ({'; '.join(few)})" if few else "")
        + "; Set5 under `natural-y`"
        + (f"; processor seconds of all threads, the least of three turns, {'; '.join(machines)}." if machines else ".")
        + " *Peers in italics.* LPIPS and consistency (grey levels): lower is better.",
        "",
        "| peer | from | licence | trained on | Set5, dB: published, here | sha256 of the package |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in names:
        row = figures.get(name, {})
        if row.get("package_sha256"):
            published = f"{row['set5_published']:.2f}" if row["set5_published"] else "none found"
            here = _cell(row, "natural-y", "psnr", 2)
            lines.append(
                f"| {name} | {row['package']} | {row['licence']} | {row['trained']} | {published}, {here} "
                f"| `{row['package_sha256'][:12]}` |"
            )
    return "\n".join(lines) + "\n"


def write_page(figures: dict[str, Any], names: Sequence[str]) -> str:
    """Puts the table between the page's marks, and gives it back."""
    table = render(figures, names)
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    write_text(PAGE, before + BEGIN + table + END + rest.split(END, 1)[1])
    return table
