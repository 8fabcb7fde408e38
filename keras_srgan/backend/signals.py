"""The signals that ask a run to stop: who hears them, and when."""

import contextlib
import signal
from collections.abc import Iterator

STOPS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # SIGHUP: the terminal closed; SIGBREAK: Windows's Ctrl-Break


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in STOPS if hasattr(signal, name)]


@contextlib.contextmanager
def left_to_python() -> Iterator[None]:
    """Undoes what an engine does to signals inside.

    TensorFlow and JAX catch SIGTERM when they join hosts, past Python, and do nothing with it: a host that was asked
    to stop would go on as if nothing had been said.
    """
    before = {number: signal.getsignal(number) for number in _numbers()}
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # not the main thread
            for number, handler in before.items():
                if handler is not None:  # None: somebody else's already
                    signal.signal(number, handler)


class StopRequest:
    """Remembers whether the process was asked to stop, while it is entered.

    Example:

    >>> with StopRequest() as stop:
    ...     while not stop.asked:
    ...         work()
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict = {}

    def __enter__(self) -> "StopRequest":
        for number in _numbers():
            if number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) == signal.SIG_IGN:
                continue  # nohup: it is to go on
            with contextlib.suppress(ValueError):  # not the main thread, as in some notebooks
                self._before[number] = signal.signal(number, self._ask)
        return self

    def _ask(self, *_: object) -> None:
        self.asked = True

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
