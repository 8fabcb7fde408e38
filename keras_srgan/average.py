"""A running mean that several devices and hosts can keep."""

import keras
from keras import ops


class Average(keras.metrics.Metric):
    """The mean of all values since the last reset.

    `keras.metrics.Mean` keeps a part on every device and asks all hosts when it is read; this one holds the same on
    each, so that one host can log it and save it.

    Args:
        name: string.
    """

    def __init__(self, name: str):
        super().__init__(name=name)
        self.total, self.count = (
            keras.Variable(0.0, dtype="float32", trainable=False, aggregation="only_first_replica", name=each)
            for each in ("total", "count")
        )

    def update_state(self, values):
        values = ops.cast(values, "float32")
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(ops.cast(ops.size(values), "float32"))

    def result(self):
        return ops.divide_no_nan(self.total, self.count)
