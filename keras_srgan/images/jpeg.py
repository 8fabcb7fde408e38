"""JPEG: its parts, and its pixels by a decoder that tells of damage.

OpenCV and Pillow return what there is of a damaged image; libjpeg's word on it goes to stderr, for nobody.
"""

import io
import re
import struct
from collections.abc import Iterator

import numpy as np
import simplejpeg

_DAMAGED = ("premature end", "corrupt")
_PIXELS = 0xDA  # the marker before them
_MINOR = "extraneous bytes"  # between the parts of a JPEG, whose image is whole


class DamagedJpeg(ValueError):
    """The data of a JPEG end too early, or are damaged."""


# 0xff and a code; inside coded data 0xff is followed by 0 or by a restart code (d0 to d7).
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


def markers(data: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Code of each marker in a JPEG, and where what belongs to it begins and ends."""
    at = 2
    while found := _MARKER.search(data, at):
        code, at = found[1][0], found.end()
        if code not in (0x01, 0xD8, 0xD9):
            at += max(2, struct.unpack_from(">H", data, at)[0])
        yield code, found.end() + 2, at


def jpeg_segments(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """Code and content of the segments of a JPEG before its pixels."""
    for code, start, end in markers(data):
        if code == _PIXELS:
            return
        yield code, bytes(data[start:end])


def decode_jpeg(data: bytes | bytearray) -> tuple[np.ndarray, str | None]:
    """Decodes a JPEG, as it is stored.

    Args:
        data: the whole file.

    Returns:
        Gray as `(H, W)` or colour as `(H, W, 3)`, blue first; and what is odd about it, if anything.

    Raises:
        DamagedJpeg: if its data end too early, or are damaged.
        ValueError: if it cannot be decoded.
    """
    data = bytes(data)
    wanted = _colours(data)
    if wanted is None:
        return _of_another_kind(data), None
    pixels, oddity = _decode(data, wanted)
    if wanted == "CMYK":
        return _from_inks(pixels), oddity
    return (pixels[..., 0] if wanted == "GRAY" else pixels), oddity


def jpeg_damage(stream: bytes) -> str | None:
    """What is damaged in a JPEG, as a TIFF holds them; `None` if nothing is, or nobody can tell."""
    wanted = _colours(stream)
    try:
        if wanted:
            _decode(stream, wanted)
    except (ValueError, struct.error) as error:
        return str(error)
    return None


def _colours(data: bytes) -> str | None:
    """As what the decoder gives a JPEG; `None` if it takes none of its kind, as of colour in thirds or sixteenths."""
    try:
        kind = simplejpeg.decode_jpeg_header(data, strict=False)[2].lower()
    except (ValueError, KeyError):
        return None
    return {"gray": "GRAY", "cmyk": "CMYK", "ycck": "CMYK"}.get(kind, "BGR")


def _of_another_kind(data: bytes) -> np.ndarray:
    """What Pillow makes of it, which tells of less damage."""
    from PIL import Image  # slow to import

    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG"])
        return np.asarray(image) if image.mode == "L" else np.asarray(image.convert("RGB"))[..., ::-1]
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from None


def _decode(data: bytes, colours: str) -> tuple[np.ndarray, str | None]:
    try:
        return simplejpeg.decode_jpeg(data, colours), None
    except ValueError as error:
        said = str(error)
    if _MINOR not in said:
        raise (DamagedJpeg if any(words in said.lower() for words in _DAMAGED) else ValueError)(said)
    # The decoder tells of one thing only, and worse may come behind it.
    if (tidy := _tidy(data)) != data:
        return _decode(tidy, colours)[0], said
    return simplejpeg.decode_jpeg(data, colours, strict=False), said


def _tidy(data: bytes) -> bytes:
    """A JPEG without what lies between the parts before its pixels."""
    parts = [data[:2]]
    for code, start, end in markers(data):
        if code == _PIXELS:
            return b"".join(parts) + data[start - 4 :]
        parts.append(data[start - 4 : end])
    return data


def _from_inks(inks: np.ndarray) -> np.ndarray:
    """Blue, green and red of four inks, which such files hold inverted."""
    colour, black = inks[..., 2::-1].astype(np.int32), inks[..., 3:].astype(np.int32)
    return (black - ((255 - colour) * black >> 8)).astype(np.uint8)
