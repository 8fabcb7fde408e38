"""Where results go: a DICOM node by C-STORE, or a DICOMweb server by STOW-RS."""

import re
import ssl
from pathlib import Path
from typing import Protocol

import pydicom
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from keras_srgan.pacs.dicomweb import DicomWeb, Refused, Unreachable
from keras_srgan.pacs.limits import bounds
from keras_srgan.pacs.tls import Tls

_NODE = re.compile(r"(?P<title>[!-~]{1,16})@(?P<host>\[[0-9a-fA-F:]+\]|[^@:/\s]+):(?P<port>\d{1,5})")
ANSWER_BYTES = 2**20
ANSWER = 300  # seconds that a destination may take to store an instance

# Files are sent piece by piece and written as they come, so that no instance is in memory whole.
_config.STORE_SEND_CHUNKED_DATASET = _config.STORE_RECV_CHUNKED_DATASET = True


class Destination(Protocol):
    """What takes results. `send` raises `Refused` for what it will never take, `Unreachable` for what it may later."""

    name: str

    def send(self, files: list[Path]) -> None: ...

    def close(self) -> None: ...


def open_destination(
    text: str, ae_title: str, tls: Tls, encrypted: bool = False, from_environment: bool = True
) -> Destination:
    """A destination by its name. Nothing is connected yet.

    Args:
        text: `AE@HOST:PORT`, or an `http(s)://` address.
        ae_title: what this program calls itself.
        tls: its certificates.
        encrypted: whether a DICOM node is spoken to by TLS.
        from_environment: as for `credentials`.

    Returns:
        The destination.

    Raises:
        ValueError: if the text is neither, or the certificates can't be read.
    """
    if "://" in text:
        return DicomWeb(text, tls, from_environment=from_environment)
    found = _NODE.fullmatch(text)
    if not found or "\\" in found["title"] or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"{text!r} is no destination: give AE@HOST:PORT or http(s)://HOST[:PORT]/PATH")
    context = tls.client() if encrypted else None
    return Node(found["title"], found["host"].strip("[]"), int(found["port"]), ae_title, context)


class Node:
    """A DICOM node that stores what it is sent. The association stays open from one instance to the next.

    Args:
        title: its AE title.
        host: name or address.
        port: TCP port.
        ae_title: what this program calls itself.
        context: for TLS.
    """

    def __init__(self, title: str, host: str, port: int, ae_title: str, context: ssl.SSLContext | None = None):
        self.name = f"{title}@{host}:{port}"
        self._title, self._host, self._port, self._context = title, host, port, context
        self._ae = AE(ae_title)
        self._ae.connection_timeout, self._ae.acse_timeout, self._ae.dimse_timeout = 20, 30, ANSWER
        self._ae.network_timeout = ANSWER
        self._association: Association | None = None
        self._offered: set[tuple[str, str]] = set()

    def send(self, files: list[Path]) -> None:
        """Stores files one after the other.

        Raises:
            Refused: if the node won't have one of them.
            Unreachable: if it can't be reached, or says that it can't now.
        """
        kinds = {}
        for file in files:
            meta = pydicom.filereader.read_file_meta_info(file)
            kinds[file] = (str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID))
        for file, kind in kinds.items():
            self._connect(set(kinds.values()))
            self._store(file, *kind)

    def _connect(self, kinds: set[tuple[str, str]]) -> None:
        """An association that offers these SOP classes and transfer syntaxes."""
        association = self._association
        if association is not None and association.is_established and kinds <= self._offered:
            return
        self.close()
        self._offered = kinds
        # Each syntax by itself, so that the node can't choose one that the file doesn't have.
        offers = {(sop_class, each) for sop_class, syntax in kinds for each in _sendable(syntax)}
        contexts = [build_context(sop_class, syntax) for sop_class, syntax in sorted(offers)]
        tls = (self._context, self._host) if self._context else None
        association = self._ae.associate(
            self._host, self._port, contexts, self._title, tls_args=tls, evt_handlers=bounds(ANSWER_BYTES)
        )
        if association.is_established:
            self._association = association
        elif association.is_rejected:
            raise Unreachable(f"{self.name} refuses the association; does it know the AE title {self._ae.ae_title}?")
        elif association.rejected_contexts:
            names = sorted({UID(sop_class).name for sop_class, _ in kinds})
            raise Refused(f"{self.name} takes no {' or '.join(names)}")
        else:
            raise Unreachable(f"{self.name} can't be reached{' by TLS' if tls else ''}")

    def _store(self, file: Path, sop_class: str, syntax: str) -> None:
        assert self._association is not None
        accepted = {
            str(context.transfer_syntax[0])
            for context in self._association.accepted_contexts
            if context.abstract_syntax == sop_class
        }
        if not accepted:
            raise Refused(f"{self.name} takes no {UID(sop_class).name}")
        if syntax not in accepted and not set(_sendable(syntax)) & accepted:
            raise Refused(f"{self.name} takes no {UID(syntax).name}")
        try:
            # What has to be encoded anew has to be read whole.
            answer = self._association.send_c_store(file if syntax in accepted else pydicom.dcmread(file))
        except (RuntimeError, OSError) as error:
            self.close()
            raise Unreachable(f"{self.name} broke off ({type(error).__name__})") from None
        status = answer.get("Status")
        if status is None:
            self.close()
            raise Unreachable(f"{self.name} gave no answer")
        if status in (0x0000, 0xB000, 0xB006, 0xB007, 0x0111):  # stored, stored with a warning, had it already
            return
        later = 0xA700 <= status <= 0xA7FF or status in (0x0124, 0x0210)
        raise (Unreachable if later else Refused)(f"{self.name} answers {status:#06x}")

    def close(self) -> None:
        """Ends the association, if there is one."""
        association, self._association = self._association, None
        if association is not None and association.is_established:
            association.release()


def _sendable(syntax: str) -> tuple[str, ...]:
    """The transfer syntaxes that a file can be sent in: a plain one in either plain form."""
    plain = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
    return plain if syntax in plain else (syntax,)
