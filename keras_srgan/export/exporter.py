"""Exports of networks: written whole, measured against Keras, with their card."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keras_srgan.export.formats import CONTRACT, FORMATS
from keras_srgan.files import temporary_folder
from keras_srgan.packages import require
from keras_srgan.terminal import stderr_aside
from keras_srgan.version import __version__

if TYPE_CHECKING:
    import keras

    from keras_srgan.export.formats import Run
    from keras_srgan.inference import Upscaler

PLACE = (slice(400, 461), slice(600, 675))  # ribs and lung, px of the embedded radiograph reduced by 2
LIMIT = 1e-2  # grey levels of 255 that a float32 export may differ from Keras


@dataclass(frozen=True)
class Export:
    """What was written.

    Args:
        files: list of paths, the export itself first.
        megabytes: float, in all.
        largest: float, the largest difference from Keras on the tile of `parity`, in grey levels of 255.
        rms: float, the root mean square of the differences.
    """

    files: list[Path]
    megabytes: float
    largest: float
    rms: float


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps from the terminal what converters and runtimes say."""
    with stderr_aside(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parity(generator: "keras.Model", run: "Run") -> tuple[float, float]:
    """Measures an exported network against Keras on a tile of the embedded radiograph, and on its 17x16 px corner.

    Args:
        generator: functional model in `[-1, 1]`.
        run: function from `lr` to `sr`, NumPy arrays in `[0, 1]`.

    Returns:
        The largest and the root mean square difference, in grey levels of 255.
    """
    import keras
    import numpy as np

    from keras_srgan.data.sample import sample_radiograph

    image, channels = sample_radiograph(reduce=2), generator.inputs[0].shape[-1]
    plane = (image.pixels.reshape(image.pixels.shape[:2]) / image.max_value).astype("float32")
    # Colours that differ: each a pixel further.
    tile = np.stack([np.roll(plane, -i, axis=1)[PLACE] for i in range(channels)], axis=-1)[None]
    found = []
    with keras.device("cpu:0"):  # GPUs may round convolutions
        for lr in (tile, tile[:, :17, :16]):
            expected = np.asarray(generator(lr * 2 - 1, training=False)) / 2 + 0.5
            found.append(np.ravel(run(np.ascontiguousarray(lr)) - np.clip(expected, 0, 1)) * 255.0)
    differences = np.concatenate(found)
    return float(np.abs(differences).max()), float(np.sqrt(np.mean(differences**2)))


def check_form(kind: str, path: Path, quantize: str | None) -> None:
    """Refuses what a format does not offer.

    Raises:
        ValueError: for another suffix or smaller form than the format's.
    """
    form = FORMATS[kind]
    if form.suffix and path.suffix != form.suffix:
        raise ValueError(f"{path}: give NAME{form.suffix} for {kind}")
    if quantize and quantize not in form.quantize:
        offered = ", ".join(name for name, each in FORMATS.items() if quantize in each.quantize) or "none"
        raise ValueError(f"quantize {quantize!r}: not for {kind}; for {offered}")


def check(kind: str, path: Path, overwrite: bool) -> None:
    """Refuses what is bound to fail, before any work; needs no TensorFlow.

    Raises:
        ValueError: for a missing package, or a path that holds something else.
        FileExistsError: if there is something and it is not to be replaced.
    """
    form = FORMATS[kind]
    require(f"export: {kind}", form.extra, *form.packages)
    for target in (path, *(path.with_suffix(suffix) for suffix in form.companions)):
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} exists: give another --out, or --overwrite")
        if target.exists() and target.is_dir() != (not form.suffix):
            raise ValueError(f"{target}: a {'folder' if target.is_dir() else 'file'}, which {kind} can not replace")
    if path.is_dir() and any(path.iterdir()) and not (path / "saved_model.pb").is_file():
        raise ValueError(f"{path}: not a SavedModel, so it is not replaced: give another --out")


def export(
    upscaler: "Upscaler", kind: str, path: str | Path, quantize: str | None = None, overwrite: bool = False
) -> Export:
    """Writes a network for other programs, whole or not at all, and measures it.

    Args:
        upscaler: `Upscaler`, see `keras_srgan.load`.
        kind: one of `keras_srgan.export.formats.FORMATS`.
        path: `NAME.onnx`, `NAME.tflite`, `NAME.xml`, or a folder for a SavedModel.
        quantize: `None`, or one of the format's smaller forms.
        overwrite: whether to replace an export that exists.

    Returns:
        An `Export`.

    Raises:
        ValueError: for a wrong suffix or smaller form, a missing package, a layer that the format lacks, or a float32
            form that differs from Keras by more than 0.01 grey levels of 255.
        OSError: if `path` exists or can't be written; nothing half-written stays.

    Example:

    >>> export(keras_srgan.load("xray-srgan-plus"), "onnx", "xray.onnx")
    """
    path, form = Path(path), FORMATS[kind]
    check_form(kind, path, quantize)
    check(kind, path, overwrite)
    try:
        with temporary_folder(path.parent) as folder:
            made = folder / "new" / path.name
            made.parent.mkdir()
            with _quiet():
                form.write(upscaler.generator, made, quantize)
                largest, rms = parity(upscaler.generator, form.open(made))
            if not largest <= (float("inf") if quantize else LIMIT):  # also if it is NaN
                raise ValueError(f"export: {kind} differs from Keras by {largest:.3g} grey levels; nothing is written")
            measured = {"largest": largest, "rms": rms, "unit": "grey levels of 255, on the embedded radiograph"}
            about = {"format": kind, "quantize": quantize or "none", "parity": measured, "keras_srgan": __version__}
            form.describe(made, {**upscaler.card, "range": CONTRACT, "export": about})
            size = sum(each.stat().st_size for each in made.parent.rglob("*") if each.is_file())
            files = _place(made, path)
    except OSError as error:
        if error.errno is None:
            raise
        # The temporary name means nothing to the caller.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    return Export(files, size / 1e6, largest, rms)


def _place(made: Path, path: Path) -> list[Path]:
    """Moves what was made to its place, the export itself last."""
    for each in made.parent.rglob("*"):
        if each.is_file():
            with open(each, "rb+") as file:
                os.fsync(file.fileno())
    if path.is_dir():
        os.replace(path, made.parent.parent / "old")
    others = [each for each in made.parent.iterdir() if each != made]
    for each in (*others, made):
        os.replace(each, path.with_name(each.name))
    return [path, *(path.with_name(each.name) for each in others)]
