"""Images for a screen: contrast stretched alike, uint8, captioned in a grid."""

from collections.abc import Sequence

import cv2
import numpy as np

MARGIN, CAPTION = 6, 24  # px


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
