"""The pictures of a run: a row per image, the contact sheet, the loss curves. NumPy and OpenCV."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_srgan.images import write_image
from keras_srgan.images.display import sheet, stretch

ERROR_GAIN = 8  # error pictures show this many times the difference


def error_picture(hr: np.ndarray, sr: np.ndarray) -> np.ndarray:
    """The absolute error times `ERROR_GAIN`, dark where equal, in `[-1, 1]`."""
    return np.clip(np.abs(hr - sr) * ERROR_GAIN - 1, -1, 1)


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
