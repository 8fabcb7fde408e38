"""The mean over the devices that share a step, for what looks at a whole batch: BN and the relativistic losses."""

import contextlib
from collections.abc import Callable
from contextvars import ContextVar

_MEAN: ContextVar[Callable | None] = ContextVar("mean_of_all", default=None)


@contextlib.contextmanager
def shared_by(mean: Callable):
    """Has `mean_of_all` call `mean` in what is traced inside."""
    token = _MEAN.set(mean)
    try:
        yield
    finally:
        _MEAN.reset(token)


def mean_of_all(x):
    """The mean of a tensor over all devices; of one device, the tensor."""
    mean = _MEAN.get()
    return mean(x) if mean else x
