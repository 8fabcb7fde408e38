"""The progress of a stage, in lines."""

import math
import time
from collections.abc import Callable

import keras

from keras_srgan.terminal import StatusLine
from keras_srgan.train.callbacks.checkpoint import agreeing
from keras_srgan.train.callbacks.guard import Collapsed


def clock(seconds: float) -> str:
    """`75` -> `1:15`."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Progress(keras.callbacks.Callback):
    """Prints where training is: one line that renews itself on a terminal, a line an epoch elsewhere.

    Args:
        stage: the stage's name.
        epochs, steps: integers, of the stage.
        batch: integer.
        position: mutable dictionary with `epoch` and `step`, the position in the stage.
        log: function that prints a line.
        hosts: integer, how many train together.
    """

    def __init__(self, stage: str, epochs: int, steps: int, batch: int, position: dict, log: Callable, hosts: int = 1):
        super().__init__()
        self.stage, self.epochs, self.steps, self.batch = stage, epochs, steps, batch
        self.position, self.log, self.hosts = position, log, hosts
        self.line = StatusLine()
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
        if self.line.live:
            left = (self.epochs - self.position["epoch"]) * self.steps - step
            self.line.show(
                step,
                self.steps,
                f"{self.stage} epoch {self.position['epoch'] + 1}/{self.epochs}  {self._losses(values)}  "
                f"{self.rate:.1f} patches/s  {clock(left * self.batch / self.rate) if self.rate > 0 else '?'} left",
            )

    @staticmethod
    def _losses(values: dict[str, float]) -> str:
        return " ".join(f"{name} {value:.4g}" for name, value in values.items() if not name.startswith("val_"))

    def on_epoch_end(self, epoch, logs=None):
        self.line.clear()
        left = (self.epochs - epoch - 1) * self.steps * self.batch
        logs = logs or {}
        self.log(
            f"{self.stage} epoch {epoch + 1}/{self.epochs}  {self._losses(logs)}  "
            f"val PSNR {logs.get('val_psnr', float('nan')):.2f} dB  {self.rate:.1f} patches/s  "
            f"{clock(left / self.rate) if self.rate > 0 else '?'} left"
        )
