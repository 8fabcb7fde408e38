"""Training patches: a pure function of (images, seed, step), in NumPy.

Since step `n` draws the same batch whenever it is asked for, resuming exactly is starting at `n`.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from keras_srgan.images import Image

TRIES = 8  # draws of a patch before the least flat one is taken, or the one with the strongest edges


def spread(pixels: np.ndarray) -> float:
    """The standard deviation."""
    return float(np.std(pixels, dtype="float32"))


def contrast(pixels: np.ndarray) -> float:
    """The root mean square step between neighbours."""
    steps = (np.diff(pixels.astype("float32"), axis=axis) for axis in (0, 1))
    return float(np.sqrt(sum(np.mean(np.square(step)) for step in steps)))


class PatchSampler:
    """Draws batches of HR patches.

    Every epoch visits the images in a new order, one patch at a time, so a batch's patches come from
    different images as long as there are enough. Flat patches (background, collimation) teach nothing: one
    whose standard deviation is below `flat * max_value` is redrawn in the same image, up to eight times. Letters and
    the film's border fill few patches and hold most of an image's squared error: the share `edges` of the patches is
    the one of eight with the strongest edges.

    Args:
        images: list of `Image`, all gray or all colour.
        patch: integer, the side, in pixels.
        batch: integer, patches a batch.
        seed: integer.
        flat: share of white.
        edges: float in `[0, 1]`.
        part: pair of integers `(index, count)`: draws only this one of so many equal parts of each batch.
        augment: draw flips and right-angle rotations too.
        rotate: float, the largest angle of free rotations, in degrees; an image too small for the larger square that
            they need stays upright.
        zoom_in: float, at least 1; a patch is cut up to so much smaller and enlarged by bicubic.
        zoom: float, at least 1; a patch is cut up to so much larger and reduced to its size, as if the image had been
            taken from farther away.
        scale: integer, HR's side over LR's; needed where the images bring their LR.

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
        zoom: float = 1.0,
        scale: int = 1,
        edges: float = 0.0,
        part: tuple[int, int] = (0, 1),
        rotate: float = 0.0,
        zoom_in: float = 1.0,
    ):
        self.images, self.patch, self.batch, self.seed = images, patch, batch, seed
        self.flat, self.augment, self.zoom, self.edges = flat, augment, zoom, edges
        self.rotate, self.zoom_in = rotate, zoom_in
        self.paired = images[0].lr is not None
        index, count = part
        self.rows = range(index * batch // count, (index + 1) * batch // count)
        self.grid = scale if self.paired else 1  # px; a pair's patches begin where LR has a pixel
        self.scale = scale
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

    def _side(self, image: np.ndarray, rng: np.random.Generator) -> tuple[int, float, int]:
        """The side of the square that becomes a patch, in pixels, its angle, in degrees, and the side around it."""
        side, angle, shorter = self.patch, 0.0, min(image.shape[:2])
        if self.zoom > 1 or self.zoom_in > 1:
            side = int(side * rng.uniform(1 / self.zoom_in, max(1, min(self.zoom, shorter / side))))
            side = max(self.grid, side - side % self.grid)
        around = side
        if self.rotate:
            angle = float(rng.uniform(-self.rotate, self.rotate))
            turn = np.deg2rad(angle)
            around = int(np.ceil(side * (abs(np.cos(turn)) + abs(np.sin(turn))) / self.grid)) * self.grid
            # The same number of pixels on each side.
            around += (around - side) % (2 * self.grid)
            if around > shorter:
                around, angle = side, 0.0
        return side, angle, around

    def _place(self, image: np.ndarray, side: int, level: float, rng: np.random.Generator) -> tuple[int, int, int]:
        """Top, left and side of a square that is not flat, in pixels."""
        edges = self.edges > 0 and rng.random() < self.edges
        measure, enough = (contrast, np.inf) if edges else (spread, self.flat)
        best, most = (0, 0, side), -1.0
        for _ in range(TRIES):
            y, x = (self.grid * int(rng.integers((length - side) // self.grid + 1)) for length in image.shape[:2])
            # Every second pixel tells flat from not flat at a quarter of the cost.
            found = measure(image[y : y + side : 2, x : x + side : 2]) / level
            if found > most:
                best, most = (y, x, side), found
            if found >= enough:
                break
        return best

    def _cut(
        self,
        image: np.ndarray,
        place: tuple[int, int, int],
        reduced: int,
        turn: tuple[int, int],
        side: int,
        angle: float = 0.0,
    ) -> np.ndarray:
        """A square of HR, or the same of an LR `reduced` times smaller, turned and at the size of its patch.

        Args:
            image: the pixels.
            place: top, left and side of the square around it, in pixels of HR.
            reduced: how much smaller `image` is than HR.
            turn: quarter turns, and whether it is mirrored.
            side, angle: those of the square itself.
        """
        y, x, around = (length // reduced for length in place)
        crop, size = image[y : y + around, x : x + around], self.patch // reduced
        if angle:
            matrix = cv2.getRotationMatrix2D(((around - 1) / 2,) * 2, angle, 1.0)
            crop = cv2.warpAffine(crop, matrix, (around, around), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            edge = (around - side // reduced) // 2
            crop = crop[edge : edge + side // reduced, edge : edge + side // reduced]
        if side // reduced != size:
            way = cv2.INTER_AREA if side // reduced > size else cv2.INTER_CUBIC
            crop = cv2.resize(crop, (size, size), interpolation=way)
        crop = np.rot90(crop, turn[0])
        return (crop[:, ::-1] if turn[1] else crop).reshape(size, size, self.channels)

    def draw(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws the batch of a step.

        Args:
            step: integer, from 0.

        Returns:
            HR patches, float32 `(rows, patch, patch, channels)` in `[-1, 1]`, and each source's value of
            white, float32 `(rows,)`. Of pairs, HR patches and LR patches
            `(rows, patch / scale, patch / scale, channels)`. All rows of the batch, or those of its part.
        """
        hr = np.empty((len(self.rows), self.patch, self.patch, self.channels), "float32")
        lr = np.empty((len(self.rows), *[self.patch // self.scale] * 2, self.channels), "float32")
        levels = np.empty(len(self.rows), "float32")
        for i, row in enumerate(self.rows):
            index = self._image_of(step * self.batch + row)
            rng = np.random.default_rng([self.seed, 2, step, row])
            image = self.images[index]
            levels[i] = image.max_value
            side, angle, around = self._side(image.pixels, rng)
            place = self._place(image.pixels, around, image.max_value, rng)
            turn = (int(rng.integers(4)), int(rng.integers(2))) if self.augment else (0, 0)
            hr[i] = self._cut(image.pixels, place, 1, turn, side, angle)
            if image.lr is not None:
                lr[i] = self._cut(image.lr, place, self.scale, turn, side, angle)
        for patches in (hr, lr) if self.paired else (hr,):
            patches *= (2.0 / levels)[:, None, None, None]
            patches -= 1.0
        return hr, lr if self.paired else levels
