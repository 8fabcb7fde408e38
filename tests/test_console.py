"""Printing costs no work."""

import subprocess
import sys

import pytest

from keras_srgan.console import say

CODE = """
import sys
from keras_srgan.cli import run_safely
def work():
    for i in range(3000):
        print("chest \\u80f8", i, flush=i == 0)
        print("note \\u80f8 \\udce9", file=sys.stderr)
    open(sys.argv[1], "w").write("done")
    return 7
sys.exit(run_safely("test", work))
"""


def run(tmp_path, redirect, **environment):
    done = tmp_path / "done"
    line = f'"{sys.executable}" -c "$CODE" "{done}" {redirect}'
    environment |= {"CODE": CODE, "PATH": "/usr/bin:/bin"}
    result = subprocess.run(["sh", "-c", line], env=environment, text=True, capture_output=True, errors="replace")
    assert done.read_text() == "done"
    return result


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("redirect", [">&- 2>&-", "2>&-", ">&-", "> /dev/full 2> /dev/full", "2>&1 | head -1"])
def test_work_is_done_without_anybody_to_read(tmp_path, redirect, monkeypatch):
    root = __file__.rsplit("/tests/", 1)[0]
    result = run(tmp_path, redirect, PYTHONPATH=root)
    assert result.returncode == (0 if "|" in redirect else 7)
    assert "Error" not in result.stdout + result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("encoding,shown", [("cp1252", "\\u80f8"), ("ascii", "\\u80f8"), ("utf-8", "胸")])
def test_what_a_console_cannot_show_is_replaced(tmp_path, encoding, shown):
    result = run(tmp_path, "", PYTHONPATH=__file__.rsplit("/tests/", 1)[0], PYTHONIOENCODING=encoding)
    assert result.returncode == 7 and result.stdout.splitlines()[0] == f"chest {shown} 0"
    assert "\\udce9" in result.stderr


def test_a_log_that_fails_ends_nothing_and_one_that_lacks_letters_gets_others():
    said = []

    def ascii_only(text):
        text.encode("ascii")
        said.append(text)

    def gone(text):
        raise BrokenPipeError

    say(ascii_only, "胸 done")
    say(gone, "done")
    assert said == ["\\u80f8 done"]


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes them")
@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("module", ["train", "upscale", "evaluate", "export", "mos", "prepare", "pacs"])
def test_with_streams_closed_a_wrong_command_ends_as_always_and_prints_nowhere(tmp_path, module, closed):
    line = f'exec "$0" -m keras_srgan.{module} --nonsense {closed}'
    result = subprocess.run(["sh", "-c", line, sys.executable], capture_output=True, text=True, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", "")


OPENS = """
import sys
from keras_srgan.cli import Parser
Parser(prog="x").parse_args([])
print("out"); print("err", file=sys.stderr); sys.stderr.flush()
with open("first.txt", "w") as file:  # would be stderr's number otherwise
    assert file.fileno() > 2
    import os
    os.write(2, b"below Python")
    file.write("mine")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes them")
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_a_file_does_not_take_the_place_of_a_closed_stream(tmp_path, closed):
    line = f'exec "$0" -c "$1" {closed}'
    result = subprocess.run(["sh", "-c", line, sys.executable, OPENS], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0 and (tmp_path / "first.txt").read_text() == "mine"
