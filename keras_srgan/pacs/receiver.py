"""Receives by C-STORE, answers C-ECHO: who may send, what, how much. What is answered with success is on disk."""

import contextlib
import socket
import socketserver
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pydicom
import pynetdicom.sop_class
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom import AE, evt
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.transport import ThreadedAssociationServer

from keras_srgan.images.dicom.classes import PICTURE, held
from keras_srgan.pacs import destinations  # noqa: F401  (sets how pynetdicom stores what it receives)
from keras_srgan.pacs.enlarge import is_result
from keras_srgan.pacs.limits import IDLE, PDU, bounds
from keras_srgan.pacs.privacy import LOG, pseudonym, reason
from keras_srgan.pacs.queue import Queue, QueueFull

HANDSHAKE = 15  # seconds for TLS
STALE = 2 * IDLE  # seconds without a byte after which what is half received stays so
SUCCESS, OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xA900, 0xC000
# Pictures that can't be enlarged: in tiles, of one bit, moving in a video's coding.
_OTHERS = ("WholeSlide", "TiledPyramidal", "SingleBit", "Video")


class Receiver:
    """Listens for DICOM associations and queues what is stored.

    Args:
        queue: takes the instances.
        address: `(host, port)`; port 0: any free one.
        ae_title: the title that peers must call; others are rejected.
        callers: the AE titles that may call; `None`: any.
        max_associations: at once; one more is rejected.
        max_bytes: of an instance; a larger one ends its association.
        context: for TLS, or `None`.

    Raises:
        OSError: if the address can't be listened on.
    """

    def __init__(
        self,
        queue: Queue,
        address: tuple[str, int],
        ae_title: str,
        callers: Sequence[str] | None,
        max_associations: int = 64,
        max_bytes: int = 2**29,
        context: ssl.SSLContext | None = None,
    ):
        self._queue = queue
        # Where pynetdicom writes what arrives: a rename away from the queue.
        self._tempdir, tempfile.tempdir = tempfile.tempdir, str(queue.incoming)
        node = AE(ae_title)
        node.require_called_aet = True
        node.require_calling_aet = list(callers or [])
        node.maximum_associations, node.maximum_pdu_size = max_associations, PDU // 16
        node.acse_timeout, node.network_timeout = IDLE / 2, IDLE
        handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_REJECTED, _rejected),
            (evt.EVT_CONN_CLOSE, lambda event: self._tidy()),
            *bounds(max_bytes),
        ]
        try:
            self._server = node.make_server(
                address, contexts=contexts(), ssl_context=context, evt_handlers=handlers, server_class=_Server
            )
        except OSError as error:
            raise OSError(f"{address[0]}:{address[1]}: {error.strerror}; give another --bind or --port") from None
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)

    def start(self) -> None:
        """Begins to accept."""
        self._thread.start()

    def stop(self) -> None:
        """Accepts no more and ends what is under way; what has no answer yet is sent again by its sender."""
        self._server.shutdown()
        for association in self._server.active_associations:
            association.abort()
        tempfile.tempdir = self._tempdir

    def associations(self) -> int:
        """How many are open."""
        return len(self._server.active_associations)

    def _store(self, event: evt.Event) -> int | Dataset:
        """Answers a C-STORE request."""
        path, uid = event.dataset_path, str(event.request.AffectedSOPInstanceUID)  # type: ignore[union-attr]
        name = pseudonym(uid)
        try:
            status, words = self._examine(path, uid)
            if status is None:
                _, new = self._queue.add(path, uid)
                LOG.info("%s received%s", name, "" if new else " again: nothing to do")
                LOG.debug("%s is %s from %s", name, uid, event.assoc.requestor.ae_title)
                return SUCCESS
        except QueueFull as error:
            status, words = OUT_OF_RESOURCES, "the queue is full"
            LOG.debug("%s", error)
        except OSError as error:
            status, words = OUT_OF_RESOURCES, reason(error, path)
        LOG.warning("%s %s: %s", name, "refused" if status else "left alone", words)
        return _answer(status, words)

    def _examine(self, path: Path, uid: str) -> tuple[int | None, str]:
        """A status and words for what is not to be queued; `None` as the status for what is."""
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, defer_size=2**20)
            inside = str(header.get("SOPInstanceUID") or "")
            rows = header.get("Rows")
            ours = is_result(header)
        except Exception as error:  # pydicom raises nearly any kind for damaged content
            LOG.debug("unreadable: %s", error)
            return CANNOT_UNDERSTAND, f"unreadable data set ({type(error).__name__})"
        if inside != uid:
            return MISMATCH, "the data set has another SOP Instance UID than the request, or is cut short"
        if not rows:
            return CANNOT_UNDERSTAND, "no image"
        if ours:
            return SUCCESS, "made by keras-srgan, not enlarged again"
        return None, ""

    def _tidy(self) -> None:
        """Removes what broken connections left: nothing has been written to it for longer than a PDU may take."""
        for path in self._queue.incoming.glob("tmp*.dcm"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE:
                    path.unlink()


def contexts() -> list[PresentationContext]:
    """C-ECHO, and every storage class of pictures in every transfer syntax that can be decoded here."""
    found = []
    for syntax in AllTransferSyntaxes:
        with contextlib.suppress(NotImplementedError):
            if get_decoder(syntax).is_available:
                found.append(syntax)
    plain = [each for each in found if not each.is_compressed]
    syntaxes: list[str | UID] = [*plain, *(each for each in found if each.is_compressed)]
    classes = [
        uid
        for name, uid in sorted(vars(pynetdicom.sop_class).items())
        if isinstance(uid, str) and held(uid) == PICTURE and not any(other in name for other in _OTHERS)
    ]
    return [build_context("1.2.840.10008.1.1"), *(build_context(each, syntaxes) for each in classes)]


def _answer(status: int, words: str) -> Dataset:
    answer = Dataset()
    answer.Status = status
    if status:
        answer.ErrorComment = words[:64]
    return answer


def _rejected(event: evt.Event) -> None:
    LOG.warning("association rejected: wrong AE title, or too many at once")
    LOG.debug("from %s to %s", event.assoc.requestor.ae_title, event.assoc.acceptor.ae_title)


class _Server(ThreadedAssociationServer):
    """pynetdicom's, but a peer that is silent during the TLS handshake keeps nobody else waiting."""

    daemon_threads = True
    request_queue_size = 128

    def get_request(self):
        return self.socket.accept()  # type: ignore[union-attr]

    def verify_request(self, request, client_address) -> bool:
        # Those without an association yet count as well.
        return len(self.active_associations) < 2 * self.ae.maximum_associations

    def finish_request(self, request, client_address) -> None:
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.ssl_context is not None:
            request.settimeout(HANDSHAKE)
            request = self.ssl_context.wrap_socket(request, server_side=True)
        request.settimeout(IDLE)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address) -> None:
        LOG.warning("connection refused: %s", reason(sys.exc_info()[1] or OSError("unknown")))

    def shutdown(self) -> None:
        socketserver.BaseServer.shutdown(self)
        self.server_close()
