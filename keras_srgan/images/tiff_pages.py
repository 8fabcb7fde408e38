"""The pages of a TIFF: which there are, and which cannot be read as they are meant."""

from collections.abc import Iterator

from keras_srgan.images import tiff
from keras_srgan.images.headers import Facts, ImageError
from keras_srgan.images.jpeg import jpeg_damage
from keras_srgan.images.unpacking import deflate_is_whole, lzw_is_whole, packbits_is_whole


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


_YCBCR = 6
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
    if any(start + size > len(data) for start, size, _ in _strips(page)):
        raise ImageError("the TIFF is cut short; get it again")
    orientation = page.get(tiff.ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    height, width, palette = page.get(tiff.HEIGHT, 0), page.get(tiff.WIDTH, 0), photometric == 3
    return Facts("tiff", height, width, palette, orientation, min(bits, 8), palette, page)


# How strips are packed, as far as it can be seen whether they are whole.
_UNPACKERS = {5: lzw_is_whole, 8: deflate_is_whole, 32946: deflate_is_whole, 32773: packbits_is_whole}
_PLAIN, _JPEG = 1, 7


def check_strips(data: bytes | bytearray, page: tiff.Directory) -> None:
    """Unpacks strips and tiles as far as is needed to see that they are whole.

    Raises:
        ImageError: if one ends too early, or is damaged.
    """
    packing, plain = page.get(tiff.COMPRESSION, 1), page.get(tiff.FILL_ORDER, 1) == 1
    damaged = ImageError("the TIFF is damaged (its packed data); get it again")
    tables = page.raw.get(tiff.JPEG_TABLES, b"")  # what the JPEGs have in common, each of which begins with two bytes
    for start, size, needed in _strips(page):
        if packing == _PLAIN and start + needed > len(data):
            raise ImageError("the TIFF is cut short; get it again")
        strip = memoryview(data)[start : start + size]
        if packing in _UNPACKERS and plain and not _UNPACKERS[packing](strip, needed):
            raise damaged
        if packing == _JPEG and jpeg_damage(tables[:-2] + bytes(strip[2 if tables else 0 :])):
            raise damaged


def _strips(page: tiff.Directory) -> Iterator[tuple[int, int, int]]:
    """Of every strip or tile: where it begins, its size, and the bytes in it when it is unpacked, 0 if not known."""
    width, height, samples = page.get(tiff.WIDTH, 0), page.get(tiff.HEIGHT, 0), page.get(tiff.SAMPLES, 1)
    samples = 1 if page.get(tiff.PLANAR, 1) == 2 else samples
    bits = 0 if page.get(tiff.PHOTOMETRIC, 1) == _YCBCR else page.get(tiff.BITS, 1)  # its colour may be halved
    rows = min(page.get(tiff.ROWS, height), height) or 1
    for number, (start, size) in enumerate(_pairs(page, tiff.STRIPS, tiff.STRIP_SIZES)):
        moved = 0 if page.start is None else page.start - page.get(tiff.STRIPS, 0)
        here = min(rows, height - number % -(-height // rows) * rows) if height else 0
        yield start + moved, size, (width * samples * bits + 7) // 8 * here
    tile = (page.get(tiff.TILE_WIDTH, 0) * samples * bits + 7) // 8 * page.get(tiff.TILE_HEIGHT, 0)
    yield from ((start, size, tile) for start, size in _pairs(page, tiff.TILES, tiff.TILE_SIZES))


def _pairs(page: tiff.Directory, starts: int, sizes: int) -> Iterator[tuple[int, int]]:
    return zip(page.tags.get(starts, ()), page.tags.get(sizes, ()), strict=False)
