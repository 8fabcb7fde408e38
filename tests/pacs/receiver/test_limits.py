"""How much a peer may send: hostile and broken ones lose nothing of others and take no memory."""

import socket
import struct
import subprocess
import sys
import time

import pytest

pytest.importorskip("pynetdicom")

from keras_srgan.pacs import limits

from .conftest import associate, pdata, queued, request, status_of, store_command


def test_a_truncated_stream_queues_nothing_and_leaves_no_file(receive, make_instance, helpers, monkeypatch):
    monkeypatch.setattr("keras_srgan.pacs.receiver.STALE", -1)  # what it left counts as old at once
    receiver, queue = receive()
    stream = associate(receiver.port)
    command = store_command()
    stream.sendall(pdata(command, 3) + pdata(b"\x08\0\x18\0UI\x10\x00" + b"1" * 8, 0))
    stream.sendall(struct.pack(">BBL", 4, 0, 5000) + b"half")
    helpers.wait_for(lambda: list(queue.incoming.iterdir()))
    stream.close()
    helpers.wait_for(lambda: not list(queue.incoming.iterdir()))
    assert queued(queue) == 0
    assert helpers.store(receiver.port, make_instance()) == 0


def test_a_pdu_that_claims_four_gigabytes_ends_its_association_at_once(receive, make_instance, helpers):
    receiver, queue = receive()
    for first in (b"", request()):  # before an association and inside one
        stream = socket.create_connection(("127.0.0.1", receiver.port), 20)
        stream.sendall(first)
        if first:
            stream.recv(2**16)
        stream.sendall(struct.pack(">BBL", 4, 0, 2**32 - 1) + b"x" * 1000)
        stream.settimeout(10)
        with _closed():
            while stream.recv(2**16):
                pass
    assert helpers.store(receiver.port, make_instance()) == 0


class _closed:
    """An end of the connection, clean or not; a timeout is none."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return kind is not None and issubclass(kind, ConnectionError)


@pytest.mark.filterwarnings("ignore:Unknown encoding")
def test_an_element_that_claims_four_gigabytes_is_refused_as_not_understood(receive, tmp_path, helpers):
    receiver, queue = receive()
    stream = associate(receiver.port)
    # (0008,0005) of VR UN with a length of nearly 4 GB, then nothing.
    stream.sendall(
        pdata(store_command(), 3) + pdata(b"\x08\0\x05\0UN\0\0" + struct.pack("<L", 2**32 - 16) + b"x" * 64, 2)
    )
    assert status_of(stream) in (0xC000, 0xA900)
    stream.close()
    assert queued(queue) == 0


def test_only_what_is_stored_may_be_large_since_the_rest_would_be_in_memory(receive, make_instance, helpers):
    receiver, queue = receive(max_bytes=2**24)
    stream = associate(receiver.port)
    find = store_command().replace(struct.pack("<HHLH", 0, 0x100, 2, 1), struct.pack("<HHLH", 0, 0x100, 2, 0x20))
    with _closed():
        stream.sendall(pdata(find, 3))
        for _ in range(200):
            stream.sendall(pdata(b"x" * 10_000, 0))
        while stream.recv(2**16):
            pass
    large = make_instance(1, side=1100)  # 2.4 MB
    assert helpers.store(receiver.port, large) == 0
    assert queued(queue) == 1


def test_an_instance_above_the_limit_ends_its_association_and_later_ones_pass(receive, make_instance, helpers):
    receiver, queue = receive(max_bytes=40_000)
    large = make_instance(1, side=200)  # 80 kB
    assert helpers.store(receiver.port, large) is None
    assert queued(queue) == 0
    for number in range(2, 40):  # together above the limit, each below
        assert helpers.store(receiver.port, make_instance(number)) == 0


def test_a_full_queue_answers_out_of_resources(receive, make_instance, helpers):
    receiver, queue = receive(queue_bytes=3000)
    assert helpers.store(receiver.port, make_instance(1)) == 0
    assert helpers.store(receiver.port, make_instance(2)) == 0xA700
    assert queued(queue) == 1


def test_a_peer_that_stops_in_the_middle_is_let_go(receive, helpers, monkeypatch):
    monkeypatch.setattr(limits, "IDLE", 0.5)
    receiver, queue = receive()
    stream = associate(receiver.port)
    stream.sendall(struct.pack(">BBL", 4, 0, 5000) + b"half")
    started = time.monotonic()
    with _closed():
        while stream.recv(2**16):
            pass
    assert time.monotonic() - started < 5


MEMORY = """
import sys, time
from pathlib import Path
from keras_srgan.pacs.queue import Queue
from keras_srgan.pacs.receiver import Receiver

receiver = Receiver(Queue(sys.argv[1], 10**9), ("127.0.0.1", 0), "KERAS-SRGAN", None)
receiver.start()
print(receiver.port, flush=True)
for line in sys.stdin:
    lines = Path("/proc/self/status").read_text().splitlines()
    print(*[each.split()[1] for each in lines if "VmHWM" in each], flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_instance_is_never_in_memory_whole(make_instance, helpers, tmp_path):
    small, large = make_instance(0), make_instance(1, side=6000)  # 72 MB
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "queue")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            port, peaks = int(child.stdout.readline()), []
            for path in (small, large):
                assert helpers.store(port, path) == 0
                child.stdin.write("\n")
                child.stdin.flush()
                peaks.append(int(child.stdout.readline()))
        finally:
            child.kill()
    assert peaks[1] - peaks[0] < 20_000  # kB
