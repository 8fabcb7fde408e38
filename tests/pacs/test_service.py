"""The listener's two threads, with a worker that copies: trouble at the destination, and instances that are trouble."""

import re
import time

import pytest

pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")

from keras_srgan.pacs import service
from keras_srgan.pacs.destinations import open_destination
from keras_srgan.pacs.queue import Queue
from keras_srgan.pacs.service import Service
from keras_srgan.pacs.tls import Tls
from keras_srgan.pacs.worker import WorkerDied


class Copier:
    """Stands in for the process that enlarges."""

    pid, deadly, full = None, b"DEADLY", False

    def enlarge(self, source, folder):
        if self.deadly in source.read_bytes():
            raise WorkerDied("killed")
        if self.full:
            raise OSError(28, "No space left on device")
        folder.mkdir()
        (folder / "a.dcm").write_bytes(source.read_bytes())

    def stop(self):
        pass


@pytest.fixture
def serve(tmp_path, shelf, make_instance, monkeypatch):
    """Starts a service whose queue holds instances; gives it, its queue and the node it sends to."""
    monkeypatch.setattr(service, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(service, "ENLARGING_PAUSE", 0.1)
    opened = []

    def start(count, worker=None, **changes):
        node, queue = shelf(), Queue(tmp_path / "queue", 10**8)
        running = Service(queue, worker or Copier(), open_destination(node.name, "KERAS-SRGAN", Tls()))
        for number in range(count):
            path = make_instance(number, **(changes if number == 0 else {}))
            queue.add(path.rename(queue.incoming / path.name), path.name)
        opened.append((running, queue))
        return running, queue, node

    yield start
    for running, queue in opened:
        running.stop()
        queue.close()


def test_a_destination_out_of_resources_is_tried_until_it_has_room(serve, helpers):
    running, queue, node = serve(3)
    node.status = 0xA700
    running.start()
    helpers.wait_for(lambda: node.calls > 3 and running.status()["trouble"])
    assert "0xa700" in running.status()["trouble"] and running.status()["enlarged"] == 3
    node.status, node.delay = 0, 0.2
    helpers.wait_for(lambda: queue.summary()["done"] == 3)
    assert len(node.stored) == 3 and running.status()["trouble"] == ""


def test_a_destination_that_vanishes_has_each_instance_once(serve, helpers):
    running, queue, node = serve(3)
    node.vanish = True
    running.start()
    helpers.wait_for(lambda: len(node.stored) == 3)
    assert queue.summary()["done"] == 0
    node.vanish = False
    helpers.wait_for(lambda: queue.summary()["done"] == 3)
    assert len(node.stored) == 3


def test_an_object_that_the_destination_refuses_is_kept_and_tried_again_when_asked(serve, helpers):
    running, queue, node = serve(1)
    node.status = 0xC000
    running.start()
    helpers.wait_for(lambda: queue.summary()["failed"] == 1)
    (failure,) = running.status()["failures"]
    assert "0xc000" in failure["why"] and re.fullmatch("[0-9a-f]{12}", failure["instance"])
    time.sleep(0.5)
    assert node.calls == 1
    node.status = 0
    assert queue.retry_failed() == 1
    helpers.wait_for(lambda: queue.summary()["done"] == 1)


def test_an_instance_on_which_the_worker_always_dies_is_given_up_and_the_others_pass(serve, helpers):
    running, queue, _ = serve(3, StudyDescription="DEADLY")
    running.start()
    helpers.wait_for(lambda: queue.summary()["failed"] == 1 and queue.summary()["done"] == 2)
    assert f"{service.MOST_DEATHS} times" in queue.summary()["failures"][0]["why"]


def test_a_full_disk_is_waited_for(serve, helpers):
    worker = Copier()
    worker.full = True
    running, queue, _ = serve(2, worker)
    running.start()
    time.sleep(0.5)
    assert queue.summary()["queued"] == 2
    worker.full = False
    helpers.wait_for(lambda: queue.summary()["done"] == 2)
