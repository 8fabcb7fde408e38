"""Printing that costs no work: what a stream cannot show is replaced, and a stream that is gone is forgotten."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any


class Unfailing:
    """A text stream whose failures end nothing.

    A character outside of the stream's encoding is written as `\\uXXXX`. After the first error of any other kind (the
    reader of a pipe has left, the terminal is closed, the disk is full) the rest goes nowhere.

    Args:
        stream: the stream; `None`, or a closed one, for a program that was started without.
    """

    def __init__(self, stream: Any):
        self._stream: Any = stream
        try:
            os.fstat(stream.fileno())
        except AttributeError:
            self._lose()
        except (OSError, ValueError):  # closed below Python, or a stream of no file, as in a notebook
            if getattr(stream, "closed", True) or stream in (sys.__stdout__, sys.__stderr__):
                self._lose()
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            self._attempt(lambda: self._stream.write(text.encode("ascii", "backslashreplace").decode()))
        except (OSError, ValueError):
            self._lose()
        return len(text)

    def flush(self) -> None:
        self._attempt(lambda: self._stream.flush())

    def _attempt(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (OSError, ValueError):
            self._lose()

    def _lose(self) -> None:
        """Points the stream to nowhere, so that what waits in its buffer fails nobody at the end."""
        with contextlib.suppress(AttributeError, OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            return
        self._stream = open(os.devnull, "w", encoding="utf-8")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_missing_streams() -> None:
    """Points stdin, stdout and stderr to nowhere where a program was started without.

    The first files that are opened would take their places otherwise, and get what is printed.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))


@contextlib.contextmanager
def unfailing_streams() -> Iterator[None]:
    """Has stdout and stderr fail nobody inside."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (Unfailing(each) for each in before)  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def say(log: Callable[[str], object], text: str) -> None:
    """Calls a function that prints, which costs nothing where it can't.

    Args:
        log: function of a line.
        text: the line.
    """
    try:
        log(text)
    except UnicodeEncodeError:
        say(log, text.encode("ascii", "backslashreplace").decode())
    except (OSError, ValueError):  # nobody reads it any more
        pass
