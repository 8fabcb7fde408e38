"""What a compressed image says about itself: its depth, and whether something was lost."""

import struct
from typing import NamedTuple

from pydicom.uid import UID

_METHODS = {"JPEG": "ISO_10918_1", "JPEG-LS": "ISO_14495_1", "JPEG 2000": "ISO_15444_1", "HTJ2K": "ISO_15444_15"}
_PLAIN_MARKERS = (0x01, *range(0xD0, 0xDA))


class Stream(NamedTuple):
    """Facts of a codestream.

    Args:
        format: JPEG, JPEG-LS, JPEG 2000 or HTJ2K.
        height: Rows.
        width: Columns.
        samples: Samples a pixel.
        bits: Bits of a sample.
        lossy: Whether values were lost for certain: a lossless form may still have been quantised before.
    """

    format: str
    height: int
    width: int
    samples: int
    bits: int
    lossy: bool

    @property
    def method(self) -> str:
        """Lossy Image Compression Method (DICOM PS3.3, C.7.6.1.1.5)."""
        return _METHODS[self.format]


def examine_stream(data: bytes, syntax: UID) -> Stream | None:
    """Reads the headers of a codestream.

    Args:
        data: The first frame, encapsulation undone.
        syntax: Its transfer syntax.

    Returns:
        A `Stream`, or `None` if it is none of these formats, or damaged: the decoder will say so.
    """
    try:
        if data[:2] == b"\xff\xd8":
            return _examine_jpeg(data)
        if (start := data.find(b"\xff\x4f\xff\x51", 0, 4096)) >= 0:  # may lie in a JP2 file
            return _examine_jpeg2000(data, start, "HTJ2K" if "High-Throughput" in syntax.name else "JPEG 2000")
    except (struct.error, IndexError):
        pass
    return None


def _examine_jpeg2000(data: bytes, start: int, name: str) -> Stream:
    at, form = start + 2, (0, 0, 0, 0)
    while True:
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == 0xFF51:  # SIZ: Ssiz of each component has its sign in the highest bit
            right, bottom, left, top = struct.unpack_from(">4I", data, at + 6)
            (count,) = struct.unpack_from(">H", data, at + 38)
            form = bottom - top, right - left, count, max(1 + (data[at + 40 + 3 * i] & 0x7F) for i in range(count))
        if marker == 0xFF52:  # COD: the wavelet is the last byte before the precincts; 0 is the 9-7 one
            return Stream(name, *form, lossy=data[at + 13] == 0)
        if marker == 0xFF90:
            return Stream(name, *form, lossy=False)
        at += 2 + length


def _examine_jpeg(data: bytes) -> Stream | None:
    at, kind, form = 2, 0, (0, 0, 0, 0)
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _PLAIN_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            bits, height, width, count = struct.unpack_from(">BHHB", data, at + 4)
            kind, form = marker, (height, width, count, bits)
        if marker == 0xDA and kind:
            if kind == 0xF7:  # JPEG-LS: NEAR follows the components of the scan
                return Stream("JPEG-LS", *form, lossy=data[at + 5 + 2 * data[at + 4]] != 0)
            return Stream("JPEG", *form, lossy=kind not in (0xC3, 0xC7, 0xCB, 0xCF))
        at += 2 + length
    return None
