"""What a command shows on a terminal while it works, and stderr put aside."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress


class StatusLine:
    """What is being done and for how long, on the last line of a terminal; nothing where the stream is none.

    Args:
        stream: text stream, stderr by default.

    Example:

    >>> with StatusLine() as line:
    ...     line.show(1, 4, "chest.png")
    """

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stderr
        self.live = bool(self.stream) and not self.stream.closed and self.stream.isatty()
        self._bar: Progress | None = None

    def __enter__(self) -> "StatusLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, done: int, total: int, text: str) -> None:
        """Shows a bar, if there are several things to do, and a text; a clock goes on by itself."""
        if not self.live:
            return
        if self._bar is None:
            self._bar = _bar(self.stream, total > 1)
            self._bar.add_task("")
        self._bar.update(self._bar.task_ids[0], description=text, completed=done, total=total)
        self._bar.start()

    def clear(self) -> None:
        """Takes the line away, so that other lines can be printed."""
        if self._bar:
            self._bar.stop()
            self._bar = None


def _bar(stream: TextIO, several: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1))
    columns: list[Any] = [BarColumn(20), MofNCompleteColumn(), text] if several else [text]
    own: dict[str, Any] = dict(transient=True, expand=True, redirect_stdout=False, redirect_stderr=False)
    return Progress(*columns, TimeElapsedColumn(), console=Console(file=stream), refresh_per_second=2, **own)


@contextlib.contextmanager
def stderr_aside() -> Iterator[None]:
    """Keeps from the terminal what libraries write to stderr past Python's streams."""
    try:
        sys.stderr.flush()
        own = os.dup(2)
    except (OSError, AttributeError):  # no stderr
        yield
        return
    with open(os.devnull, "w+b") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(own, 2)
            os.close(own)
