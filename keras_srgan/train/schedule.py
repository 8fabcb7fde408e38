"""The course of a learning rate over a stage: a linear start, then constant, halving or cosine."""

import math

import keras
from keras import ops

DECAYS = ("constant", "cosine", "halve")


@keras.saving.register_keras_serializable("keras_srgan")
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly over `warmup` steps, then follows `decay`.

    Args:
        peak: float, the highest rate.
        decay: `"constant"`; `"cosine"`, down to a hundredth of the peak at the last step; or `"halve"`, at
            50, 75 and 90 % of the steps.
        steps: integer, the stage's steps.
        warmup: integer, steps of the linear start. Adam's first steps are as large as its rate allows,
            whatever the gradient: they can leave a network without normalisation dead.
    """

    def __init__(self, peak: float, decay: str = "constant", steps: int = 1, warmup: int = 0):
        if decay not in DECAYS:
            raise ValueError(f"decay {decay!r}: choose one of {', '.join(DECAYS)}")
        self.peak, self.decay, self.steps, self.warmup = peak, decay, max(1, steps), warmup

    def __call__(self, step):
        step = ops.cast(step, "float32")
        share = ops.minimum(step / self.steps, 1.0)
        rate = ops.cast(self.peak, "float32")
        if self.decay == "cosine":
            rate = rate * (0.01 + 0.99 * 0.5 * (1.0 + ops.cos(math.pi * share)))
        elif self.decay == "halve":
            for bound in (0.5, 0.75, 0.9):
                rate = ops.where(share >= bound, rate / 2, rate)
        return rate * ops.minimum((step + 1.0) / max(1, self.warmup), 1.0)

    def get_config(self):
        return {"peak": self.peak, "decay": self.decay, "steps": self.steps, "warmup": self.warmup}
