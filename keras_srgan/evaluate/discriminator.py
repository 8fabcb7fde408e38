"""The discriminator as a classifier: real patches against generated ones, on images it has not seen."""

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.backend.settings import keras_settings
from keras_srgan.evaluate.protocols import Pair
from keras_srgan.files import sha256
from keras_srgan.images import luma
from keras_srgan.networks import build_discriminator
from keras_srgan.weights import find_discriminator, load_weights

PATCHES = 4  # of each image


def classification(real: np.ndarray, fake: np.ndarray, threshold: float = 0.5) -> dict[str, Any]:
    """The figures of a two-class decision; "real" is the positive class.

    Args:
        real, fake: arrays of the probability of being real, for real and for generated patches.
        threshold: float; above it a patch counts as real.

    Returns:
        Dictionary of `accuracy`, `precision`, `recall`, `f1`, `auc` (the area under the ROC curve; ties count
        half), `confusion` `[[tn, fp], [fn, tp]]`, `real` and `fake` (their numbers). A ratio without a
        denominator is NaN.

    Raises:
        ValueError: if one of the classes is empty.
    """
    real, fake = np.ravel(real).astype("float64"), np.ravel(fake).astype("float64")
    if not real.size or not fake.size:
        raise ValueError(f"{real.size} real and {fake.size} generated patches; both are needed")
    tp, fp = int((real > threshold).sum()), int((fake > threshold).sum())
    fn, tn = real.size - tp, fake.size - fp
    _, place, counts = np.unique(np.concatenate([real, fake]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    nan = float("nan")
    return {
        "accuracy": (tp + tn) / (real.size + fake.size),
        "precision": tp / (tp + fp) if tp + fp else nan,
        "recall": tp / real.size,
        "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else nan,
        "auc": float(ranks[: real.size].sum() - real.size * (real.size + 1) / 2) / (real.size * fake.size),
        "confusion": [[tn, fp], [fn, tp]],
        "real": real.size,
        "fake": fake.size,
    }


class DiscriminatorTest:
    """A discriminator that sees the same patches of the originals and of each method's images.

    Args:
        name_or_path: as for `keras_srgan.weights.find_discriminator`.
        patches: integer, how many patches are taken of each image, at random.
        seed: integer. Places depend on the seed and the image's name only.

    Raises:
        FileNotFoundError: if the weights or the recipe are missing.
        ValueError: if they don't fit each other.
    """

    def __init__(self, name_or_path: str | Path, patches: int = PATCHES, seed: int = 0):
        file, self.recipe, self.name = find_discriminator(name_or_path)
        self.patches, self.seed = patches, seed
        self.sha256 = sha256(file)
        with keras_settings("float32"):
            self.network = build_discriminator(self.recipe)
        load_weights(self.network, file)
        self.real: list[np.ndarray] = []
        self.fake: dict[str, list[np.ndarray]] = {}

    def update(self, pair: Pair, versions: dict[str, np.ndarray]) -> None:
        """Judges the patches of an image and of its generated versions; one smaller than a patch is passed over."""
        assert pair.hr is not None
        size = self.recipe.patch
        if min(pair.hr.shape[:2]) < size:
            return
        rng = np.random.default_rng([self.seed, zlib.crc32(os.fsencode(pair.name))])
        corners = [[int(rng.integers(side - size + 1)) for side in pair.hr.shape[:2]] for _ in range(self.patches)]
        self.real.append(self._probabilities(pair.hr, corners, pair.max_value))
        for name, sr in versions.items():
            self.fake.setdefault(name, []).append(self._probabilities(sr, corners, pair.max_value))

    def _probabilities(self, image: np.ndarray, corners: list[list[int]], max_value: int) -> np.ndarray:
        if self.recipe.channels == 1 and image.ndim == 3:
            image = luma(image)
        elif self.recipe.channels == 3 and image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=2)
        size = self.recipe.patch
        cut = np.stack([image[y : y + size, x : x + size] for y, x in corners])
        batch = cut.reshape(*cut.shape[:3], -1).astype("float32") * (2 / max_value) - 1
        # A PatchGAN judges many places of a patch: their mean.
        return np.asarray(self.network(batch, training=False)).reshape(len(batch), -1).mean(axis=1)

    def results(self) -> list[dict[str, Any]]:
        """`classification` of each method's patches against the real ones, with the `name` of both networks."""
        return [
            {"name": f"{self.name} on {name}", **classification(np.concatenate(self.real), np.concatenate(fake))}
            for name, fake in self.fake.items()
        ]
