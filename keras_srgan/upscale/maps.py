"""Pictures of what was added over bicubic, and of how far the ensemble's members lie apart."""

import cv2
import numpy as np

_BAR = 34  # rows of the legend
_LEAST = 300  # columns that its text needs


def added_picture(added: np.ndarray, max_value: float) -> np.ndarray:
    """Draws a signed difference: red where light was added, blue where it was taken, white where nothing was.

    Args:
        added: float array `(H, W)` or `(H, W, 3)`, in grey levels.
        max_value: the value of white, named in the legend.

    Returns:
        uint8 array `(H + 34, W or more, 3)`, RGB, with a legend below that says how many grey levels full
        colour stands for: 1, 2 or 5 times a power of ten, reached by at most one pixel in a thousand.
    """
    flat, top = _flat(added), full_colour(added, max_value)
    signed = np.clip(flat / top, -1, 1)
    return _with_legend(_diverging(signed), _diverging(_ramp(-1)), -top, top, max_value)


def full_colour(added: np.ndarray, max_value: float) -> float:
    """How many grey levels full colour stands for in `added_picture`."""
    return _round_up(float(np.quantile(np.abs(_flat(added)), 0.999)), max_value)


def spread_picture(spread: np.ndarray, max_value: float) -> np.ndarray:
    """Draws a standard deviation in the same way, from black (none) to white.

    Args:
        spread: float array `(H, W)` or `(H, W, 3)`, in grey levels, not negative.
        max_value: the value of white.

    Returns:
        uint8 array, as for `added_picture`.
    """
    flat = _flat(spread)
    top = _round_up(float(np.quantile(flat, 0.999)), max_value)
    return _with_legend(_heat(np.clip(flat / top, 0, 1)), _heat(_ramp(0)), 0, top, max_value)


def _flat(values: np.ndarray) -> np.ndarray:
    return values if values.ndim == 2 else values.mean(axis=-1)


def _round_up(value: float, max_value: float) -> float:
    """The next 1, 2 or 5 times a power of ten; never below a thousandth of the range's hundredth."""
    value = max(value, max_value * 1e-5)
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))


def _ramp(low: float) -> np.ndarray:
    return np.tile(np.linspace(low, 1, 160), (12, 1))


def _diverging(signed: np.ndarray) -> np.ndarray:
    # Each side keeps its own colour: the other two channels fade.
    away = 255 * (1 - np.abs(signed))
    red, blue = np.where(signed < 0, away, 255), np.where(signed > 0, away, 255)
    return np.rint(np.stack([red, away, blue], axis=-1)).astype(np.uint8)


def _heat(share: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(cv2.applyColorMap(np.rint(255 * share).astype(np.uint8), cv2.COLORMAP_HOT)[..., ::-1])


def _with_legend(picture: np.ndarray, bar: np.ndarray, low: float, high: float, max_value: float) -> np.ndarray:
    height, width = picture.shape[:2]
    canvas = np.full((height + _BAR, max(width, _LEAST), 3), 255, np.uint8)
    canvas[:height, :width] = picture
    canvas[height + 4 : height + 4 + bar.shape[0], 8 : 8 + bar.shape[1]] = bar
    text = (
        f"{low:+g} to {high:+g} of {max_value:g} grey levels" if low else f"0 to {high:g} of {max_value:g} grey levels"
    )
    cv2.putText(canvas, text, (8, height + _BAR - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas
