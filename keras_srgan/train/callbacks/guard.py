"""Keeps the best generator, and stops a stage that has gone wrong."""

import math
from pathlib import Path

import keras

from keras_srgan.networks.fusing import fuse
from keras_srgan.weights import save_weights

SATURATED = 1e-3  # D(HR) and D(SR) this near to 1 and 0 teach the generator nothing


class Collapsed(Exception):
    """Training has failed: not a number, or images far worse than before."""


class Guard(keras.callbacks.Callback):
    """Keeps the best generator, and stops a stage that has gone wrong.

    Args:
        best_path: where the best averaged generator is kept.
        progress: mutable dictionary with `best_psnr` and `saturated`.
        collapse_db: validation PSNR may fall this far below its best, in dB.
        saturated_epochs: integer, how many epochs in a row the discriminator may win by far.
    """

    def __init__(self, best_path: Path, progress: dict, collapse_db: float, saturated_epochs: int):
        super().__init__()
        self.best_path, self.progress = best_path, progress
        self.collapse_db, self.saturated_epochs = collapse_db, saturated_epochs
        self.message: str | None = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        bad = [name for name, value in logs.items() if not math.isfinite(value) and name != "val_psnr"]
        if bad or math.isnan(logs["val_psnr"]):
            raise Collapsed(f"{', '.join(bad) or 'val_psnr'} is not a number in epoch {epoch + 1}")
        best = self.progress.get("best_psnr")
        if math.isinf(logs["val_psnr"]):  # images of one value, or equal ones: nothing to compare
            if best is None:
                save_weights(fuse(self.model.ema_generator), self.best_path)
        elif best is None or logs["val_psnr"] > best:
            self.progress["best_psnr"] = logs["val_psnr"]
            save_weights(fuse(self.model.ema_generator), self.best_path)
        elif logs["val_psnr"] < best - self.collapse_db:
            raise Collapsed(
                f"validation PSNR fell to {logs['val_psnr']:.2f} dB in epoch {epoch + 1}, best {best:.2f} dB"
            )
        won = logs.get("d_real", 0) > 1 - SATURATED and logs.get("d_fake", 1) < SATURATED
        self.progress["saturated"] = self.progress.get("saturated", 0) + 1 if won else 0
        if self.progress["saturated"] >= self.saturated_epochs:
            self.message = (
                f"stopped after epoch {epoch + 1}: D told HR from SR without error for {self.saturated_epochs} "
                f"epochs, its gradient teaches nothing more; lower --lr or raise --adversarial-weight"
            )
            self.model.stop_training = True
