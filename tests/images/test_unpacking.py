"""Whether packed strips of a TIFF are whole, against libtiff's own packing."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from keras_srgan.images import tiff
from keras_srgan.images.headers import ImageError
from keras_srgan.images.tiff_pages import check_strips, examine_tiff
from keras_srgan.images.unpacking import deflate_is_whole, lzw_is_whole, packbits_is_whole

RNG = np.random.default_rng(0)
X = np.arange(300)
KINDS = {
    "noise": RNG.integers(0, 256, (200, 300)),
    "few": RNG.integers(0, 3, (200, 300)),
    "smooth": 128 + 99 * np.sin(X / 40) * np.cos(X[:200, None] / 30),
    "flat": np.full((200, 300), 7),  # strings as long as the table allows
}


def packed(kind, compression):
    buffer = io.BytesIO()
    Pillow.fromarray(KINDS[kind].astype(np.uint8)).save(buffer, "TIFF", compression=compression, strip_size=10**6)
    data = buffer.getvalue()
    page = tiff.directories(data)[0]
    (start,), (size,) = page.tags[tiff.STRIPS], page.tags[tiff.STRIP_SIZES]
    return data[start : start + size]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compression, is_whole", [("tiff_lzw", lzw_is_whole), ("packbits", packbits_is_whole)])
def test_whole_strips_are_whole_and_shorter_ones_are_not(kind, compression, is_whole):
    strip, needed = memoryview(packed(kind, compression)), 200 * 300
    assert is_whole(strip, needed)
    for share in (0.1, 0.5, 0.9, 0.99):
        assert not is_whole(strip[: int(len(strip) * share)], needed)
    assert not is_whole(memoryview(b""), needed)
    if compression == "packbits":  # a run that goes on behind the strip
        assert not is_whole(strip, needed - 1)
    else:
        assert not is_whole(strip, needed + 1)


def test_codes_that_are_not_known_yet_are_damage():
    def lzw(*codes):
        bits = "".join(f"{code:09b}" for code in codes)
        bits += "0" * (-len(bits) % 8)
        return memoryview(bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)))

    assert lzw_is_whole(lzw(256, 65, 258, 258, 257), 5)  # A, AA as it is made, AA
    assert not lzw_is_whole(lzw(256, 65, 258, 258, 257), 6)
    assert not lzw_is_whole(lzw(256, 65, 259, 257), 1 + 2)
    assert not lzw_is_whole(lzw(256, 65, 66, 256, 258, 257), 4)  # the table was cleared
    assert lzw_is_whole(lzw(256, 65, 66, 256, 67, 258, 257), 5)


def test_deflated_data_end_agree_with_their_checksum_and_suffice():
    data = zlib.compress(bytes(1000))
    assert deflate_is_whole(memoryview(data), 1000)
    assert not deflate_is_whole(memoryview(data), 1001)
    assert not deflate_is_whole(memoryview(data[:-1]), 1000)
    assert not deflate_is_whole(memoryview(data[:-1] + b"\0"), 1000)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "packbits", "jpeg", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_strips_of_whole_files_are_whole_and_a_higher_image_needs_more(compression, mode):
    buffer = io.BytesIO()
    image = Pillow.fromarray(KINDS["smooth"].astype(np.uint8)).convert(mode)
    image.save(buffer, "TIFF", compression=compression, strip_size=300 * 3 * 16)
    data = bytearray(buffer.getvalue())
    check_strips(data, examine_tiff(data)[0].page)
    page = examine_tiff(data)[0].page
    higher = page._replace(tags=page.tags | {tiff.HEIGHT: (208,), tiff.ROWS: (208,)})
    if compression != "jpeg":  # which holds its own size
        with pytest.raises(ImageError, match="damaged|cut short"):
            check_strips(data, higher)
