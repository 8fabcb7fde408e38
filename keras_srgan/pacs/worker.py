"""The process that enlarges: apart from the one that receives, so that it may run out of memory or crash without it."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from keras_srgan.images import ImageError
from keras_srgan.pacs.enlarge import Settings, enlarge
from keras_srgan.pacs.privacy import log_to_stderr, reason

LONGEST = 3600  # seconds for an instance; a codec that hangs is ended


class WorkerDied(RuntimeError):
    """The process ended or hung while it had an instance."""


class Worker:
    """A process that is started when it is needed, and again after it died.

    Args:
        settings: how it enlarges.
        verbose: whether it may quote errors.
    """

    def __init__(self, settings: Settings, verbose: bool = False):
        self._settings, self._verbose = settings, verbose
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Starts the process and waits until it has its weights.

        Raises:
            ValueError: if the weights can't be loaded.
            WorkerDied: if it ended meanwhile.
        """
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, self._settings, self._verbose), daemon=True)
        self._process.start()
        theirs.close()
        kind, words = self._answer()
        if kind != "ready":
            self.stop()
            raise ValueError(words)

    def enlarge(self, source: Path, folder: Path) -> None:
        """Has an instance enlarged.

        Args:
            source: the file.
            folder: where the results go.

        Raises:
            ImageError: if it can't be; the text holds nothing from the header.
            OSError: if a file can't be read or written.
            WorkerDied: if the process ended.
        """
        if self._process is None or not self._process.is_alive():
            try:
                self.start()
            except WorkerDied as error:  # not this instance's doing
                raise OSError(f"at its start {error}") from None
        assert self._pipe is not None
        with contextlib.suppress(OSError):  # it ended in between: the answer says so
            self._pipe.send((source, folder))
        kind, words = self._answer()
        if kind == "refused":
            raise ImageError(words)
        if kind == "failed":
            raise OSError(words)

    def _answer(self) -> tuple[str, str]:
        assert self._pipe is not None
        try:
            if self._pipe.poll(LONGEST):
                return self._pipe.recv()
        except (EOFError, OSError):
            pass
        self.stop()
        raise WorkerDied("the worker ended or hung (out of memory?)")

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def serve(pipe: Connection, settings: Settings, verbose: bool) -> None:
    """What the process runs: reads `(source, folder)` from the pipe, answers `(kind, words)`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    threading.Thread(target=_end_with_parent, daemon=True).start()
    log_to_stderr(verbose)
    try:
        upscaler = settings.load()
    except (ValueError, OSError) as error:
        pipe.send(("unusable", str(error)))
        return
    pipe.send(("ready", ""))
    while True:
        try:
            source, folder = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            enlarge(source, folder, upscaler, settings)
            answer = ("done", "")
        except MemoryError:
            raise  # what is left of this process is no good base for the next
        except OSError as error:
            answer = ("failed", reason(error, source, folder))
        except Exception as error:  # one bad instance must not end the service
            answer = ("refused", reason(error, source, folder))
        try:
            pipe.send(answer)
        except OSError:  # nobody is there any more
            return


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        time.sleep(0.5)
    os._exit(1)
