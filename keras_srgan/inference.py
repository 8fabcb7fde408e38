"""Upscaling arrays: bit depth, range and tiles."""

from typing import Any

import keras
import numpy as np

from keras_srgan.layers import BicubicUpsampling2D, LocalDetail, SubpixelConv2D
from keras_srgan.resample import quantise

TILE = 192  # LR px of a tile's own part


def receptive_radius(generator: keras.Model) -> int:
    """How far, in LR pixels, an output pixel looks from the LR pixel that it belongs to.

    Walks the functional graph and adds up each layer's reach at its resolution.

    Args:
        generator: a functional model of convolutions, element-wise layers and `SubpixelConv2D`.

    Returns:
        Integer, rounded up.
    """
    reach: dict[str, tuple[float, int]] = {}  # layer name: (radius in LR px, resolution factor)
    for layer in generator.layers:
        inputs = []
        for node in layer._inbound_nodes:
            inputs += [reach[t._keras_history[0].name] for t in node.input_tensors if hasattr(t, "_keras_history")]
        radius = max((each[0] for each in inputs), default=0.0)
        factor = max((each[1] for each in inputs), default=1)
        if isinstance(layer, keras.layers.Conv2D):
            radius += (max(layer.kernel_size) // 2) / factor
        elif isinstance(layer, SubpixelConv2D):
            # One more output pixel: sub-pixel blocks are not centred on their input pixel.
            radius += (layer.kernel_size // 2) / factor + 1 / (factor * layer.scale)
            factor *= layer.scale
        elif isinstance(layer, LocalDetail):
            radius += (layer.window // 2) / factor
        elif isinstance(layer, BicubicUpsampling2D):
            radius, factor = radius + 2, factor * layer.scale
        reach[layer.name] = radius, factor
    return int(np.ceil(max(radius for radius, _ in reach.values())))


class Upscaler:
    """Enlarges arrays with a trained generator.

    Args:
        generator: `keras.Model` from LR to SR, both in `[-1, 1]`.
        scale: integer.
        channels: integer, the generator's channels.
        card: dictionary, the model card.
    """

    def __init__(self, generator: keras.Model, scale: int, channels: int, card: dict[str, Any] | None = None):
        self.generator, self.scale, self.channels = generator, scale, channels
        self.card = card or {}
        self.halo = receptive_radius(generator)

    def upscale(self, image: np.ndarray, max_value: float | None = None) -> np.ndarray:
        """Enlarges an image, or a batch of them.

        Large images go through in overlapping tiles that share their borders' surroundings, so the result
        is that of the whole image.

        Args:
            image: array `(H, W)`, `(H, W, C)` or `(N, H, W, C)`; uint8, uint16, or float in
                `[0, max_value]`. Any `C` goes, channel by channel, through a one-channel network.
            max_value: the value of white. Defaults to 255 for uint8, 65535 for uint16, 1.0 for floats.

        Returns:
            Array of the same dtype and number of axes, sides `scale` times as long, values in
            `[0, max_value]`.

        Raises:
            ValueError: for another dtype or shape, an empty array, or NaN and infinite values.
        """
        image = np.asarray(image)
        if image.dtype.kind == "f":
            full = 1.0
        elif image.dtype in (np.uint8, np.uint16):
            full = float(np.iinfo(image.dtype).max)
        else:
            raise ValueError(f"upscale: dtype {image.dtype}; convert to uint8, uint16 or float first")
        white = float(full if max_value is None else max_value)
        if image.ndim not in (2, 3, 4) or 0 in image.shape:
            raise ValueError(f"upscale: shape {image.shape}; give (H, W), (H, W, C) or (N, H, W, C)")
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise ValueError("upscale: the image holds NaN or infinite values; clean it first")
        if image.max() > white or image.min() < 0:
            raise ValueError(f"upscale: values {image.min()} to {image.max()} leave [0, {white:g}]; pass max_value")
        batch = image[None, ..., None] if image.ndim == 2 else image[None] if image.ndim == 3 else image
        lr = batch.astype("float32") * (2 / white) - 1
        sr = np.stack([self._image(each) for each in lr])
        sr = (sr + 1) * (white / 2)
        if image.dtype.kind == "f":
            result = np.clip(sr, 0, white).astype(image.dtype)
        else:
            result = quantise(sr, int(white), image.dtype)
        return result[0, ..., 0] if image.ndim == 2 else result[0] if image.ndim == 3 else result

    def _image(self, lr: np.ndarray) -> np.ndarray:
        """Enlarges `(H, W, C)` in `[-1, 1]`."""
        if lr.shape[2] == self.channels:
            return self._tiles(lr)
        if self.channels != 1:
            raise ValueError(f"upscale: {lr.shape[2]} channel(s) for a network of {self.channels}")
        return np.concatenate([self._tiles(lr[..., c : c + 1]) for c in range(lr.shape[2])], axis=-1)

    def _tiles(self, lr: np.ndarray) -> np.ndarray:
        h, w, channels = lr.shape
        s, halo = self.scale, self.halo
        sr = np.empty((h * s, w * s, channels), "float32")
        for y in range(0, h, TILE):
            for x in range(0, w, TILE):
                y1, x1 = min(y + TILE, h), min(x + TILE, w)
                top, left = max(0, y - halo), max(0, x - halo)
                tile = self._run(lr[top : y1 + halo, left : x1 + halo])
                tile = tile[(y - top) * s : (y1 - top) * s, (x - left) * s : (x1 - left) * s]
                sr[y * s : y1 * s, x * s : x1 * s] = tile
        return sr

    def _run(self, lr: np.ndarray) -> np.ndarray:
        # Two pixels are the least that the bicubic skip can mirror.
        h, w = lr.shape[:2]
        padded = np.pad(lr, ((0, max(0, 2 - h)), (0, max(0, 2 - w)), (0, 0)), mode="edge")
        sr = np.asarray(self.generator(padded[None], training=False))[0]
        return sr[: h * self.scale, : w * self.scale]
