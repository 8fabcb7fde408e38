"""What an adapter gives: a peer's name, where it comes from, and a function that enlarges."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from peers.packages import Package

from keras_srgan.resampling import quantise


@dataclass
class Network:
    """A colour network, as a function that `keras_srgan.compare` takes.

    Args:
        run: function of a float32 array `(H, W, 3)` in `[0, 1]` to one four times as large.
        parameters: integer.
    """

    run: Callable[[np.ndarray], np.ndarray]
    parameters: int
    channels: int = 3

    def __call__(self, lr: np.ndarray, max_value: int) -> np.ndarray:
        sr = self.run(np.ascontiguousarray(lr, "float32") / np.float32(max_value))
        return quantise(sr.astype("float64") * max_value, max_value, lr.dtype)


@dataclass(frozen=True)
class Peer:
    """A peer of the table.

    Args:
        name: in the table.
        package: what holds its weights.
        weights: the files of the weights in the package.
        load: function of the package's folder to a `Network`.
        trained: on what, for what, in a few words.
        set5: dB, PSNR of Y on Set5 as published for this network, if it was.
        within: dB, how far from it our figure may be: 0.1 unless the weights were quantised or trained anew.
    """

    name: str
    package: Package
    weights: tuple[str, ...]
    load: Callable
    trained: str
    set5: float | None = None
    within: float = 0.1
