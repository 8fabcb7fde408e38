"""What happens around the steps: progress, guard, previews, logs and checkpoints."""

import csv
import io
import math
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_srgan import heap, pictures
from keras_srgan.checkpoint import save_checkpoint
from keras_srgan.events import Events
from keras_srgan.files import write_atomically, write_text
from keras_srgan.weights import save_weights

AGREE = 10  # steps after which hosts look whether to stop, all at the same ones
SATURATED = 1e-3  # D(HR) and D(SR) this near to 1 and 0 teach the generator nothing


class Interrupted(Exception):
    """Training was asked to stop; the state is saved."""


class Collapsed(Exception):
    """Training has failed: not a number, or images far worse than before."""


def clock(seconds: float) -> str:
    """`75` -> `1:15`."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def agreeing(step: int, model: keras.Model) -> bool:
    """Whether this is a step behind which hosts agree."""
    return step % AGREE < model.steps_per_execution


class Counter(keras.callbacks.Callback):
    """Counts the finished steps of the epoch, before anybody reads the count.

    Args:
        progress: mutable dictionary, with `step`.
        keeps: whether the first step's buffers are kept for the next ones.
    """

    def __init__(self, progress: dict, keeps: bool):
        super().__init__()
        self.progress, self.keeps = progress, keeps

    def on_train_batch_end(self, batch, logs=None):
        self.progress["step"] += self.model.steps_per_execution
        if self.keeps:
            np.asarray(logs["loss"])  # the step is done
            heap.keep()
            self.keeps = False


class Progress(keras.callbacks.Callback):
    """Prints where training is: one line that renews itself on a terminal, a line an epoch elsewhere.

    Args:
        stage: the stage's name.
        epochs, steps: integers, of the stage.
        batch: integer.
        position: mutable dictionary with `epoch` and `step`, the position in the stage.
        say: function that prints a line.
        hosts: integer, how many train together.
    """

    def __init__(self, stage: str, epochs: int, steps: int, batch: int, position: dict, say: Callable, hosts: int = 1):
        super().__init__()
        self.stage, self.epochs, self.steps, self.batch = stage, epochs, steps, batch
        self.position, self.say, self.hosts = position, say, hosts
        self.live = sys.stderr.isatty()
        self.shown = 0.0
        self.rate = float("nan")
        self.done = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.started, self.first = time.monotonic(), self.position["step"]

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        step = self.position["step"]
        # A loss that ends the run must end it for all hosts: they look at the same steps.
        due = agreeing(step, self.model) if self.hosts > 1 else time.monotonic() - self.shown >= 1.0
        first = self.done == 1
        if not (due or first or step >= self.steps):
            return
        # Reading the losses waits for the step: JAX, and a GPU, only have it queued.
        values = {name: float(value) for name, value in (logs or {}).items()}
        now = self.shown = time.monotonic()
        if first:
            # The first step holds the compilation: the clock starts after it.
            self.started, self.first = now, step
        if not all(math.isfinite(value) for value in values.values()):
            raise Collapsed(f"a loss is not a number ({self._losses(values)})")
        counted = step - self.first
        if counted:
            self.rate = counted * self.batch / (now - self.started)
        if self.live:
            left = (self.epochs - self.position["epoch"]) * self.steps - step
            line = (
                f"{self.stage} epoch {self.position['epoch'] + 1}/{self.epochs} step {step}"
                f"/{self.steps}  {self._losses(values)}  {self.rate:.1f} patches/s  "
                f"{clock(left * self.batch / self.rate) if self.rate > 0 else '?'} left"
            )
            print(f"\r{line[:150]:<150}", end="", file=sys.stderr, flush=True)

    @staticmethod
    def _losses(values: dict[str, float]) -> str:
        return " ".join(f"{name} {value:.4g}" for name, value in values.items() if not name.startswith("val_"))

    def on_epoch_end(self, epoch, logs=None):
        if self.live:
            print("\r" + " " * 150 + "\r", end="", file=sys.stderr)
        left = (self.epochs - epoch - 1) * self.steps * self.batch
        logs = logs or {}
        self.say(
            f"{self.stage} epoch {epoch + 1}/{self.epochs}  {self._losses(logs)}  "
            f"val PSNR {logs.get('val_psnr', float('nan')):.2f} dB  {self.rate:.1f} patches/s  "
            f"{clock(left / self.rate) if self.rate > 0 else '?'} left"
        )


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
        scalars = {name: value for name, value in row.items() if isinstance(value, float)}
        self.events.write(epoch + 1, scalars, {"bicubic | SR | HR | error": self._pictures(epoch)})

    def _pictures(self, epoch: int) -> np.ndarray:
        sr = np.asarray(self.generator(self.lr, training=False))
        notes = []
        for low, mid, high in zip(self.bicubic, sr, self.hr, strict=True):
            notes.append("|".join(f"{_psnr(high, each):.2f} dB" for each in (low, mid)))
        picture = pictures.comparison(self.bicubic, sr, self.hr, notes)
        name = f"{self.stage}-{epoch + 1:03}.png"
        pictures.save_picture(self.folder / "previews" / name, picture)
        first = pictures.stretch([sr[0]], self.hr[0])[0]
        grey = pictures.to_grey_levels(first)
        pictures.save_picture(self.folder / "previews" / "sr" / name, grey[..., 0] if grey.shape[2] == 1 else grey)
        return picture


def _psnr(hr: np.ndarray, sr: np.ndarray) -> float:
    return float(20 * np.log10(2 / np.sqrt(np.mean((hr - np.clip(sr, -1, 1)) ** 2) + 1e-20)))


def write_log(path: Path, history: Sequence[dict]) -> None:
    """Writes the history as CSV, whole, so that it always agrees with the checkpoint."""
    names = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())


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
        if best is None or logs["val_psnr"] > best:
            self.progress["best_psnr"] = logs["val_psnr"]
            save_weights(self.model.ema_generator, self.best_path)
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


class Checkpoint(keras.callbacks.Callback):
    """Writes the checkpoint after each epoch and every few minutes, and answers SIGINT and SIGTERM.

    Args:
        path: the checkpoint's file.
        progress: mutable dictionary, saved whole; its `epoch` is kept up to date here.
        steps: integer, steps in an epoch.
        minutes: float, the time between checkpoints inside an epoch.
        metric_values: running means to put back at the first epoch's start, when it is resumed midway.
        replicas: `Replicas`. What one of several hosts was asked, all answer, behind the same step.
    """

    def __init__(self, path: Path, progress: dict, steps: int, minutes: float, metric_values, replicas):
        super().__init__()
        self.path, self.progress, self.steps, self.minutes = path, progress, steps, minutes
        self.metric_values, self.replicas = metric_values, replicas
        self.asked = False

    def on_train_begin(self, logs=None):
        self.saved = time.monotonic()
        self.before = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self.before[number] = signal.signal(number, self._ask)
            except ValueError:  # not the main thread, as in some notebooks
                pass

    def _ask(self, *_):
        self.asked = True

    def restore_signals(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def on_epoch_begin(self, epoch, logs=None):
        if self.metric_values:
            # fit() has just reset them; a resumed epoch goes on with its means.
            for metric, values in zip(self.model.metrics, self.metric_values, strict=True):
                for variable, value in zip(metric.variables, values, strict=True):
                    variable.assign(value)
            self.metric_values = None

    def on_train_batch_end(self, batch, logs=None):
        if self.progress["step"] >= self.steps:
            return  # the epoch's end saves and stops
        due = self.replicas.hosts == 1 or agreeing(self.progress["step"], self.model)
        stop = due and self.replicas.anybody(self.asked)
        if stop or time.monotonic() - self.saved > 60 * self.minutes:
            self.save()
        if stop:
            raise Interrupted

    def on_epoch_end(self, epoch, logs=None):
        self.progress["epoch"], self.progress["step"] = epoch + 1, 0
        self.save()
        if self.replicas.anybody(self.asked):
            raise Interrupted

    def save(self) -> None:
        save_checkpoint(self.path, self.model, self.progress)
        self.saved = time.monotonic()
