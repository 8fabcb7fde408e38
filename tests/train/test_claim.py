"""One writer a run folder."""

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from keras_srgan.recipes import find_recipe
from keras_srgan.train import claim as claims
from keras_srgan.train.claim import LOCK, claim
from keras_srgan.train.run import run_folder

HOLD = """
import sys
from pathlib import Path
from keras_srgan.train.claim import claim
with claim(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_the_first_one_is(holder, tmp_path):
    with pytest.raises(ValueError, match=rf"in use by process {holder.pid} on \S+, since \d{{4}}-"):
        with claim(tmp_path):
            pass
    holder.stdin.close()
    holder.wait(30)
    with claim(tmp_path):
        assert (tmp_path / LOCK).is_file()
    assert not (tmp_path / LOCK).exists()


def test_the_lock_of_a_process_that_was_killed_holds_nobody_up(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait(30)
    assert (tmp_path / LOCK).is_file()
    with claim(tmp_path), claim(tmp_path):  # the same thread may ask again
        pass


def test_another_thread_is_refused(tmp_path):
    said = []

    def other():
        try:
            with claim(tmp_path):
                said.append("held")
        except ValueError as error:
            said.append(str(error))

    with claim(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(said) == 1 and "another thread of this process trains there" in said[0]


def test_without_locks_in_the_file_system_the_named_process_decides(tmp_path, monkeypatch):
    def no_locks(handle):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(claims, "_lock", no_locks)
    with claim(tmp_path):
        pass
    (tmp_path / LOCK).write_text(
        f'{{"process": {os.getppid()}, "host": "{claims.socket.gethostname()}", "since": "x"}}'
    )
    with pytest.raises(ValueError, match=f"in use by process {os.getppid()}"), claim(tmp_path):
        pass
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / LOCK).write_text(f'{{"process": {gone.pid}, "host": "{claims.socket.gethostname()}", "since": "x"}}')
    with claim(tmp_path):
        pass


def folder_of(**changes):
    arguments = argparse.Namespace(**{"out": None, "resume": None, "dry_run": False, **changes})
    return run_folder(arguments, find_recipe("xray-srgan-plus"), True)


def test_runs_begun_in_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda form, *given: "20260101-000000")
    with folder_of() as first, folder_of() as second:
        assert [each.as_posix() for each in (first, second)] == [
            "runs/xray-srgan-plus-20260101-000000",
            "runs/xray-srgan-plus-20260101-000000-2",
        ]
        (second / "log.csv").touch()
    assert not first.exists() and (second / "log.csv").is_file()  # nothing came of the first one


def test_a_run_that_fails_before_it_writes_leaves_no_folder(tmp_path):
    out = tmp_path / "new" / "run"
    with pytest.raises(RuntimeError), folder_of(out=str(out)):
        assert (out / LOCK).is_file()
        raise RuntimeError
    assert not out.parent.exists()
    out.mkdir(parents=True)
    (out / LOCK).write_text("what a killed process left")
    with folder_of(out=str(out)) as folder:
        (folder / "log.csv").touch()
    with pytest.raises(ValueError, match="exists and is not empty"), folder_of(out=str(out)):
        pass


def test_a_folder_that_another_process_has_is_refused_whether_new_or_resumed(holder, tmp_path):
    for given in ({"out": str(tmp_path)}, {"resume": str(tmp_path)}):
        with pytest.raises(ValueError, match=f"in use by process {holder.pid}"), folder_of(**given):
            pass
    assert Path(tmp_path, LOCK).is_file()
