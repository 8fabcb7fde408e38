"""What devices tell each other within a step: means for what looks at a whole batch, and rows for wide layers."""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Together:
    """The devices that share a step: the mean of a tensor over them, all rows of one in their order, their number."""

    mean: Callable
    rows: Callable
    count: int


_TOGETHER: ContextVar[Together | None] = ContextVar("together", default=None)


@contextlib.contextmanager
def shared_by(together: Together):
    """Has what is traced inside ask these devices."""
    token = _TOGETHER.set(together)
    try:
        yield
    finally:
        _TOGETHER.reset(token)


def together() -> Together | None:
    """The devices that share the step being traced; `None` where one is alone, or asks nobody."""
    return _TOGETHER.get()


def mean_of_all(x):
    """The mean of a tensor over all devices; of one device, the tensor."""
    devices = together()
    return devices.mean(x) if devices else x


def averaged(found, whole: Sequence[bool], mean: Callable):
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
