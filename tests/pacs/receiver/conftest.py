"""A receiver, and a peer that speaks to it byte by byte."""

import socket
import struct

import pytest


@pytest.fixture
def receive(tmp_path):
    """Opens a receiver; gives it with its queue."""
    pytest.importorskip("pynetdicom")
    from keras_srgan.pacs.queue import Queue
    from keras_srgan.pacs.receiver import Receiver

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


def pdata(data, flags):
    return struct.pack(">BBLLBB", 4, 0, len(data) + 6, len(data) + 2, 1, flags) + data


def store_command(uid=b"1.2.3.4\0"):
    def element(number, data):
        return struct.pack("<HHL", 0, number, len(data)) + data

    elements = element(2, b"1.2.840.10008.5.1.4.1.1.1\0") + element(0x100, b"\1\0") + element(0x110, b"\1\0")
    elements += element(0x700, b"\0\0") + element(0x800, b"\0\0") + element(0x1000, uid)
    return element(0, struct.pack("<L", len(elements))) + elements


def status_of(stream):
    """The status in a C-STORE-RSP."""
    answer = b""
    while (at := answer.find(struct.pack("<HHL", 0, 0x900, 2))) < 0 or len(answer) < at + 10:
        part = stream.recv(2**16)
        assert part, "no answer"
        answer += part
    return struct.unpack_from("<H", answer, at + 8)[0]
