"""TFRecord and `tf.train.Example` in NumPy, so that writing and reading them at random needs no TensorFlow.

Reference:
    TFRecord: https://www.tensorflow.org/tutorials/load_data/tfrecord. A record is its length (uint64), the length's
    checksum, the data, the data's checksum, all little-endian. A checksum is CRC-32C (RFC 3720, appendix B.4), rotated
    right by 15 bits, plus 0xa282ead8.
"""

import functools
import struct
from collections.abc import Iterator

import numpy as np

OVERHEAD = 16


"""Bytes of a framed record beside its data."""


_POLYNOMIAL = 0x82F63B78
_LANE = 512  # bytes that one column of the vectorised checksum covers
_Tables = tuple[np.ndarray, np.ndarray]


def _bytewise(register: int, data: bytes) -> int:
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
    return register


def _tabulate(images: np.ndarray) -> _Tables:
    """A linear map of 32 bits, given where it takes each bit, as tables for the lower and the upper half word."""
    tables = []
    for half in (images[:16], images[16:]):
        table = np.zeros(1, np.uint32)
        for image in half:
            table = np.concatenate([table, table ^ image])
        tables.append(table)
    return tables[0], tables[1]


def _apply(tables: _Tables, values: np.ndarray) -> np.ndarray:
    return tables[0][values & 0xFFFF] ^ tables[1][values >> 16]


@functools.cache
def _past(doublings: int) -> _Tables:
    """What `_LANE * 2**doublings` zero bytes make of a register; -1 stands for 4 bytes."""
    if doublings == -1:
        return _tabulate(np.array([_bytewise(1 << bit, bytes(4)) for bit in range(32)], np.uint32))
    half = _past(doublings - 1)
    images = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(_LANE // 4 if doublings == 0 else 2):
        images = _apply(half, images)
    return _tabulate(images)


def crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C checksum of some bytes.

    Many stretches of the data are checked side by side, then joined: a checksum is linear.

    Args:
        data: bytes of any length.

    Returns:
        The checksum, 32 bits.
    """
    if len(data) < 64:
        return _bytewise(0xFFFFFFFF, bytes(data)) ^ 0xFFFFFFFF
    before = -len(data) % _LANE
    padded = np.zeros(before + len(data), np.uint8)  # zeros ahead of the data leave a register of 0 as it is
    padded[before:] = np.frombuffer(data, np.uint8)
    padded[before : before + 4] ^= 0xFF  # the register's first value
    registers, word = np.zeros(len(padded) // _LANE, np.uint32), _past(-1)
    for column in np.ascontiguousarray(padded.view("<u4").reshape(-1, _LANE // 4).T):
        registers = _apply(word, registers ^ column)
    level = 0
    while len(registers) > 1:
        if len(registers) % 2:
            registers = np.concatenate([np.zeros(1, np.uint32), registers])
        registers = _apply(_past(level), registers[::2]) ^ registers[1::2]
        level += 1
    return int(registers[0]) ^ 0xFFFFFFFF


def _masked(data: bytes | memoryview) -> bytes:
    crc = crc32c(data)
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
