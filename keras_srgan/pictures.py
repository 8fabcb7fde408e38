"""The pictures of a run: a row per image, the contact sheet, the loss curves. NumPy and OpenCV."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from keras_srgan.data.images import write_image

MARGIN, CAPTION = 6, 24  # px
ERROR_GAIN = 8  # error pictures show this many times the difference


def to_grey_levels(image: np.ndarray) -> np.ndarray:
    """Turns an image in `[-1, 1]` into uint8."""
    return np.clip(np.rint((image + 1) * 127.5), 0, 255).astype("uint8")


def stretch(images: Sequence[np.ndarray], reference: np.ndarray) -> list[np.ndarray]:
    """Spreads the grey levels of images in `[-1, 1]` so that `reference` fills black to white.

    The same stretch for all, so that they stay comparable; radiographs use little of their range.
    """
    low, high = np.percentile(reference, [0.5, 99.5])
    gain = 2 / max(high - low, 0.05)
    return [np.clip((image - low) * gain - 1, -1, 1) for image in images]


def error_picture(hr: np.ndarray, sr: np.ndarray) -> np.ndarray:
    """The absolute error times `ERROR_GAIN`, dark where equal, in `[-1, 1]`."""
    return np.clip(np.abs(hr - sr) * ERROR_GAIN - 1, -1, 1)


def sheet(rows: Sequence[Sequence[np.ndarray]], captions: Sequence[Sequence[str]]) -> np.ndarray:
    """Lays out images in `[-1, 1]` of one size in a captioned grid.

    Args:
        rows: rows of arrays `(H, W, C)`.
        captions: a text for each, in the same layout.

    Returns:
        uint8 array `(height, width, 3)`, RGB.
    """
    h, w = rows[0][0].shape[:2]
    columns = max(len(row) for row in rows)
    canvas = np.full((len(rows) * (h + CAPTION) + MARGIN, columns * (w + MARGIN) + MARGIN, 3), 255, "uint8")
    for r, (row, texts) in enumerate(zip(rows, captions, strict=True)):
        for c, (image, text) in enumerate(zip(row, texts, strict=True)):
            y, x = r * (h + CAPTION) + CAPTION, MARGIN + c * (w + MARGIN)
            canvas[y : y + h, x : x + w] = to_grey_levels(image)
            size = min(0.45, 0.45 * w / max(1, 8 * len(text)))
            cv2.putText(canvas, text, (x, y - 7), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def comparison(bicubic: np.ndarray, sr: np.ndarray, hr: np.ndarray, notes: Sequence[str]) -> np.ndarray:
    """The picture of an epoch: bicubic, SR, HR and the error of SR, a row an image.

    Args:
        bicubic, sr, hr: arrays `(N, H, W, C)` in `[-1, 1]`.
        notes: what to write after "bicubic" and "SR" in each row, e.g. their PSNR: `(bicubic, sr)`.

    Returns:
        uint8 RGB array.
    """
    rows, captions = [], []
    for low, mid, high, note in zip(bicubic, sr, hr, notes, strict=True):
        low_text, mid_text = note.split("|")
        rows.append([*stretch([low, mid, high], high), error_picture(high, mid)])
        captions.append([f"bicubic {low_text}", f"SR {mid_text}", "HR", f"|HR - SR| x {ERROR_GAIN}"])
    return sheet(rows, captions)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Writes a uint8 picture as PNG, atomically."""
    write_image(path, picture)


def curves(history: Sequence[dict], path: Path) -> None:
    """Draws every logged quantity against the epoch, stages side by side, into a PNG."""
    from matplotlib.figure import Figure

    panels = [
        ("loss", ["loss"]),
        ("terms", ["content", "perceptual", "adversarial", "d_loss"]),
        ("discriminator", ["d_real", "d_fake"]),
        ("validation PSNR, dB", ["val_psnr", "bicubic_psnr"]),
        ("validation SSIM", ["val_ssim", "bicubic_ssim"]),
    ]
    figure = Figure(figsize=(15, 5.2), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    epochs = np.arange(1, len(history) + 1)
    stages = [row["stage"] for row in history]
    switch = next((i for i, stage in enumerate(stages) if stage != stages[0]), None)
    for axis, (title, names) in zip(axes, panels, strict=False):
        for name in names:
            values = np.array([row.get(name, np.nan) for row in history], float)
            if np.isfinite(values).any():
                dashed = "--" if name.startswith("bicubic") else "-"
                axis.plot(epochs, values, dashed, marker=".", ms=4, label=name)
        drawn = [np.nan_to_num(line.get_ydata(), nan=1) for line in axis.lines]
        if title in ("loss", "terms") and drawn and all((each > 0).all() for each in drawn):
            axis.set_yscale("log")  # before the line between the stages, which begins at 0
        if switch is not None:
            axis.axvline(switch + 0.5, color="0.6", lw=1, ls=":")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("epoch", fontsize=8)
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize=7, frameon=False)
    axes[-1].axis("off")
    figure.savefig(path, dpi=90, format="png")
