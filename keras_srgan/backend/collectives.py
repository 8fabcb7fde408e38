"""What devices tell each other within a step: means for what looks at a whole batch, and rows for wide layers."""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

import keras
from keras import ops


@dataclass(frozen=True)
class Collectives:
    """The devices that share a step: the mean of a tensor over them, all rows of one in their order, their number."""

    mean: Callable
    rows: Callable
    count: int


_COLLECTIVES: ContextVar[Collectives | None] = ContextVar("collectives", default=None)


@contextlib.contextmanager
def using_collectives(together: Collectives):
    """Has what is traced inside ask these devices."""
    token = _COLLECTIVES.set(together)
    try:
        yield
    finally:
        _COLLECTIVES.reset(token)


def collectives() -> Collectives | None:
    """The devices that share the step being traced; `None` where one is alone, or asks nobody."""
    return _COLLECTIVES.get()


def global_mean(x):
    """The mean of a tensor over all devices; of one device, the tensor."""
    devices = collectives()
    return devices.mean(x) if devices else x


def all_reduce_mean(found, whole: Sequence[bool], mean: Callable):
    """The means over all devices of a structure of tensors, in one message.

    Args:
        found: structure of tensors.
        whole: booleans, of the first tensors, whether they are alike on all devices. What is not real, as the state of
            dropout's seeds, always is.
        mean: function of a list of tensors, their means.
    """
    tensors = keras.tree.flatten(found)
    alike = [
        known or not keras.backend.is_float_dtype(keras.backend.standardize_dtype(each.dtype))
        for each, known in zip(tensors, itertools.chain(whole, itertools.repeat(False)), strict=False)
    ]
    means = iter(mean([each for each, same in zip(tensors, alike, strict=True) if not same]))
    every = [each if same else next(means) for each, same in zip(tensors, alike, strict=True)]
    return keras.tree.pack_sequence_as(found, every)


def whole_gradients(network) -> list[bool]:
    """Tells of each trainable variable whether every device finds the mean gradient over all by itself."""
    kernels = {id(layer.kernel) for layer in network.layers if getattr(layer, "exchanges_rows", False)}
    return [id(variable) in kernels for variable in network.trainable_variables]


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


class FiniteAverage(Average):
    """The mean of all values but the infinite ones, as PSNR is of equal images; infinite where there are no others."""

    def update_state(self, values):
        values = ops.cast(values, "float32")
        infinite = ops.isinf(values)
        self.total.assign_add(ops.sum(ops.where(infinite, ops.zeros_like(values), values)))
        self.count.assign_add(ops.sum(ops.cast(~infinite, "float32")))

    def result(self):
        return ops.where(self.count > 0, super().result(), float("inf"))
