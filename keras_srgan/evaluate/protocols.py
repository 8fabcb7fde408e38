"""Protocols: how HR and LR are made from a file, and which pixels a figure compares."""

import hashlib
import os
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_srgan.degradation.model import degrade
from keras_srgan.degradation.settings import BICUBIC, Degradation
from keras_srgan.images import Image, ImageError, luma, rgb_to_ycbcr
from keras_srgan.images.depth import same_depth
from keras_srgan.resampling import crop_to_multiple, quantise, reduce_image, resize_to

RESAMPLER = "antialiased bicubic (MATLAB's imresize, a = -0.5)"
SMALLEST = 11  # px, SSIM's window


@dataclass(frozen=True, eq=False)
class Pair:
    """What one image gives an evaluation.

    Args:
        name: the image's name in tables.
        hr: array `(H, W)` or `(H, W, 3)`, uint8 or uint16, or `None` where there is no original.
        lr: array of the same dtype.
        max_value: the value of white.
        digest: the sha256 of its files.
        deviation: RMS difference, in grey levels of 255, between an LR that was given and the one that the
            protocol would have made; `None` where the protocol made it.
    """

    name: str
    hr: np.ndarray | None
    lr: np.ndarray
    max_value: int
    digest: str = ""
    deviation: float | None = None


@dataclass(frozen=True)
class Protocol:
    """How figures are made.

    Args:
        name: what `--protocol` calls it.
        about: what is done to a file, in words.
        channel: `"gray"` (colour through its luma), `"y"` (the network sees RGB, the figure compares Y; a
            gray file as it is) or `"rgb"`.
        scale: integer factor; also the border that is left out of every figure but consistency, in pixels.
        image_size: `(height, width)` that every image is first resized to, or `None`.
        patch: side of the one crop taken at random from each image, or `None` for whole images.
        seed: integer, of the crops and the degradation, which depend on it and on the image's name only.
        bits: that the values of 16-bit raster files use; `None`: as `images.depth` finds them, file by file.
        degradation: `Degradation`, how LR is made of HR.

    Example:

    >>> pair = PROTOCOLS["cxr"].pair(keras_srgan.read_image("chest.png"))
    """

    name: str
    about: str
    channel: str
    scale: int = 4
    image_size: tuple[int, int] | None = None
    patch: int | None = None
    seed: int = 0
    bits: int | None = None
    degradation: Degradation = BICUBIC

    @property
    def border(self) -> int:
        return self.scale

    def replace(self, **changes: Any) -> "Protocol":
        return replace(self, **changes)

    def pair(self, image: Image, name: str | None = None) -> Pair:
        """Makes HR and LR of an image.

        Raises:
            ImageError: for an image too small to be compared.
        """
        name = name or image.path.name
        hr, white = self._tissue(image), image.max_value
        if self.image_size:
            hr = quantise(resize_to(hr, self.image_size), white, hr.dtype)
        self._check(min(hr.shape[:2]) // self.scale * self.scale, image)
        rng = np.random.default_rng([self.seed, zlib.crc32(os.fsencode(name))])
        if self.patch:
            top, left = (int(rng.integers(side - self.patch + 1)) for side in hr.shape[:2])
            hr = hr[top : top + self.patch, left : left + self.patch]
        hr = crop_to_multiple(hr, self.scale)
        plain = self.degradation.plain
        lr = reduce_image(hr, self.scale, white) if plain else degrade(hr, self.scale, white, self.degradation, rng)
        return Pair(name, hr, lr, white)

    def given(self, hr: Image, lr: Image, name: str) -> Pair:
        """Makes a pair of two files; HR is cropped to a multiple of the scale.

        Raises:
            ImageError: if HR is not `scale` times as large as LR, or their depths or colours differ.
        """
        hr, lr = same_depth(hr, lr)
        pixels, low = crop_to_multiple(self._pixels(hr), self.scale), self._pixels(lr)
        self._check(min(pixels.shape[:2]), hr)
        if pixels.shape != (low.shape[0] * self.scale, low.shape[1] * self.scale, *low.shape[2:]):
            raise ImageError(
                f"{name}: HR {hr.path} of {_size(hr)} is not {self.scale} times LR {lr.path} of {_size(lr)}"
            )
        if hr.max_value != lr.max_value:
            raise ImageError(f"{name}: white is {hr.max_value} in {hr.path}, but {lr.max_value} in {lr.path}")
        own = reduce_image(pixels, self.scale, hr.max_value)
        error = (own.astype("float64") - low) * (255 / hr.max_value)
        return Pair(name, pixels, low, hr.max_value, deviation=float(np.sqrt(np.mean(error**2))))

    def alone(self, lr: Image, name: str) -> Pair:
        """A pair without its original."""
        low = self._tissue(lr)
        self._check(min(low.shape[:2]) * self.scale, lr)
        return Pair(name, None, low, lr.max_value)

    def _tissue(self, image: Image) -> np.ndarray:
        """The channels that a network gets, without the padding around the tissue of a DICOM image."""
        pixels = self._pixels(image)
        return pixels if image.padding is None else pixels[image.padding.box()]

    def _pixels(self, image: Image) -> np.ndarray:
        """The channels that a network gets: `"y"` keeps what the file holds."""
        pixels = image.pixels
        if self.channel == "gray" and pixels.ndim == 3:
            return luma(pixels)
        return np.repeat(pixels[..., None], 3, axis=2) if self.channel == "rgb" and pixels.ndim == 2 else pixels

    def _check(self, side: int, image: Image) -> None:
        least = max(SMALLEST + 2 * self.border, self.patch or 0)
        if side < least:
            raise ImageError(f"{image.path}: {_size(image)}; protocol {self.name} needs HR of {least}x{least} px")

    def plane(self, image: np.ndarray, max_value: int) -> np.ndarray:
        """The values that a figure compares: Y of colour under `"y"`, rounded; else the image as it is."""
        if self.channel == "y" and image.ndim == 3:
            return quantise(rgb_to_ycbcr(image, max_value)[..., 0], max_value, image.dtype)
        return image

    def inner(self, image: np.ndarray, max_value: int) -> np.ndarray:
        """An image without its border, float32 `(1, H, W, C)` in `[0, 1]`."""
        b = self.border
        inner = image[b:-b, b:-b]
        return inner.reshape(1, *inner.shape[:2], -1).astype("float32") / max_value

    def describe(self, lr: str | None = None, depths: str = "") -> dict[str, Any]:
        """The protocol as every table prints it.

        Args:
            lr: where LR came from, if not from HR.
            depths: as `describe_depths` has it.
        """
        if depths and self.bits:
            depths += f"; said to be {self.bits}"
        made = RESAMPLER if self.degradation.plain else f"degradation {self.degradation.describe()}; seed {self.seed}"
        facts = {
            "resampler": lr or made,
            "rounding": "LR and SR rounded to the bit depth of the file",
            "border": f"{self.border} px left out on each side",
            "channel": {
                "gray": "gray; colour files through BT.601 luma",
                "y": "Y of YCbCr (MATLAB's rgb2ycbcr, rounded); gray files as they are",
                "rgb": "R, G and B together",
            }[self.channel],
            "range": "full range of the bit depth (255 for 8 bit)" + (f": {depths}" if depths else ""),
        }
        text = (
            f"Protocol {self.name}, x{self.scale}: {self.about}, cropped to a multiple of {self.scale}. "
            f"LR: {facts['resampler']}. Rounding: {facts['rounding']}. Border: {facts['border']}. "
            f"Channel: {facts['channel']}. Range: {facts['range']}."
        )
        return {"name": self.name, "text": text, "scale": self.scale, **facts, "border": self.border}


def digest(*parts: bytes) -> str:
    """The sha256 of some bytes, in hexadecimal."""
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _size(image: Image) -> str:
    return f"{image.pixels.shape[1]}x{image.pixels.shape[0]}" + (", colour" if image.pixels.ndim == 3 else "")


# A gaussian of 1.2 HR pixels at x4, noise of 3 grey levels at middle grey; then JPEG.
MILD = Degradation("cxr-real-mild", mtf=(0.64, 0.64), dose=(3400, 3400), readout=(2, 2))
HARD = MILD.replace(name="cxr-real-hard", codec="jpeg", quality=60)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("cxr", "whole radiographs, one channel", "gray"),
        Protocol(
            "cxr96",
            "radiographs resized to 720x1280 by antialiased bicubic, one 96x96 crop of each, seeded",
            "gray",
            image_size=(720, 1280),
            patch=96,
        ),
        Protocol(
            "cxr720",
            "whole radiographs, resized to 720x1280 by antialiased bicubic",
            "gray",
            image_size=(720, 1280),
        ),
        Protocol("cxr-real-mild", "whole radiographs, one channel, degraded", "gray", degradation=MILD),
        Protocol("cxr-real-hard", "whole radiographs, one channel, degraded", "gray", degradation=HARD),
        Protocol("natural-y", "whole photographs; networks see RGB, figures compare luma", "y"),
        Protocol("rgb", "whole photographs, colour", "rgb"),
    )
}


def find_protocol(name: str) -> Protocol:
    """A protocol by name.

    Raises:
        ValueError: for an unknown one, naming those there are.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"protocol {name!r} is not known: choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
