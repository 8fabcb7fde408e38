"""The queue on disk keeps what it accepted, once, whatever happens to the process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from keras_srgan.pacs import queue as queue_module
from keras_srgan.pacs.queue import Queue, QueueFull

UID = "1.2.3.4"


@pytest.fixture
def queue(tmp_path):
    opened = Queue(tmp_path / "queue", 1000)
    yield opened
    opened.close()


def arrive(queue, uid=UID, content=b"x" * 100):
    path = queue.incoming / f"tmp{os.urandom(4).hex()}.dcm"
    path.write_bytes(content)
    return queue.add(path, uid)


def work(queue, delivered):
    """Does all that waits as the service does; `delivered` is the destination: it knows instances by their names."""
    while entry := queue.next("queued"):
        shutil.rmtree(entry.folder, ignore_errors=True)
        entry.folder.mkdir()
        (entry.folder / "a.dcm").write_bytes(b"large" + entry.source.read_bytes())
        queue.enlarged(entry, 1.0)
    while entry := queue.next("enlarged"):
        for each in entry.results():
            (delivered / entry.key).write_bytes(each.read_bytes())
        queue.done(entry, 1.0)


def test_an_instance_goes_through_and_leaves_no_file(queue, tmp_path):
    (tmp_path / "to").mkdir()
    key, new = arrive(queue)
    assert new
    work(queue, tmp_path / "to")
    assert (tmp_path / "to" / key).read_bytes() == b"large" + b"x" * 100
    assert queue.summary()["done"] == 1 and queue.used_bytes() == 0
    assert not any((queue.folder / "instances").iterdir()) and not any(queue.incoming.iterdir())


@pytest.fixture
def memory(tmp_path):
    """A folder without a disk behind it, where there is one: waiting for a disk proves nothing here."""
    place = Path("/dev/shm")
    if not os.access(place, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


def test_wherever_the_process_is_killed_what_was_accepted_is_delivered_once_and_no_file_stays(memory):
    """A process dies at each line of the queue in turn; the next one finishes."""
    place, ended, deaths = queue_module.__file__, False, 0
    while not ended:
        deaths += 1
        folder, delivered = memory / f"q{deaths}", memory / f"to{deaths}"
        delivered.mkdir()
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            left = deaths

            def trace(frame, event, _):
                nonlocal left
                if frame.f_code.co_filename != place:
                    return None
                if event == "line":
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                return trace

            sys.settrace(trace)
            opened = Queue(folder, 1000)
            arrive(opened)
            os.write(tell, b"accepted")
            work(opened, delivered)
            os._exit(0)
        os.close(tell)
        ended = os.waitpid(child, 0)[1] == 0
        accepted = os.read(told, 100) == b"accepted"
        os.close(told)
        after = Queue(folder, 1000)
        if not accepted:  # its sender has no answer and sends again
            arrive(after)
        work(after, delivered)
        assert len(list(delivered.iterdir())) == 1
        assert after.summary()["done"] == 1 and after.summary()["queued"] == after.summary()["enlarged"] == 0
        after.close()
        last = Queue(folder, 1000)
        assert not any((folder / "instances").iterdir()) and not any(last.incoming.iterdir())
        last.close()
    assert deaths > 50


def test_a_resend_is_no_second_instance_and_changed_content_is(queue, tmp_path):
    (tmp_path / "to").mkdir()
    key, _ = arrive(queue)
    assert arrive(queue) == (key, False)
    work(queue, tmp_path / "to")
    assert arrive(queue) == (key, False)
    assert queue.next("queued") is None
    other, new = arrive(queue, content=b"y")
    assert new and other != key and other[:12] == key[:12]


def test_a_full_queue_refuses_and_never_drops_what_waits(queue):
    for number in range(10):
        arrive(queue, f"1.{number}")
    with pytest.raises(QueueFull):
        arrive(queue, "1.10")
    assert queue.summary()["queued"] == 10


def test_what_failed_makes_room_oldest_first_and_says_so(queue):
    for number in range(10):
        arrive(queue, f"1.{number}")
        queue.fail(queue.next("queued"), "no image")
    arrive(queue, "2.1")
    failures = queue.summary()["failures"]
    assert ["dropped" in each["why"] for each in failures] == [False] * 9 + [True]
    assert queue.retry_failed() == 9


def test_what_failed_is_queued_again_when_it_is_sent_again(queue):
    key, _ = arrive(queue)
    queue.fail(queue.next("queued"), "no image")
    assert arrive(queue) == (key, True)
    assert queue.summary()["failed"] == 0 and queue.summary()["queued"] == 1


def test_results_that_wait_for_the_destination_hold_enlarging_back(queue):
    arrive(queue, "1.1", b"x" * 300)
    arrive(queue, "1.2", b"x" * 300)
    entry = queue.next("queued")
    entry.folder.mkdir()
    (entry.folder / "a.dcm").write_bytes(b"x" * 600)
    queue.enlarged(entry, 1.0)
    assert queue.next("queued") is None
    queue.done(queue.next("enlarged"), 1.0)
    assert queue.next("queued") is not None


def test_what_could_not_be_sent_waits_behind_the_others(queue):
    first, _ = arrive(queue, "1.1")
    second, _ = arrive(queue, "1.2")
    queue.postpone(queue.next("queued"))
    assert queue.next("queued").key == second
    time.sleep(0.01)
    queue.postpone(queue.next("queued"))
    assert queue.next("queued").key == first


def test_one_process_at_a_time_and_the_lock_dies_with_it(queue):
    code = "import sys; from keras_srgan.pacs.queue import Queue; Queue(sys.argv[1], 1)"
    run = [sys.executable, "-c", code, str(queue.folder)]
    found = subprocess.run(run, capture_output=True, text=True)
    assert found.returncode == 1 and "in use by another listener" in found.stderr
    queue.close()
    assert subprocess.run(run).returncode == 0
    queue.__init__(queue.folder, 1000)


def test_files_of_others_in_the_folder_stay(tmp_path):
    folder = tmp_path / "queue"
    (folder / "instances").mkdir(parents=True)
    kept = [folder / "thesis.txt", folder / "instances" / "thesis.dcm"]
    for each in kept:
        each.write_text("mine")
    Queue(folder, 1000).close()
    assert all(each.read_text() == "mine" for each in kept)


def test_the_folder_is_for_its_owner_alone(queue):
    assert queue.folder.stat().st_mode & 0o077 == 0


def test_another_destination_needs_another_queue_while_something_waits(queue, tmp_path):
    (tmp_path / "to").mkdir()
    queue.bind_to("A@host:1")
    arrive(queue)
    with pytest.raises(ValueError, match="A@host:1"):
        queue.bind_to("B@host:1")
    work(queue, tmp_path / "to")
    queue.bind_to("B@host:1")
    assert arrive(queue)[1]  # B hasn't got it
