"""The history of a run: CSV, curves, TensorBoard, pictures."""

import csv
import io
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_srgan.files import write_atomically, write_text
from keras_srgan.images.display import stretch, to_grey_levels
from keras_srgan.metrics import psnr
from keras_srgan.train.callbacks import pictures
from keras_srgan.train.callbacks.progress import Progress
from keras_srgan.train.callbacks.tensorboard import Events


class Recorder(keras.callbacks.Callback):
    """Keeps the history, and renews the CSV, the TensorBoard events, the curves and the pictures.

    Args:
        folder: the run folder.
        stage: the stage's name.
        history: list of rows, one an epoch of any stage; grows.
        preview: LR, bicubic and HR of a few images, arrays `(N, H, W, C)` in `[-1, 1]`.
        baseline: dictionary: bicubic's figures on the validation crops.
        progress: `Progress`, for the rate.
        generator: `keras.Model`, whose pictures are kept.
    """

    def __init__(
        self, folder: Path, stage: str, history: list[dict], preview, baseline: dict, progress: Progress, generator
    ):
        super().__init__()
        self.folder, self.stage, self.history = folder, stage, history
        self.lr, self.bicubic, self.hr = preview
        self.baseline, self.progress, self.generator = baseline, progress, generator
        self.events = Events(folder / "tensorboard" / stage)

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        row: dict[str, Any] = {"stage": self.stage, "epoch": epoch + 1}
        row |= {name: float(value) for name, value in (logs or {}).items()}
        row |= self.baseline
        row["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
        row["patches_per_second"] = round(self.progress.rate, 2)
        row["seconds"] = round(time.monotonic() - self.started, 1)
        self.history.append(row)
        write_log(self.folder / "log.csv", self.history)
        write_atomically(self.folder / "curves.png", lambda path: pictures.curves(self.history, path))
        scalars = {name: value for name, value in row.items() if isinstance(value, float) and math.isfinite(value)}
        self.events.write(epoch + 1, scalars, {"bicubic | SR | HR | error": self._pictures(epoch)})

    def _pictures(self, epoch: int) -> np.ndarray:
        sr = np.asarray(self.generator(self.lr, training=False))
        high, low, enlarged = (np.clip(each / 2 + 0.5, 0, 1) for each in (self.hr, self.bicubic, sr))
        figures = zip(np.asarray(psnr(high, low)), np.asarray(psnr(high, enlarged)), strict=True)
        notes = [f"{before:.2f} dB|{after:.2f} dB" for before, after in figures]
        picture = pictures.comparison(self.bicubic, sr, self.hr, notes)
        name = f"{self.stage}-{epoch + 1:03}.png"
        pictures.save_picture(self.folder / "previews" / name, picture)
        first = stretch([sr[0]], self.hr[0])[0]
        grey = to_grey_levels(first)
        pictures.save_picture(self.folder / "previews" / "sr" / name, grey[..., 0] if grey.shape[2] == 1 else grey)
        return picture


def write_log(path: Path, history: Sequence[dict]) -> None:
    """Writes the history as CSV, whole, so that it always agrees with the checkpoint."""
    names = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())
