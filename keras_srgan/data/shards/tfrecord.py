"""TFRecord and `tf.train.Example` by hand, so that writing and reading them at random needs no TensorFlow.

Reference:
    TFRecord: https://www.tensorflow.org/tutorials/load_data/tfrecord. A record is its length (uint64), the length's
    checksum, the data, the data's checksum, all little-endian. A checksum is CRC-32C (RFC 3720, appendix B.4), rotated
    right by 15 bits, plus 0xa282ead8.
"""

import struct
from collections.abc import Iterator

import google_crc32c

OVERHEAD = 16  # bytes of a framed record beside its data


def _masked(data: bytes | memoryview) -> bytes:
    crc = google_crc32c.value(bytes(data))
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def wrap_record(data: bytes) -> bytes:
    """A record as a TFRecord file holds it: `OVERHEAD` bytes longer than its data."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked(length), data, _masked(data)))


def unwrap_record(record: bytes) -> memoryview:
    """The data of one framed record.

    Args:
        record: all of its bytes.

    Returns:
        A view of the data.

    Raises:
        ValueError: saying what is wrong: cut short, not a record's begin, or a checksum that does not match.
    """
    view = memoryview(record)
    if len(view) < OVERHEAD:
        raise ValueError("cut short")
    if _masked(view[:8]) != view[8:12] or struct.unpack("<Q", view[:8])[0] != len(view) - OVERHEAD:
        raise ValueError("no record begins there (its length or that length's checksum is wrong)")
    if _masked(view[12:-4]) != view[-4:]:
        raise ValueError("wrong checksum")
    return view[12:-4]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def encode_example(features: dict[str, bytes | str | int]) -> bytes:
    """A serialised `tf.train.Example` with one value a feature.

    Args:
        features: name to bytes, text (UTF-8), or an integer that is not negative.

    Returns:
        The bytes.
    """
    entries = []
    for name, value in features.items():
        if isinstance(value, int):
            feature = _field(3, _field(1, _varint(value)))
        else:
            feature = _field(1, _field(1, value.encode(errors="surrogateescape") if isinstance(value, str) else value))
        entries.append(_field(1, _field(1, name.encode()) + _field(2, feature)))
    return _field(1, b"".join(entries))


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        size, at = _read_varint(data, at)
        if key & 7 != 2 or at + size > len(data):
            raise ValueError("not a tf.train.Example of bytes and integers")
        yield key >> 3, data[at : at + size]
        at += size


def decode_example(data: memoryview) -> dict[str, memoryview | int]:
    """What `encode_example` wrote.

    Args:
        data: a serialised `tf.train.Example`.

    Returns:
        Name to integer or view of bytes.

    Raises:
        ValueError: if it is none, or has features of other kinds or of several values.
    """
    found: dict[str, memoryview | int] = {}
    try:
        ((_, features),) = _fields(data)
        for _, entry in _fields(features):
            name, feature = (body for _, body in _fields(entry))
            ((kind, values),) = _fields(feature)
            ((_, value),) = _fields(values)
            found[bytes(name).decode()] = _read_varint(value, 0)[0] if kind == 3 else value
    except (IndexError, ValueError):
        raise ValueError("not a tf.train.Example with one value a feature") from None
    return found
