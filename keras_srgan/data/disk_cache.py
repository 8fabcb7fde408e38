"""Decoded images larger than a bound wait in a file instead of in memory."""

import dataclasses
import tempfile
import threading
from typing import Any

import numpy as np

from keras_srgan.images import Image


class Spool:
    """Keeps decoded pixels as they are (uint8, uint16): in memory up to a bound, then in an unnamed file.

    Args:
        memory_gb: decoded gigabytes that may stay in memory; images beyond it are written to a file in the
            temporary folder and mapped from there. The file has no name, so its space comes back however the
            program ends.
    """

    def __init__(self, memory_gb: float = 2.0):
        self.left = memory_gb * 2**30
        self._file: Any = None
        self._lock = threading.Lock()

    def keep(self, image: Image) -> Image:
        """Returns the image, its pixels mapped from the file where memory is spent.

        Args:
            image: `Image`.

        Returns:
            `Image` of equal pixels.

        Raises:
            OSError: if the temporary folder is full.
        """
        lr = None if image.lr is None else self._keep(image.lr)
        return dataclasses.replace(image, pixels=self._keep(image.pixels), lr=lr)

    def _keep(self, pixels: np.ndarray) -> np.ndarray:
        with self._lock:
            if pixels.nbytes <= self.left:
                self.left -= pixels.nbytes
                return pixels
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="keras-srgan-")
            offset = self._file.seek(0, 2)
            self._file.write(np.ascontiguousarray(pixels).data)
            self._file.flush()
            return np.memmap(self._file, pixels.dtype, "r", offset, pixels.shape)
