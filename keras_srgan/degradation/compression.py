"""What compression leaves of an image: JPEG at a quality, JPEG 2000 at a rate, through OpenCV's codecs."""

import cv2
import numpy as np

LEAST = 64  # px; five levels of wavelets need more than 32
HEADER = 250  # bytes of a JPEG 2000 file that hold no image


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """JPEG and back (ISO/IEC 10918-1, baseline: 8 bits).

    Args:
        pixels: uint8 array `(H, W)` or `(H, W, 3)`, RGB.
        quality: integer, 1 to 100, of the Independent JPEG Group's tables.

    Returns:
        Array as `pixels`.
    """
    return _through(pixels, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality)


def jpeg2000(pixels: np.ndarray, rate: float) -> np.ndarray:
    """JPEG 2000 and back (ISO/IEC 15444-1, irreversible).

    Args:
        pixels: uint8 or uint16 array `(H, W)` or `(H, W, 3)`, RGB. One with a side below 64 px is mirrored to 64 first.
        rate: float, the array's bytes over the file's, its header not counted.

    Returns:
        Array as `pixels`.
    """
    h, w = pixels.shape[:2]
    padding = [(0, max(0, LEAST - side)) for side in (h, w)] + [(0, 0)] * (pixels.ndim - 2)
    padded = np.pad(pixels, padding, mode="symmetric")
    share = min(1000, round(1000 * (1 / rate + HEADER / padded.nbytes)))
    return _through(padded, ".jp2", cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, share)[:h, :w]


def _through(pixels: np.ndarray, form: str, setting: int, value: int) -> np.ndarray:
    colour = pixels.ndim == 3
    coded = cv2.imencode(form, pixels[..., ::-1] if colour else pixels, [setting, value])[1]
    found = np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED))
    return found[..., ::-1] if colour else found


def compress(pixels: np.ndarray, codec: str, quality: int, rate: float, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """An image as a codec leaves it.

    Args:
        pixels: uint8 or uint16 array `(H, W)` or `(H, W, 3)`; uint8 for JPEG.
        codec: `"none"`, `"jpeg"` or `"jpeg2000"`.
        quality, rate: of the one and of the other.
        shift: pixels, down and right, by which the image lies off the codec's blocks.
    """
    if codec == "none":
        return pixels
    down, right = shift
    around = ((down, 0), (right, 0), *[(0, 0)] * (pixels.ndim - 2))
    moved = np.pad(pixels, around, mode="symmetric") if any(shift) else pixels
    found = jpeg(moved, quality) if codec == "jpeg" else jpeg2000(moved, rate)
    return found[down:, right:]
