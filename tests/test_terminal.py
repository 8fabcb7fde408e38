"""The line on a terminal, and stderr put aside."""

import io
import os
import re
import sys

import pytest

from keras_srgan.terminal import StatusLine, stderr_aside


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def hundred_columns(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


def plain(terminal):
    """What was written, without colours and movements."""
    return re.sub(r"\x1b\[[\d;?]*\w", "", terminal.getvalue())


def test_a_piped_run_is_quiet_and_a_terminal_gets_a_line_that_goes_away():
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        with StatusLine(stream) as line:
            line.show(1, 4, "x" * 200 + ".png")
            line.clear()
            line.show(2, 4, "[1] c.png")
    assert pipe.getvalue() == ""
    assert "1/4 xxxx" in plain(terminal) and "2/4 [1] c.png  " in plain(terminal) and " 0:00:0" in plain(terminal)
    shown = [line for line in re.split(r"[\r\n]", plain(terminal)) if "x" in line]
    assert shown and max(map(len, shown)) <= 100
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is erased
    assert terminal.getvalue().count("\x1b[?25l") == terminal.getvalue().count("\x1b[?25h")  # the cursor is back


def test_one_thing_to_do_needs_no_bar():
    terminal = Terminal()
    with StatusLine(terminal) as line:
        line.show(0, 1, "a.png")
    assert "a.png  " in plain(terminal) and "0/1" not in plain(terminal)


def test_the_line_goes_away_when_the_work_fails():
    terminal = Terminal()
    with pytest.raises(OSError), StatusLine(terminal) as line:
        line.show(0, 2, "a.png")
        raise OSError("disk full")
    assert terminal.getvalue().endswith("\x1b[2K")


def test_stderr_put_aside_comes_back_after_a_failure_too(capfd):
    with stderr_aside():
        os.write(2, b"from a library\n")
    with pytest.raises(ValueError), stderr_aside():
        os.write(2, b"past it\n\xff\n")
        raise ValueError
    os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"


def test_a_process_without_stderr_works(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with stderr_aside():
        pass
