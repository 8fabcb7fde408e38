"""Which weights suit an image, by what it shows of its own degradation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from keras_srgan.degradation.estimate import Findings, examine
from keras_srgan.images.depth import is_faint
from keras_srgan.inference.pretrained import load
from keras_srgan.weights import find_weights

if TYPE_CHECKING:
    from keras_srgan.inference.upscaler import Upscaler

AUTO = "auto"
# The first of each that is there. `xray-real` is for who asks for it: it draws lines into what noise has hidden.
CLEAN = ("xray-srgan-plus",)
DEGRADED = ("xray-real-fast", "xray-real-pretrained", "xray-srgan-plus-pretrained")
# Above NOISY the SSIM of what learned on clean images falls below bicubic's, and from JPEG of quality 90 down: see
# docs/degradation.md.
NOISY = 1.5  # grey levels of 255
SOFT = 0.8  # share of Nyquist


@dataclass(frozen=True)
class Choice:
    """What was found in an image, and the weights that suit it.

    Args:
        weights: their name.
        reason: why these.
        findings: `Findings`, or `None` where the image is too small.
    """

    weights: str
    reason: str
    findings: Findings | None = None

    def __str__(self) -> str:
        found = f"{self.findings}: " if self.findings else ""
        return f"{found}weights {self.weights} ({self.reason})"


def choose_weights(image: np.ndarray, max_value: float | None = None) -> Choice:
    """Chooses weights for an image, of scale 4, among those that are there.

    Args:
        image: array `(H, W)` or `(H, W, 3)`, any dtype.
        max_value: the value of white; `None`: the dtype's, 1 for floats.

    Returns:
        A `Choice`.

    Example:

    >>> print(choose_weights(image))
    noise 3.1 grey levels, no JPEG blocks, detail up to 62% of the sampling limit: weights xray-real-fast
    (noise above 1.5)
    """
    white = max_value or (np.iinfo(image.dtype).max if image.dtype.kind in "iu" else 1.0)
    if is_faint(image, white):
        white = float(image.max()) - float(image.min()) or white
    try:
        found = examine(image, white)
    except ValueError:
        return Choice(_first(CLEAN), "too small to judge")
    if found.compressed:
        return Choice(_first(DEGRADED), "JPEG", found)
    if found.noise > NOISY:
        return Choice(_first(DEGRADED), f"noise above {NOISY:g}", found)
    if found.cutoff < SOFT:
        return Choice(_first(DEGRADED), f"no detail above {SOFT:.0%}: blurred, or enlarged before", found)
    return Choice(_first(CLEAN), "clean", found)


def _first(names: tuple[str, ...]) -> str:
    for name in names[:-1]:
        try:
            find_weights(name)
            return name
        except FileNotFoundError:
            pass
    return names[-1]


class AutoUpscaler:
    """Enlarges each image by the weights that suit it; they are loaded when first wanted.

    Args:
        make: function from a name of weights to an `Upscaler`.

    Raises:
        FileNotFoundError: if there are no weights for clean images.
    """

    scale, channels = 4, 1

    def __init__(self, make: Callable[[str], "Upscaler"] = load):
        self.make = make
        self.loaded: dict[str, Upscaler] = {}
        self.card = {"name": AUTO}
        self._get(CLEAN[-1])

    def _get(self, name: str) -> "Upscaler":
        if name not in self.loaded:
            self.loaded[name] = self.make(name)
        return self.loaded[name]

    def suited(self, image: np.ndarray, max_value: float | None = None) -> "tuple[Upscaler, Choice]":
        """The upscaler for an image, and why; arguments as for `choose_weights`."""
        choice = choose_weights(image, max_value)
        return self._get(choice.weights), choice

    def upscale(self, image: np.ndarray, max_value: int | None = None) -> np.ndarray:
        """Enlarges an array as `Upscaler.upscale` does."""
        return self.suited(image, max_value)[0].upscale(image, max_value)
