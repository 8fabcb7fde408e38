"""Files whole or not at all, whatever ends the process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from keras_srgan import files

HANGS = """
import sys, time
from pathlib import Path
from keras_srgan.files import temporary_folder, write_atomically

def write(path):
    path.write_text("half")
    print("begun", flush=True)
    time.sleep(60)

folder = Path(sys.argv[1])
if sys.argv[2] == "file":
    write_atomically(folder / "a.txt", write)
else:
    with temporary_folder(folder) as inner:
        write(inner / "a.txt")
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(files, "_cleaned", set())


@pytest.mark.skipif(os.name == "nt", reason="no question after a process there")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_run_has_left_goes_with_the_next_and_a_living_ones_stays(tmp_path, kind):
    runs = [
        subprocess.Popen([sys.executable, "-c", HANGS, tmp_path, kind], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for run in runs:
        assert run.stdout.readline() == "begun\n"
    runs[0].send_signal(signal.SIGKILL)
    runs[0].wait()
    assert len(os.listdir(tmp_path)) == 2
    files.write_text(tmp_path / "b.txt", "whole")
    left = sorted(name for name in os.listdir(tmp_path) if name != "b.txt")
    assert len(left) == 1 and str(runs[1].pid) in left[0]
    runs[1].kill()
    runs[1].wait()


@pytest.mark.parametrize("name", [".keras-srgan-01234567.tmp", ".keras-srgan-01234567-1-89abcdef.tmp"])
def test_what_a_run_elsewhere_has_left_goes_after_a_day(tmp_path, name):
    path = tmp_path / name
    path.write_text("half")
    files.write_text(tmp_path / "a.txt", "whole")
    assert path.exists()
    files._cleaned.clear()
    day = time.time() - 90_000
    os.utime(path, (day, day))
    files.write_text(tmp_path / "a.txt", "whole")
    assert sorted(os.listdir(tmp_path)) == ["a.txt"]


def test_other_programs_files_stay(tmp_path):
    names = [".tmp", "a.tmp", ".keras-srgan-01234567.txt", ".keras-srgan-01234567.tmp.keep", ".keras-srgan-x.tmp"]
    for name in names:
        (tmp_path / name).write_text("theirs")
        os.utime(tmp_path / name, (1, 1))
    files.write_text(tmp_path / "a.txt", "whole")
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "a.txt"])
