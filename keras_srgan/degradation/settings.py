"""`Degradation`: what happens to an image on its way to LR, as data. Needs no NumPy, so `--help` is quick."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

REDUCTIONS = ("bicubic", "area", "binning", "sample")
DOMAINS = ("linear", "log")
CODECS = ("none", "jpeg", "jpeg2000")

Span = tuple[float, float]
Whole = tuple[int, int]
Names = tuple[str, ...]


def _span(low: float, high: float, text: str, least: float, most: float, log: bool = False) -> Any:
    about = {"help": text, "least": least, "most": most, "log": log, "choices": ()}
    return dataclasses.field(default=(low, high), metadata=about)


def _names(default: Names, text: str, choices: Names) -> Any:
    return dataclasses.field(default=default, metadata={"help": text, "choices": choices})


@dataclass(frozen=True, repr=False)
class Degradation:
    """The stages from HR to LR, in the order in which they happen, each with the range that it is drawn from.

    A number field is a pair `(low, high)`; each image draws a value between them, evenly (`dose` evenly in its
    logarithm). A field of names draws one of them; a name given twice is drawn twice as often. Grey levels count
    255 from black to white.

    The fields' help texts, units and limits: `keras-srgan train --help`, and `docs/degradation.md`.

    Example:

    >>> mild = Degradation("mild", mtf=(0.64, 0.64), dose=(1800, 1800))
    >>> lr = degrade(hr, 4, 255, mild, np.random.default_rng(0))
    """

    name: str = "bicubic"
    clean: float = dataclasses.field(
        default=0.0,
        metadata={"help": "share of the images that are reduced by bicubic and nothing else", "choices": ()},
    )
    mtf: Span = _span(1, 1, "blur: MTF of a gaussian at LR's Nyquist frequency (1: none)", 0.05, 1)
    anisotropy: Span = _span(1, 1, "blur: its longer sigma over its shorter one", 1, 4)
    angle: Span = _span(0, 0, "blur: direction of the longer sigma, degrees from the rows", 0, 180)
    aperture: Span = _span(0, 0, "blur: side of a detector element that averages, LR pixels (0: none)", 0, 2)
    reduction: Names = _names(("bicubic",), "reduction: any of " + ", ".join(REDUCTIONS), REDUCTIONS)
    phase: Span = _span(0, 0, "reduction: shift of LR's grid down and right, LR pixels", -0.5, 0.5)
    domain: Names = _names(("linear",), "where noise arises: linear (grey is exposure) or log (films)", DOMAINS)
    latitude: Span = _span(1.5, 1.5, "log domain: decades of exposure from black to white", 0.1, 4)
    dose: Span = _span(0, 0, "noise: photons in an LR pixel of middle grey (0: no quantum noise)", 0, 1e9, log=True)
    readout: Span = _span(0, 0, "noise: gaussian, standard deviation at middle grey, grey levels", 0, 64)
    grain: Span = _span(0, 0, "noise: sigma of the blur that correlates it, LR pixels (0: white)", 0, 4)
    window: Span = _span(1, 1, "grey: width of the export's window, share of black to white", 0.05, 1)
    bits: Whole = _span(0, 0, "grey: bits to which it is rounded, 8 to 16 (0: the file's)", 0, 16)
    codec: Names = _names(("none",), "compression: any of " + ", ".join(CODECS), CODECS)
    quality: Whole = _span(90, 90, "compression: JPEG's quality", 1, 100)
    rate: Span = _span(10, 10, "compression: JPEG 2000's rate, times smaller", 1, 200)
    shift: Whole = _span(0, 0, "compression: LR pixels by which the codec's blocks are moved", 0, 7)

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise ValueError(f"degradation: name = {self.name!r}: must be a text")
        for field in dataclasses.fields(self)[1:]:
            object.__setattr__(self, field.name, _checked(field, getattr(self, field.name)))
        if 0 == self.dose[0] < self.dose[1]:
            raise ValueError(f"dose = {text_of(self.dose)}: 0 is no quantum noise at all; begin the range above it")
        if any(0 < bits < 8 for bits in self.bits) or 0 == self.bits[0] < self.bits[1]:
            raise ValueError(f"bits = {text_of(self.bits)}: give 8 to 16, or 0 for the file's own")

    def replace(self, **changes: Any) -> "Degradation":
        """A copy with some fields changed; each takes what `read_value` does.

        Raises:
            ValueError: for an unknown field or a value that the field does not take.
        """
        known = [field.name for field in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise ValueError(f"unknown degradation field {name!r}: known are {', '.join(known)}")
        return dataclasses.replace(self, **changes)

    @property
    def plain(self) -> bool:
        """Whether it is bicubic reduction and nothing else."""
        return self.clean == 1 or dataclasses.replace(self, name=BICUBIC.name, clean=0.0) == BICUBIC

    def draw(self, rng) -> dict[str, Any]:
        """One value of each field.

        Args:
            rng: `numpy.random.Generator`. The same number of values is taken whatever the ranges are.

        Returns:
            Dictionary of field to number or name, without `name` and `clean`; `shift` and `phase` are pairs, down
            and right.
        """
        settings = BICUBIC if rng.random() < self.clean else self
        return {field.name: _drawn(settings, field, rng) for field in dataclasses.fields(self)[2:]}

    def __repr__(self) -> str:
        return f"{self.name} ({self.describe()})"

    def describe(self) -> str:
        """The fields that differ from plain bicubic reduction, as text."""
        names = [field.name for field in dataclasses.fields(self)[1:]]
        changed = [name for name in names if getattr(self, name) != getattr(BICUBIC, name)]
        return ", ".join(f"{name} {text_of(getattr(self, name))}" for name in changed) or "bicubic"


def _drawn(settings: Degradation, field: dataclasses.Field, rng) -> Any:
    value = getattr(settings, field.name)
    count = 2 if field.name in ("shift", "phase") else 1
    shares = [rng.random() for _ in range(count)]
    if field.metadata["choices"]:
        return value[int(shares[0] * len(value))]
    low, high = value
    if field.type is Whole:
        drawn = [low + int(share * (high - low + 1)) for share in shares]
    elif field.metadata["log"] and low:
        drawn = [math.exp(math.log(low) + share * math.log(high / low)) for share in shares]
    else:
        drawn = [low + share * (high - low) for share in shares]
    return drawn[0] if count == 1 else (drawn[0], drawn[1])


def _checked(field: dataclasses.Field, value: Any) -> Any:
    """A field's value in its own type."""
    name = field.name
    value = read_value(name, value) if isinstance(value, str) else value
    if name == "clean":
        if not _is_number(value) or not 0 <= value <= 1:
            raise ValueError(f"clean = {value!r}: must be in [0, 1]")
        return float(value)
    choices = field.metadata["choices"]
    if choices:
        value = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not value or any(each not in choices for each in value):
            raise ValueError(f"{name} = {text_of(value)}: choose of {', '.join(choices)}")
        return value
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    least, most = field.metadata["least"], field.metadata["most"]
    if len(pair) != 2 or not all(map(_is_number, pair)) or not least <= pair[0] <= pair[1] <= most:
        raise ValueError(f"{name} = {text_of(pair)}: give a number or LOW..HIGH, from {least:g} to {most:g}")
    if field.type is Whole:
        if any(each != int(each) for each in pair):
            raise ValueError(f"{name} = {text_of(pair)}: give whole numbers")
        return tuple(int(each) for each in pair)
    return tuple(float(each) for each in pair)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_value(name: str, text: str) -> Any:
    """The value of a field from a command line: `0.6`, `0.4..1`, or names with commas between them.

    Raises:
        ValueError: if it is none of these.
    """
    field = Degradation.__dataclass_fields__[name]
    if field.metadata["choices"]:
        return tuple(part.strip() for part in text.split(","))
    try:
        numbers = [float(part) for part in text.split("..")]
    except ValueError:
        raise ValueError(f"{name} = {text!r}: give a number, or LOW..HIGH") from None
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def text_of(value: Any) -> str:
    """A field's value as the command line takes it."""
    if not isinstance(value, tuple):
        return f"{value:g}" if _is_number(value) else str(value)
    if value and all(isinstance(each, str) for each in value):
        return ",".join(value)
    shown = [f"{each:g}" if _is_number(each) else repr(each) for each in value]
    return shown[0] if len(shown) == 2 and shown[0] == shown[1] else "..".join(shown)


BICUBIC = Degradation()
