"""The pages of a TIFF: which there are, and which cannot be read as they are meant."""

import zlib

from keras_srgan.images import tiff
from keras_srgan.images.headers import Facts, ImageError


def examine_tiff(data: bytes | bytearray) -> list[Facts]:
    """What the header says of each page of a TIFF, without thumbnails; of each image, where a directory has several.

    Raises:
        ImageError: if the file is damaged, cut short, or of a kind that would be misread.
        struct.error: if a directory lies outside the file.
    """
    # A reduced copy of the image (a thumbnail) is no page of its own.
    pages = [page for page in tiff.directories(data) if not page.get(tiff.SUBFILE, 0) & 1]
    if not pages:
        raise ImageError("the TIFF has 0 pages; the file is damaged, get it again")
    count = tiff.images_in(pages[0])
    if len(pages) == 1 and count > 1:
        if not tiff.in_one_piece(pages[0]):
            raise ImageError(f"a TIFF of {count} images in one directory, packed; save it as a TIFF of {count} pages")
        pages = [tiff.part(pages[0], number) for number in range(min(count, len(data)))]
    return [_examine_page(data, page) for page in pages]


_KINDS = {4: "mask", 5: "CMYK", 32803: "colour-filter", 32844: "LogL", 32845: "LogLuv", 34892: "linear raw"}


def _examine_page(data: bytes | bytearray, page: tiff.Directory) -> Facts:
    if tiff.WIDTH not in page.tags or tiff.HEIGHT not in page.tags:
        raise ImageError("the TIFF gives no size; the file is damaged, get it again")
    bits, photometric, samples = page.get(tiff.BITS, 1), page.get(tiff.PHOTOMETRIC, 1), page.get(tiff.SAMPLES, 1)
    floats = page.get(tiff.FORMAT, 1) == 3
    if bits not in (1, 4, 8, 16, 32, 64):
        raise ImageError(f"TIFF with {bits} bits a sample; save it with 8 or 16")
    if bits == 16 and floats:
        raise ImageError("TIFF of 16-bit floats; save it with 32-bit floats or 16-bit whole numbers")
    if photometric in _KINDS:
        raise ImageError(f"{_KINDS[photometric]} TIFF; save it as gray or RGB")
    most = 2 if photometric in (0, 1) else 4
    if samples > most:
        raise ImageError(f"TIFF of {samples} channels, {most - 1} and alpha are read; save them as files of their own")
    separate = samples > 1 and page.get(tiff.PLANAR, 1) == 2
    if separate and (bits != 8 or page.gray_with_alpha):
        raise ImageError(f"TIFF with separate planes of {bits} bits; save it interleaved")
    if page.gray_with_alpha and (photometric == 0 or bits < 8 or (floats and page.get(tiff.PREDICTOR, 1) != 1)):
        raise ImageError("an unusual TIFF of gray with alpha; save it as PNG")
    if page.gray_with_alpha and tiff.TILES in page.tags and page.get(tiff.PREDICTOR, 1) != 1:
        raise ImageError("a tiled TIFF of gray with alpha; save it as PNG")
    _check_strips(data, page)
    orientation = page.get(tiff.ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    height, width, palette = page.get(tiff.HEIGHT, 0), page.get(tiff.WIDTH, 0), photometric == 3
    return Facts("tiff", height, width, palette, orientation, min(bits, 8), palette, page)


def _check_strips(data: bytes | bytearray, page: tiff.Directory) -> None:
    """Refuses strips and tiles that lie outside the file, or whose checksum is wrong."""
    packed = page.get(tiff.COMPRESSION, 1) in (8, 32946)  # deflate, which OpenCV does not check
    for starts, sizes in ((tiff.STRIPS, tiff.STRIP_SIZES), (tiff.TILES, tiff.TILE_SIZES)):
        first = page.get(starts, 0)
        moved = 0 if page.start is None else page.start - first
        for start, size in zip(page.tags.get(starts, ()), page.tags.get(sizes, ()), strict=False):
            if start + moved + size > len(data):
                raise ImageError("the TIFF is cut short; get it again")
            if packed and not _unpacks(memoryview(data)[start : start + size]):
                raise ImageError("the TIFF is damaged (its packed data); get it again")


def _unpacks(packed: memoryview) -> bool:
    """Whether deflated data end, and agree with their checksum."""
    unpack = zlib.decompressobj()
    try:
        while packed and unpack.decompress(packed, 2**24):
            packed = memoryview(unpack.unconsumed_tail)
    except zlib.error:
        return False
    return unpack.eof
