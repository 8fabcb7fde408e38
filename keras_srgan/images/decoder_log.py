"""What decoders complain of: they return a damaged image all the same.

OpenCV, libjpeg and libtiff print on stderr, past Python, so stderr is put aside while one of them works.
"""

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import cv2

Result = TypeVar("Result")

# What decoders print; all else comes from other threads, and goes on to stderr.
_THEIRS = re.compile(
    r"\[ ?(WARN|ERROR|INFO|DEBUG|FATAL):\d+@|libpng|[> ']|Corrupt|[Pp]remature|Invalid|Incons|Warning: |$"
)
_DAMAGED = re.compile(r"premature end|corrupt|TIFF_Error|Discarding \d+ bytes", re.IGNORECASE)
_MINOR = "extraneous bytes"  # between the parts of a JPEG, whose image is whole
_ORIGIN = re.compile(r".*TIFF_(Error|Warning) ")

# Warnings too, whatever the environment says.
if hasattr(cv2, "setLogLevel"):  # OpenCV 4
    cv2.setLogLevel(3)
else:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_WARNING)


class DecoderLog:
    """Puts stderr aside while images are decoded; several threads may do so at once."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._inside, self._alone = 0, False
        self._file: Any = None
        self._stderr: int | None = None

    def hear(self, work: Callable[[], Result]) -> tuple[Result, list[str]]:
        """Decodes an image and hears what the decoder says of it.

        Args:
            work: decodes; called again, with no other beside it, where one of several images is complained of.

        Returns:
            The result, and the decoder's lines that speak of damage.
        """
        if not hasattr(os, "pread"):  # Windows: its libraries have a stderr of their own
            return work(), []
        with self._listening(alone=False) as heard:
            result = work()
        if heard:
            with self._listening(alone=True) as heard:
                result = work()
        return result, [_ORIGIN.sub("", line) for line in heard]

    @contextlib.contextmanager
    def _listening(self, alone: bool) -> Iterator[list[str]]:
        heard: list[str] = []
        with self._turn:
            self._turn.wait_for(lambda: not self._alone and not (alone and self._inside))
            self._alone = alone
            if not self._inside:
                self._put_aside()
            self._inside += 1
            start = os.fstat(self._file.fileno()).st_size
        try:
            yield heard
        finally:
            with self._turn:
                heard += [line for line in self._lines(start) if _THEIRS.match(line) and _DAMAGED.search(line)]
                self._inside, self._alone = self._inside - 1, False
                if not self._inside:
                    self._put_back()
                self._turn.notify_all()

    def _lines(self, start: int = 0) -> list[str]:
        length = os.fstat(self._file.fileno()).st_size - start
        return os.pread(self._file.fileno(), length, start).decode(errors="replace").split("\n") if length else []

    def _put_aside(self) -> None:
        with contextlib.suppress(OSError, AttributeError, ValueError):  # Python has none
            sys.stderr.flush()
        self._file = tempfile.TemporaryFile()
        try:
            self._stderr = os.dup(2)
        except OSError:  # nor has the process
            self._stderr = None
        os.dup2(self._file.fileno(), 2)

    def _put_back(self) -> None:
        others = "\n".join(line for line in self._lines() if not _THEIRS.match(line))
        if self._stderr is None:
            os.close(2)
        else:
            os.dup2(self._stderr, 2)
            os.close(self._stderr)
            if others:
                os.write(2, (others + "\n").encode(errors="replace"))
        self._file.close()


LOG = DecoderLog()


def decode_heard(work: Callable[[], Result]) -> tuple[Result, list[str], list[str]]:
    """The result, what says that it is damaged, and what is worth a note only. See `DecoderLog.hear`."""
    result, lines = LOG.hear(work)
    return result, [line for line in lines if _MINOR not in line], [line for line in lines if _MINOR in line]
