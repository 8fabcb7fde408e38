"""The degradations that have a name."""

from typing import Any

from keras_srgan.degradation.settings import Degradation

PRESETS = {
    each.name: each
    for each in (
        Degradation("bicubic"),
        # A flat-panel detector: scatter and scintillator blur, elements that fill most of their pitch, quanta.
        Degradation(
            "detector",
            mtf=(0.5, 0.9),
            aperture=(0.7, 1.0),
            reduction=("sample",),
            domain=("log",),
            latitude=(1.0, 2.0),
            dose=(300, 30_000),
            readout=(0.0, 1.0),
        ),
        # Reduced for a teaching file or a web viewer: resized, windowed to 8 bits, compressed.
        Degradation(
            "archive",
            mtf=(0.7, 1.0),
            reduction=("bicubic", "area"),
            bits=(8, 8),
            codec=("jpeg", "jpeg", "jpeg2000"),
            quality=(40, 95),
            rate=(4, 16),
            shift=(0, 7),
        ),
        # The spread that `xray-real` learns.
        Degradation(
            "real",
            clean=0.15,
            mtf=(0.35, 1.0),
            anisotropy=(1.0, 1.5),
            angle=(0, 180),
            aperture=(0.0, 0.6),
            reduction=("bicubic", "bicubic", "area", "binning"),
            domain=("linear", "log"),
            latitude=(1.0, 2.0),
            dose=(300, 30_000),
            readout=(0.0, 2.0),
            grain=(0.0, 0.6),
            codec=("none", "none", "jpeg", "jpeg", "jpeg2000"),
            quality=(40, 95),
            rate=(4, 16),
            shift=(0, 7),
        ),
    )
}


def find_degradation(name: str) -> Degradation:
    """A preset by name.

    Raises:
        ValueError: naming those there are.

    Example:

    >>> find_degradation("bicubic").name
    'bicubic'
    """
    if name not in PRESETS:
        raise ValueError(f"unknown degradation {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def changed(degradation: Degradation, changes: "Degradation | str | dict[str, Any]") -> Degradation:
    """A degradation after a change: another one, a preset's name, or fields (`name` first: the preset they begin from).

    Raises:
        ValueError: for an unknown preset or field, or a value that the field does not take.
    """
    if isinstance(changes, Degradation):
        return changes
    if isinstance(changes, str):
        return find_degradation(changes)
    if not isinstance(changes, dict):
        raise ValueError(f"degradation = {changes!r}: give a preset's name or a table of fields")
    name = changes.get("name", degradation.name)
    return PRESETS.get(name, degradation).replace(**changes) if "name" in changes else degradation.replace(**changes)
