"""The listener put together: received instances through the worker to the destination."""

import threading
import time

from keras_srgan.images import ImageError
from keras_srgan.pacs.destinations import Destination
from keras_srgan.pacs.dicomweb import Refused, Unreachable
from keras_srgan.pacs.privacy import LOG, reason
from keras_srgan.pacs.queue import Entry, Queue
from keras_srgan.pacs.worker import Worker, WorkerDied

MOST_DEATHS = 5  # of the worker on one instance, before that instance is given up
ENLARGING_PAUSE = 10.0  # seconds after a full disk or a worker that can't start
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two tries of a destination that can't be reached


class Service:
    """Two threads: one enlarges what is queued, one sends what is enlarged.

    Args:
        queue: where instances wait.
        worker: enlarges them.
        destination: takes the results.
    """

    def __init__(self, queue: Queue, worker: Worker, destination: Destination):
        self._queue, self._worker, self._destination = queue, worker, destination
        self._stop = threading.Event()
        self._trouble = ""
        self._since = time.time()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._enlarging, self._sending)]

    def start(self) -> None:
        """Begins with what the queue holds."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends both; the instance under way stays in the queue."""
        self._stop.set()
        self._worker.stop()
        for thread in self._threads:
            thread.join(timeout=5)

    def status(self) -> dict:
        """What a status page shows."""
        return {
            "destination": self._destination.name,
            "trouble": self._trouble,
            "since": round(self._since),
            "worker": self._worker.pid,
            **self._queue.summary(),
        }

    def _enlarging(self) -> None:
        while not self._stop.is_set():
            entry = self._queue.next("queued")
            if entry is None:
                self._queue.wait(1.0)
                continue
            try:
                self._enlarge(entry)
            except Exception as error:
                if not self._stop.is_set():
                    LOG.warning("%s not enlarged yet: %s", entry.key[:12], reason(error))
                    self._queue.postpone(entry)
                    self._stop.wait(ENLARGING_PAUSE)

    def _enlarge(self, entry: Entry) -> None:
        name, started = entry.key[:12], time.monotonic()
        try:
            self._worker.enlarge(entry.source, entry.folder)
        except ImageError as error:
            LOG.warning("%s failed: %s", name, error)
            self._queue.fail(entry, str(error))
        except WorkerDied as error:
            if self._stop.is_set():
                return
            LOG.warning("%s: %s", name, error)
            if entry.deaths + 1 >= MOST_DEATHS:
                self._queue.fail(entry, f"the worker ended {MOST_DEATHS} times on it (out of memory?)")
            else:
                self._queue.postpone(entry, died=True)
        else:
            seconds = time.monotonic() - started
            self._queue.enlarged(entry, seconds)
            LOG.info("%s enlarged, %.1f s", name, seconds)

    def _sending(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            entry = self._queue.next("enlarged")
            if entry is None:
                self._destination.close()
                self._queue.wait(1.0)
                continue
            name, started = entry.key[:12], time.monotonic()
            files = entry.results()
            if not files:  # somebody has been in the folder
                self._queue.fail(entry, "its results are gone; send it again")
                continue
            try:
                self._destination.send(files)
            except Refused as error:
                LOG.warning("%s failed: %s", name, error)
                self._queue.fail(entry, str(error))
            except Exception as error:
                self._trouble = str(error) if isinstance(error, Unreachable) else reason(error)
                LOG.warning("%s not sent yet: %s; next try in %.0f s", name, self._trouble, pause)
                LOG.debug("%r", error)
                self._queue.postpone(entry)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause, self._trouble = FIRST_PAUSE, ""
                seconds = time.monotonic() - started
                self._queue.done(entry, seconds)
                LOG.info("%s sent, %.1f s", name, seconds)
        self._destination.close()
