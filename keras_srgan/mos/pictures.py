"""The pictures that people judge: crops of different images, or whole images, in all versions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.data.labels import label_of, read_labels
from keras_srgan.images import Image
from keras_srgan.images.display import stretch, to_grey_levels
from keras_srgan.inference import Upscaler
from keras_srgan.resampling import crop_to_multiple, quantise, reduce_image, resize

REFERENCES = ("original", "bicubic")  # always among the versions
FLAT = 0.03  # of white: a crop whose standard deviation is below shows nothing to judge
TRIES = 32  # draws of a crop in one image
REACH = 4  # LR px around a crop that bicubic needs, both ways


def find_crop(
    pixels: np.ndarray, max_value: int, size: int, scale: int, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Draws a place for a crop that is not flat.

    Args:
        pixels: array `(H, W[, C])`, sides multiples of `scale`.
        max_value: the value of white.
        size: side of the crop, in pixels.
        scale: the place is a multiple of it.
        rng: NumPy generator.

    Returns:
        `(top, left)`, or `None` where the image is smaller than a crop or none of the draws shows anything.
    """
    places = [(side - size) // scale + 1 for side in pixels.shape[:2]]
    if min(places) < 1:
        return None
    for _ in range(TRIES):
        y, x = (int(rng.integers(count)) * scale for count in places)
        crop = pixels[y : y + size, x : x + size]
        if crop.reshape(size * size, -1).std(axis=0).max() >= FLAT * max_value:
            return y, x
    return None


def versions_of(
    pixels: np.ndarray,
    max_value: int,
    place: tuple[int, int],
    size: int,
    upscalers: Mapping[str, Upscaler],
    scale: int,
) -> dict[str, np.ndarray]:
    """Makes each method's version of a crop, as it is within the whole image.

    LR is antialiased bicubic of the surroundings that the networks look at, rounded to the source's grey levels.

    Args:
        pixels: uint8 or uint16 array `(H, W[, C])`, sides multiples of `scale`.
        max_value: the value of white.
        place: `(top, left)`, multiples of `scale`.
        size: side of the crop, a multiple of `scale`.
        upscalers: name to `Upscaler`.
        scale: integer.

    Returns:
        Name to uint8 array `(size, size[, C])`, contrast stretched alike in all.
    """
    halo = (max((each.halo for each in upscalers.values()), default=0) + REACH) * scale
    y0, x0 = (max(0, each - halo) for each in place)
    hr = pixels[y0 : place[0] + size + halo, x0 : place[1] + size + halo]
    y, x = place[0] - y0, place[1] - x0
    return whole_versions(hr, max_value, upscalers, scale, np.s_[y : y + size, x : x + size])


def whole_versions(
    hr: np.ndarray, max_value: int, upscalers: Mapping[str, Upscaler], scale: int, shown: tuple = np.s_[:, :]
) -> dict[str, np.ndarray]:
    """Each method's version of an image; of these what is `shown`, a slice, stretched alike in all."""
    lr = reduce_image(hr, scale, max_value)
    whole = {"original": hr, "bicubic": quantise(resize(lr, scale), max_value, hr.dtype)}
    whole |= {name: each.upscale(lr, max_value) for name, each in upscalers.items()}
    cut = [each[shown].astype("float32") * (2 / max_value) - 1 for each in whole.values()]
    return {name: to_grey_levels(each) for name, each in zip(whole, stretch(cut, cut[0]), strict=True)}


def make_crops(
    sources: Iterable[Callable[[], Image | None]],
    upscalers: Mapping[str, Upscaler],
    crops: int,
    size: int,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Draws crops from different images and makes all versions of them.

    Args:
        sources: a function per image that reads it, `None` if it can't; read only until there are enough crops.
        upscalers: name to `Upscaler`, all of one scale.
        crops: integer, how many.
        size: their side, in pixels.
        seed: chooses the images and the places.

    Returns:
        List of `{"image": name, "place": (top, left), "versions": {method: uint8 array}}`.

    Raises:
        ValueError: if a name or scale does not fit, `size` is not a multiple of the scale, or there are too few images.
    """
    scale = common_scale(upscalers)
    if crops < 1 or size < 8 * scale or size % scale:
        raise ValueError(f"{crops} crop(s) of {size} px: give at least one, and a size of 8 or more times {scale} px")
    rng, made, sources = np.random.default_rng(seed), [], list(sources)
    for i in rng.permutation(len(sources)):
        image = sources[i]()
        if image is None:
            continue
        pixels = crop_to_multiple(image.pixels, scale)
        place = find_crop(pixels, image.max_value, size, scale, rng)
        if place:
            versions = versions_of(pixels, image.max_value, place, size, upscalers, scale)
            made.append({"image": image.path.name, "place": place, "versions": versions})
        if len(made) == crops:
            return made
    raise ValueError(
        f"only {len(made)} of {len(sources)} image(s) have a {size} px crop that is not flat; "
        f"{crops} are needed: lower --crops or --size, or add images"
    )


def common_scale(upscalers: Mapping[str, Upscaler]) -> int:
    """The one scale of all networks; refuses none, several, and names that other versions have."""
    scales = {each.scale for each in upscalers.values()}
    if len(scales) != 1:
        found = ", ".join(f"{name} x{each.scale}" for name, each in upscalers.items()) or "none"
        raise ValueError(f"weights of one scale are needed to compare them; received {found}")
    taken = set(REFERENCES) & set(upscalers)
    if taken:
        raise ValueError(f"weights can't be called {sorted(taken)[0]!r}: that is another version; rename the file")
    return scales.pop()


def labelled(paths: Sequence[Path], folder: str | Path, labels: str | Path, finding: str) -> list[tuple[Path, bool]]:
    """The images that a table of labels names, and whether the finding is there.

    Args:
        paths: the images.
        folder: which they are below.
        labels: what `read_labels` reads.
        finding: one of its two labels.

    Raises:
        OSError, ValueError: as `read_labels`; for a finding that is no label.
    """
    known, names = read_labels(labels)
    if finding not in names:
        raise ValueError(f"--finding {finding!r}: not a label of {labels}, which has {' and '.join(names)}")
    named = [(path, label_of(path.relative_to(folder).as_posix(), known)) for path in paths]
    return [(path, label == finding) for path, label in named if label]


def make_cases(
    sources: Sequence[tuple[Callable[[], Image | None], bool]],
    upscalers: Mapping[str, Upscaler],
    cases: int,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Draws whole images, half of them with the finding, and makes all versions of them.

    Args:
        sources: for each image a function that reads it, `None` if it can't, and whether the finding is there.
        upscalers: name to `Upscaler`, all of one scale.
        cases: integer, how many; of an odd number one more has the finding.
        seed: chooses the images.

    Returns:
        As `make_crops`, with `truth`.

    Raises:
        ValueError: as `make_crops`; for too few images with or without the finding.
    """
    scale, rng, made = common_scale(upscalers), np.random.default_rng(seed), []
    for truth, wanted in ((True, cases - cases // 2), (False, cases // 2)):
        left = wanted
        members = [read for read, present in sources if present is truth]
        for i in rng.permutation(len(members)):
            image = members[i]() if left else None
            if image is not None:
                pixels = crop_to_multiple(image.pixels, scale)
                versions = whole_versions(pixels, image.max_value, upscalers, scale)
                made.append({"image": image.path.name, "place": (0, 0), "versions": versions, "truth": truth})
                left -= 1
        if left or not wanted:
            what = "with" if truth else "without"
            raise ValueError(f"{wanted - left} usable image(s) {what} the finding; {max(1, wanted)} are needed")
    return [made[i] for i in rng.permutation(len(made))]
