"""Bounds on what a DICOM peer can make this process read: pynetdicom believes whatever length a PDU claims."""

import socket
import time
from typing import Any

from pynetdicom import evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.transport import AssociationSocket

PDU = 2**20  # bytes; an association request with every SOP class stays well below
IDLE = 60  # seconds for a PDU, and between two of them


def bounds(max_bytes: int) -> list[tuple]:
    """Event handlers that give an association bounded memory and time.

    Args:
        max_bytes: of a C-STORE request, its data set included. A longer one, another message of more than `PDU` bytes
            (it would be in memory) or such a PDU ends the association as a broken connection would.

    Returns:
        Handlers as pynetdicom takes them.
    """

    def opened(event: evt.Event) -> None:
        connection: Any = event.assoc.dul.socket
        connection.recv = Reader(connection, max_bytes)

    def received(event: evt.Event) -> None:
        reader = getattr(event.assoc.dul.socket, "recv", None)
        if isinstance(reader, Reader):
            reader.total = 0

    return [(evt.EVT_CONN_OPEN, opened), (evt.EVT_DIMSE_RECV, received)]


class Reader:
    """Stands in for `AssociationSocket.recv`.

    Args:
        connection: whose socket is read.
        max_bytes: as for `bounds`.
    """

    def __init__(self, connection: AssociationSocket, max_bytes: int):
        self._connection, self._max_bytes, self.total = connection, max_bytes, 0

    def __call__(self, count: int) -> bytearray:
        """Reads `count` bytes, or fewer if the connection ends.

        Raises:
            OSError: if they are too many or too slow.
        """
        self.total += count
        stored = isinstance(self._connection.assoc.dimse.message, C_STORE_RQ)
        if count > PDU or self.total > (self._max_bytes if stored else min(PDU, self._max_bytes)):
            raise OSError(f"a message of {max(self.total, count)} bytes, more than the limit")
        stream, data, deadline = self._connection.socket, bytearray(), time.monotonic() + IDLE
        assert stream is not None
        while len(data) < count:
            self._await(stream, deadline)
            part = stream.recv(min(count - len(data), 2**16))
            if not part:
                break
            data += part
        return data

    @staticmethod
    def _await(stream: socket.socket, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"a PDU took more than {IDLE} s")
        # Also bounds what is sent to a peer that no longer reads.
        stream.settimeout(left)
