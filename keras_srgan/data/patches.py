"""Training patches: a pure function of (images, seed, step), in NumPy.

Since step `n` draws the same batch whenever it is asked for, resuming exactly is starting at `n`.
"""

from collections.abc import Sequence

import numpy as np

from keras_srgan.data.images import Image

TRIES = 8  # draws of a patch before the least flat one is taken


class PatchSampler:
    """Draws batches of HR patches.

    Every epoch visits the images in a new order, one patch at a time, so a batch's patches come from
    different images as long as there are enough. Flat patches (background, collimation) teach nothing: one
    whose standard deviation is below `flat * max_value` is redrawn in the same image, up to eight times.

    Args:
        images: list of `Image`, all gray or all colour.
        patch: integer, the side, in pixels.
        batch: integer, patches a batch.
        seed: integer.
        flat: share of white.
        augment: draw flips and right-angle rotations too.

    Raises:
        ValueError: if the batch is larger than the number of different patches that the images hold.
    """

    def __init__(
        self,
        images: Sequence[Image],
        patch: int,
        batch: int,
        seed: int = 0,
        flat: float = 0.0,
        augment: bool = True,
    ):
        self.images, self.patch, self.batch, self.seed = images, patch, batch, seed
        self.flat, self.augment = flat, augment
        places = sum((p.shape[0] - patch + 1) * (p.shape[1] - patch + 1) for p in (image.pixels for image in images))
        if places < batch:
            raise ValueError(
                f"a batch of {batch} is larger than the data: {len(images)} image(s) hold {places} different "
                f"{patch} px patch(es); lower --batch or --patch, or add images"
            )
        self.channels = 3 if images[0].pixels.ndim == 3 else 1
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, int))

    def _image_of(self, draw: int) -> int:
        lap, position = divmod(draw, len(self.images))
        order = self._order  # read once: the pipeline draws from several threads
        if order[0] != lap:
            order = lap, np.random.default_rng([self.seed, 1, lap]).permutation(len(self.images))
            self._order = order
        return int(order[1][position])

    def _crop(self, image: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
        best, best_spread = None, -1.0
        for _ in range(TRIES):
            y = rng.integers(image.shape[0] - self.patch + 1)
            x = rng.integers(image.shape[1] - self.patch + 1)
            crop = image[y : y + self.patch, x : x + self.patch]
            # Every second pixel tells flat from not flat at a quarter of the cost.
            spread = float(np.std(crop[::2, ::2], dtype="float32")) / level
            if spread > best_spread:
                best, best_spread = crop, spread
            if spread >= self.flat:
                break
        assert best is not None
        return best

    def draw(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws the batch of a step.

        Args:
            step: integer, from 0.

        Returns:
            HR patches, float32 `(batch, patch, patch, channels)` in `[-1, 1]`, and each source's value of
            white, float32 `(batch,)`.
        """
        hr = np.empty((self.batch, self.patch, self.patch, self.channels), "float32")
        levels = np.empty(self.batch, "float32")
        for i in range(self.batch):
            index = self._image_of(step * self.batch + i)
            rng = np.random.default_rng([self.seed, 2, step, i])
            image = self.images[index]
            levels[i] = image.max_value
            crop = self._crop(image.pixels, image.max_value, rng)
            if self.augment:
                crop = np.rot90(crop, int(rng.integers(4)))
                crop = crop[:, ::-1] if rng.integers(2) else crop
            hr[i] = crop.reshape(self.patch, self.patch, self.channels)
        hr *= (2.0 / levels)[:, None, None, None]
        hr -= 1.0
        return hr, levels
