"""Reads what raster files say besides their pixels. What is damaged there is left out: the image matters more."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from keras_srgan.images import tiff
from keras_srgan.images.jpeg import jpeg_segments
from keras_srgan.images.metadata import TEXT_TAGS, Metadata, resolution

_UNITS = {1: "", 2: "inch", 3: "cm"}  # TIFF's and EXIF's
_LARGEST_TEXT, _LARGEST_PROFILE = 2**20, 2**24  # bytes, when unpacked
_COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
_LOST_CHUNKS = {b"eXIf": "EXIF", b"sPLT": "suggested palette", b"bKGD": "background"}
_LOST_TAGS = {
    286: "position",
    287: "position",
    301: "TransferFunction",
    318: "WhitePoint",
    319: "PrimaryChromaticities",
    700: "XMP",
    33550: "GeoTIFF tags",
    33723: "IPTC",
    34377: "Photoshop tags",
    34665: "EXIF",
    34853: "GPS",
    50838: "ImageJ metadata",
}
_ICC_TAG, _X_TAG, _Y_TAG, _UNIT_TAG = 34675, 282, 283, 296


def read_metadata(data: bytes | bytearray, kind: str, page: tiff.Directory | None = None) -> Metadata:
    """What a file says of one of its images.

    Args:
        data: the whole file.
        kind: its format, as `raster_format` gives it.
        page: the image's directory in a TIFF.

    Returns:
        A `Metadata`; what cannot be read is among its `lost`.
    """
    try:
        if page is not None:
            return _of_directory(page)
        return {"png": _of_png, "jpeg": _of_jpeg, "webp": _of_webp, "bmp": _of_bmp}[kind](data)
    except (struct.error, zlib.error, ValueError, IndexError, OverflowError):
        return Metadata(lost=("damaged metadata",))


def _of_directory(page: tiff.Directory) -> Metadata:
    """Of a page of a TIFF, or an EXIF block: the same tags."""
    found = None
    if len(page.raw.get(_X_TAG, b"")) == len(page.raw.get(_Y_TAG, b"")) == 8:
        x, y = (struct.unpack(page.order + "II", page.raw[tag]) for tag in (_X_TAG, _Y_TAG))
        found = resolution(x[0] / (x[1] or 1), y[0] / (y[1] or 1), _UNITS.get(page.get(_UNIT_TAG, 2), ""))
    text = tuple(
        (name, words)
        for tag, name in TEXT_TAGS.items()
        if (words := page.raw.get(tag, b"").rstrip(b"\0 ").decode("utf-8", "replace"))
        and not words.startswith('{"shape":')  # tifffile's own, true of the old pixels
    )
    lost = tuple(name for tag, name in _LOST_TAGS.items() if tag in page.raw)
    return Metadata(found, page.raw.get(_ICC_TAG), text=text, lost=lost)


def _of_exif(block: bytes | bytearray) -> Metadata:
    try:
        return _of_directory(tiff.directories(bytes(block).removeprefix(b"Exif\0\0"))[0])
    except (struct.error, OverflowError, IndexError):
        return Metadata(lost=("EXIF",))


def _of_png(data: bytes | bytearray) -> Metadata:
    found, exif, text, colour, lost = Metadata(), None, [], [], []
    for kind, body in _png_chunks(data):
        if kind == b"pHYs" and len(body) == 9:
            x, y, unit = struct.unpack(">IIB", body)
            found = replace(found, resolution=resolution(x, y, "m" if unit == 1 else ""))
        elif kind == b"iCCP":
            found = replace(found, icc=_unpacked(body.partition(b"\0")[2][1:], _LARGEST_PROFILE))
        elif kind in _COLOUR_CHUNKS:
            colour.append((kind.decode(), body))
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            name, words = _png_text(kind, body)
            if name == "XML:com.adobe.xmp":
                lost.append("XMP")
            elif words is None or name.startswith("Raw profile type"):
                lost.append(f"text {name!r}")
            else:
                text.append((name, words))
        elif kind in _LOST_CHUNKS:
            lost.append(_LOST_CHUNKS[kind])
            exif = _of_exif(body).resolution if kind == b"eXIf" else exif
    return replace(found, resolution=found.resolution or exif, text=tuple(text), colour=tuple(colour), lost=tuple(lost))


def _png_chunks(data: bytes | bytearray) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the chunks around the pixels; damaged ones, which a reader may ignore, are left out."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind != b"IDAT":
            body = bytes(data[at + 8 : at + 8 + length])
            if zlib.crc32(kind + body) == struct.unpack_from(">I", data, at + 8 + length)[0]:
                yield kind, body
        at += 12 + length


def _png_text(kind: bytes, body: bytes) -> tuple[str, str | None]:
    """Keyword and text; no text where it is damaged or too long."""
    name, _, rest = body.partition(b"\0")
    keyword = name.decode("latin-1")
    try:
        if kind == b"tEXt":
            return keyword, rest.decode("latin-1")
        if kind == b"zTXt":
            return keyword, _unpacked(rest[1:], _LARGEST_TEXT).decode("latin-1")
        _, _, words = rest[2:].split(b"\0", 2)  # language and translated keyword before it
        return keyword, (_unpacked(words, _LARGEST_TEXT) if rest[0] else words).decode("utf-8")
    except (zlib.error, ValueError, IndexError):
        return keyword, None


def _unpacked(body: bytes, limit: int) -> bytes:
    unpack = zlib.decompressobj()
    content = unpack.decompress(body, limit)
    if not unpack.eof:
        raise ValueError("cut short, or too long")
    return content


def _of_jpeg(data: bytes | bytearray) -> Metadata:
    found, own, comments = Metadata(), None, []
    profile: dict[int, bytes] = {}
    lost: list[str] = []
    for code, body in jpeg_segments(data):
        if code == 0xE0 and body[:5] == b"JFIF\0":
            unit, x, y = struct.unpack_from(">BHH", body, 7)
            own = resolution(x, y, {1: "inch", 2: "cm"}.get(unit, ""))
        elif code == 0xE1 and body[:6] == b"Exif\0\0":
            found = _of_exif(body)
            lost += found.lost
        elif code == 0xE1:
            lost.append("XMP")
        elif code == 0xE2 and body[:12] == b"ICC_PROFILE\0":
            profile[body[12]] = body[14:]
        elif code == 0xED:
            lost.append("Photoshop tags")
        elif code == 0xFE:
            comments.append(("Comment", body.rstrip(b"\0").decode("utf-8", "replace")))
    if own is not None and (own.unit or found.resolution is None):
        found = replace(found, resolution=own)
    icc = b"".join(profile[number] for number in sorted(profile)) or None
    return replace(found, icc=icc, text=(*found.text, *comments), lost=tuple(lost))


def _of_webp(data: bytes | bytearray) -> Metadata:
    found, icc, at = Metadata(), None, 12
    lost: list[str] = []
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        body = bytes(data[at + 8 : at + 8 + length]) if kind in (b"EXIF", b"ICCP") else b""
        if kind == b"EXIF":
            found = _of_exif(body)
            lost += found.lost
        elif kind == b"ICCP":
            icc = body
        elif kind == b"XMP ":
            lost.append("XMP")
        at += 8 + length + length % 2
    return replace(found, icc=icc, lost=tuple(lost))


def _of_bmp(data: bytes | bytearray) -> Metadata:
    (header,) = struct.unpack_from("<I", data, 14)
    if header < 40:
        return Metadata()
    lost = ("ICC profile",) if header >= 124 and data[70:74] in (b"DEBM", b"KNIL") else ()
    x, y = struct.unpack_from("<ii", data, 38)
    return Metadata(resolution(x, y, "m"), lost=lost)
