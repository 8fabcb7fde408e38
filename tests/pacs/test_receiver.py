"""Who may store, what, and how much: hostile and broken peers lose nothing of others and take no memory."""

import logging
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("pynetdicom")

from keras_srgan.pacs import limits
from keras_srgan.pacs.queue import Queue
from keras_srgan.pacs.receiver import Receiver


@pytest.fixture
def receive(tmp_path):
    """Opens a receiver; gives it with its queue."""
    opened = []

    def start(callers=("SENDER",), max_bytes=2**20, queue_bytes=10**8, **options):
        queue = Queue(tmp_path / f"queue{len(opened)}", queue_bytes)
        receiver = Receiver(queue, ("127.0.0.1", 0), "KERAS-SRGAN", callers, max_bytes=max_bytes, **options)
        receiver.start()
        opened.append((receiver, queue))
        return receiver, queue

    yield start
    for receiver, queue in opened:
        receiver.stop()
        queue.close()


def queued(queue):
    return queue.summary()["queued"]


def request(calling=b"SENDER", called=b"KERAS-SRGAN"):
    """An A-ASSOCIATE-RQ for CR images in Explicit VR Little Endian, as bytes."""

    def item(kind, data):
        return struct.pack(">BBH", kind, 0, len(data)) + data

    context = struct.pack("BBBB", 1, 0, 0, 0) + item(0x30, b"1.2.840.10008.5.1.4.1.1.1")
    context += item(0x40, b"1.2.840.10008.1.2.1")
    user = item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3")
    items = item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, context) + item(0x50, user)
    body = struct.pack(">HH", 1, 0) + called.ljust(16) + calling.ljust(16) + b"\0" * 32 + items
    return struct.pack(">BBL", 1, 0, len(body)) + body


def associate(port):
    stream = socket.create_connection(("127.0.0.1", port), 20)
    stream.settimeout(20)
    stream.sendall(request())
    assert stream.recv(1) == b"\2"  # A-ASSOCIATE-AC
    stream.recv(2**16)
    return stream


def test_an_instance_is_queued_before_it_is_answered_and_c_echo_works(receive, make_instance, helpers):
    receiver, queue = receive()
    path = make_instance()
    assert helpers.store(receiver.port, path) == 0
    assert queued(queue) == 1
    from pynetdicom import AE

    node = AE("SENDER")
    node.add_requested_context("1.2.840.10008.1.1")
    association = node.associate("127.0.0.1", receiver.port, ae_title="KERAS-SRGAN")
    assert association.send_c_echo().Status == 0
    association.release()


def test_wrong_ae_titles_are_rejected_both_ways_unless_any_may_call(receive, make_instance, helpers):
    receiver, queue = receive()
    path = make_instance()
    assert helpers.store(receiver.port, path, calling="STRANGER") is None
    assert helpers.store(receiver.port, path, title="OTHER") is None
    assert queued(queue) == 0
    receiver, queue = receive(callers=None)
    assert helpers.store(receiver.port, path, calling="STRANGER") == 0


def test_fifty_associations_at_once_are_all_served(receive, make_instance, helpers):
    receiver, queue = receive()
    paths, found = [make_instance(number) for number in range(50)], {}
    ready = threading.Barrier(50)

    def send(number):
        ready.wait()
        found[number] = helpers.store(receiver.port, paths[number])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(50)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == dict.fromkeys(range(50), 0)
    assert queued(queue) == 50


def test_one_association_too_many_is_rejected_and_there_is_room_again_later(receive, make_instance, helpers):
    receiver, queue = receive(max_associations=2)
    path = make_instance()
    held = [associate(receiver.port) for _ in range(2)]
    assert helpers.store(receiver.port, path) is None
    for each in held:
        each.close()
    helpers.wait_for(lambda: helpers.store(receiver.port, path) == 0)


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


def pdata(data, flags):
    return struct.pack(">BBLLBB", 4, 0, len(data) + 6, len(data) + 2, 1, flags) + data


def store_command(uid=b"1.2.3.4\0"):
    def element(number, data):
        return struct.pack("<HHL", 0, number, len(data)) + data

    elements = element(2, b"1.2.840.10008.5.1.4.1.1.1\0") + element(0x100, b"\1\0") + element(0x110, b"\1\0")
    elements += element(0x700, b"\0\0") + element(0x800, b"\0\0") + element(0x1000, uid)
    return element(0, struct.pack("<L", len(elements))) + elements


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


def status_of(stream):
    """The status in a C-STORE-RSP."""
    answer = b""
    while (at := answer.find(struct.pack("<HHL", 0, 0x900, 2))) < 0 or len(answer) < at + 10:
        part = stream.recv(2**16)
        assert part, "no answer"
        answer += part
    return struct.unpack_from("<H", answer, at + 8)[0]


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


def test_the_data_set_must_be_the_instance_that_the_request_names(receive, helpers):
    receiver, queue = receive()
    stream = associate(receiver.port)
    stream.sendall(pdata(store_command(), 3) + pdata(b"\x08\0\x18\0UI\x08\x00" + b"1.2.3.5\0", 2))
    assert status_of(stream) == 0xA900
    stream.close()
    assert queued(queue) == 0


def test_what_this_package_made_is_taken_and_not_enlarged_again(receive, make_instance, helpers):
    receiver, queue = receive()
    from pydicom.dataset import Dataset

    equipment, derivation, group = Dataset(), Dataset(), Dataset()
    derivation.DerivationDescription = "Enlarged 4 times by keras-srgan"
    equipment.ManufacturerModelName = "keras-srgan"
    group.DerivationImageSequence = [derivation]
    changes = [
        {"DerivationDescription": derivation.DerivationDescription},
        {"ContributingEquipmentSequence": [equipment]},
        {"SharedFunctionalGroupsSequence": [group]},
    ]
    for number, change in enumerate(changes):
        assert helpers.store(receiver.port, make_instance(number, **change)) == 0
    assert queued(queue) == 0


def test_a_resend_is_answered_with_success_and_queued_once(receive, make_instance, helpers):
    receiver, queue = receive()
    path = make_instance()
    assert [helpers.store(receiver.port, path) for _ in range(2)] == [0, 0]
    assert queued(queue) == 1


def test_the_log_names_hashes_only(receive, make_instance, helpers, caplog):
    import pydicom

    logger = logging.getLogger("keras_srgan.pacs")
    logger.propagate = True
    receiver, queue = receive()
    path = make_instance()
    with caplog.at_level(logging.INFO):
        helpers.store(receiver.port, path)
        helpers.store(receiver.port, path, calling="STRANGER")
    found = [record.getMessage() for record in caplog.records if record.name.startswith("keras_srgan")]
    uid = pydicom.dcmread(path).SOPInstanceUID
    assert any("received" in each for each in found)
    assert not any(word in " ".join(found) for word in (uid, "SECRET", "STRANGER"))


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


def test_a_port_in_use_is_one_clear_line(receive, tmp_path):
    receiver, _ = receive()
    other = Queue(tmp_path / "other", 1000)
    with pytest.raises(OSError, match="--port"):
        Receiver(other, ("127.0.0.1", receiver.port), "X", None)
    other.close()


def test_classes_of_pictures_are_offered_in_syntaxes_that_can_be_decoded_and_others_are_not():
    from pynetdicom import sop_class

    from keras_srgan.pacs.receiver import contexts

    offered = {each.abstract_syntax: each.transfer_syntax for each in contexts()}
    for name in ("ComputedRadiographyImageStorage", "XRayAngiographicImageStorage", "EnhancedMRImageStorage"):
        assert {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"} <= set(offered[getattr(sop_class, name)])
    for name in ("SegmentationStorage", "BasicTextSRStorage", "VLWholeSlideMicroscopyImageStorage", "RTDoseStorage"):
        assert getattr(sop_class, name) not in offered
    assert not any("1.2.840.10008.1.2.4.100" in each for each in offered.values())  # MPEG2
