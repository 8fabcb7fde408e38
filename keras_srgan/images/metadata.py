"""What an image file says besides its pixels: resolution, colour profile, text; and what a format keeps of it."""

from dataclasses import dataclass, replace
from typing import NamedTuple

METRES = {"m": 1.0, "inch": 0.0254, "cm": 0.01}  # the length of a unit

# The TIFF tags (EXIF has the same) of what PNG calls by these keywords, or by the tag's own name.
TEXT_TAGS = {
    269: "DocumentName",
    270: "Description",
    271: "Make",
    272: "Model",
    285: "PageName",
    305: "Software",
    306: "DateTime",
    315: "Author",
    316: "HostComputer",
    33432: "Copyright",
}
_LONGEST_EXIF = 60_000  # bytes of text; the block ends at 64 kB
_NAMES = {".jpg": "JPEG", ".bmp": "BMP", ".webp": "WebP", ".tif": "TIFF", ".png": "PNG", ".dcm": "DICOM"}


class Resolution(NamedTuple):
    """Pixels per unit of length, across and down; without a unit (`""`) their ratio counts alone."""

    x: float
    y: float
    unit: str

    def per(self, unit: str) -> tuple[float, float]:
        """Pixels per another unit: `"m"`, `"inch"` or `"cm"`; as they are, where none is known."""
        factor = METRES[unit] / METRES[self.unit] if self.unit else 1.0
        return self.x * factor, self.y * factor

    def as_tags(self) -> tuple[float, float, int]:
        """XResolution, YResolution and ResolutionUnit of TIFF and EXIF."""
        unit = "cm" if self.unit == "m" else self.unit
        x, y = self.per("cm") if unit == "cm" else (self.x, self.y)
        return x, y, {"": 1, "inch": 2, "cm": 3}[unit]


def resolution(x: float, y: float, unit: str) -> Resolution | None:
    """A `Resolution`, or `None` where the numbers say nothing."""
    x, y = float(x), float(y)
    if not (0 < x < 1e9 and 0 < y < 1e9) or (not unit and x == y == 1):
        return None
    return Resolution(x, y, unit)


@dataclass(frozen=True)
class Metadata:
    """What surrounds the pixels of an image.

    Args:
        resolution: `Resolution`, or `None`.
        icc: The ICC colour profile, or `None`.
        colour: PNG's own statements of colour (gAMA, cHRM, sRGB, cICP): the chunk's name and content.
        text: Keyword and text, as PNG has them; `TEXT_TAGS` lists the keywords of TIFF and EXIF.
        lost: Names of what the file has and we do not carry over: it may speak of the old pixels.
    """

    resolution: Resolution | None = None
    icc: bytes | None = None
    colour: tuple[tuple[str, bytes], ...] = ()
    text: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()

    def scaled(self, scale: float) -> "Metadata":
        """The same for an image of `scale` times as many pixels."""
        if self.resolution is None:
            return self
        x, y, unit = self.resolution
        return replace(self, resolution=Resolution(x * scale, y * scale, unit))

    def turned(self, orientation: int) -> "Metadata":
        """The same for an image turned upright: the sides are swapped from EXIF orientation 5 on."""
        if self.resolution is None or orientation < 5:
            return self
        x, y, unit = self.resolution
        return replace(self, resolution=Resolution(y, x, unit))


NOTHING = Metadata()


def fit(metadata: Metadata, suffix: str, colours: int) -> tuple[Metadata, str]:
    """What a format holds of some metadata.

    Args:
        metadata: `Metadata`.
        suffix: as `formats.suffix_of` gives it.
        colours: integer, 1 for gray or 3; a profile of the other kind does not fit.

    Returns:
        The `Metadata` that can be written, and a note that names the rest, or nothing.
    """
    lost = list(metadata.lost)
    kept = replace(metadata, lost=())
    if kept.resolution is not None and not _holds_resolution(kept.resolution, suffix):
        lost.append("resolution")
        kept = replace(kept, resolution=None)
    if kept.icc is not None and (suffix == ".bmp" or kept.icc[16:20] != (b"GRAY" if colours == 1 else b"RGB ")):
        lost.append("ICC profile")
        kept = replace(kept, icc=None)
    if suffix == ".dcm" and colours == 1 and kept.icc is not None:
        lost.append("ICC profile")
        kept = replace(kept, icc=None)
    if kept.colour and suffix != ".png":
        lost += [name for name, _ in kept.colour]
        kept = replace(kept, colour=())
    size = sum(len(text.encode("utf-8", "replace")) for _, text in kept.text)
    if kept.text and (suffix in (".bmp", ".dcm") or (suffix in (".jpg", ".webp") and size > _LONGEST_EXIF)):
        lost.append("text")
        kept = replace(kept, text=())
    names = ", ".join(dict.fromkeys(lost))
    return kept, f"not kept in {_NAMES[suffix]}: {names}" if names else ""


def _holds_resolution(given: Resolution, suffix: str) -> bool:
    if suffix in (".bmp", ".dcm") and not given.unit:
        return False
    unit, most = ("m", 2**31) if suffix in (".png", ".bmp") else (jpeg_unit(given), 65535)
    low, high = sorted(given.per(unit))
    return suffix not in (".png", ".bmp", ".jpg") or (low >= 0.5 and high < most)  # they hold whole numbers


def jpeg_unit(given: Resolution) -> str:
    """The unit that JPEG, which rounds to whole numbers, is written in."""
    return "cm" if given.unit == "cm" else "inch"


def text_tags(text: tuple[tuple[str, str], ...]) -> dict[int, str]:
    """Text as TIFF and EXIF tags; what has no tag of its own goes into the description, under its keyword."""
    numbers = {name: number for number, name in TEXT_TAGS.items()}
    tags: dict[int, str] = {}
    for name, words in text:
        number = numbers.get(name, 270)
        line = words if name in numbers else f"{name}: {words}"
        tags[number] = f"{tags[number]}\n{line}" if number in tags else line
    return dict(sorted(tags.items()))
