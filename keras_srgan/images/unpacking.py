"""Whether packed pixels of a TIFF are whole: libtiff unpacks what there is of them, and prints a line for nobody."""

import zlib

import numpy as np

_CLEAR, _END, _FIRST = 256, 257, 258  # LZW: codes that are no strings, and the first free one
_CODES = 4096 - _FIRST + 1024  # behind a clear, at most; libtiff too lets a full table be for a while
# Bits of each code behind a clear: one more as soon as the next free code needs it, less one (TIFF 6.0, section 13).
_WIDTHS = np.array([9 if n < 254 else 10 if n < 766 else 11 if n < 1790 else 12 for n in range(_CODES)])
_STARTS = np.concatenate([[0], np.cumsum(_WIDTHS)])


def deflate_is_whole(packed: memoryview, needed: int) -> bool:
    """Whether deflated data end, agree with their checksum, and hold as many bytes as are needed."""
    unpack, length = zlib.decompressobj(), 0
    try:
        while packed and (piece := unpack.decompress(packed, 2**24)):
            length += len(piece)
            packed = memoryview(unpack.unconsumed_tail)
    except zlib.error:
        return False
    return unpack.eof and length >= needed


def packbits_is_whole(packed: memoryview, needed: int) -> bool:
    """Whether runs and literals hold as many bytes as are needed, and the last of them no more."""
    at, length, end = 0, 0, len(packed)
    while at < end and length < needed:
        count = packed[at]
        if count < 128:
            at, length = at + 2 + count, length + 1 + count
        elif count > 128:
            at, length = at + 2, length + 257 - count
        else:
            at += 1
    return at <= end and length == needed


def lzw_is_whole(packed: memoryview, needed: int) -> bool:
    """Whether every code is known when it comes, and the strings are as many bytes as are needed.

    The strings themselves are not looked at: a string is one byte longer than that of an earlier code.
    """
    if len(packed) > 1 and packed[0] == 0 and packed[1] & 1:
        return True  # of before TIFF 6.0, with its bits the other way round
    bits = np.frombuffer(bytes(packed) + bytes(8), np.uint8)
    total, at, length = 8 * len(packed), 0, 0
    while length < needed:
        count = int(np.searchsorted(_STARTS, total - at, "right")) - 1  # that are there
        places = at + _STARTS[:count]
        first = places >> 3
        window = (bits[first].astype(np.int64) << 16) | (bits[first + 1].astype(np.int64) << 8) | bits[first + 2]
        codes = window >> (24 - (places & 7) - _WIDTHS[:count]) & ((1 << _WIDTHS[:count]) - 1)
        special = np.flatnonzero((codes == _CLEAR) | (codes == _END))
        stop = int(special[0]) if special.size else count
        lengths = _string_lengths(codes[:stop])
        if lengths is None:
            return False
        length += int(lengths.sum())
        if length >= needed:
            return True
        if stop == count or codes[stop] == _END:
            return False
        at += int(_STARTS[stop + 1])
    return True


def _string_lengths(codes: np.ndarray) -> np.ndarray | None:
    """How many bytes each code behind a clear stands for; `None` if one is not known yet."""
    # The code at place n adds code _FIRST + n - 1: the string of the code before it and one byte.
    added = codes - _FIRST
    if (added >= np.arange(len(codes))).any():
        return None
    lengths = np.ones(len(codes), np.int64)
    source = np.where(codes < _CLEAR, -1, added)
    while (open_ := source >= 0).any():  # twice as far back each time
        lengths[open_] += lengths[source[open_]]
        source = np.where(open_, source[np.maximum(source, 0)], -1)
    return lengths
