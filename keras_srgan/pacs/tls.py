"""TLS for both sides: this node's certificate and key, and the authorities that the other side's must come from."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tls:
    """Files in PEM form.

    Args:
        certificate: this node's, with those between it and its authority; or `None`.
        key: its private key, unless it is in `certificate`.
        authorities: whose certificates are trusted; `None`: those of the system, and clients need none.
    """

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None

    def server(self) -> ssl.SSLContext:
        """For accepted connections; with `authorities` a client has to show a certificate.

        Raises:
            ValueError: if a file is missing or is none of these.
        """
        if self.certificate is None:
            raise ValueError("TLS needs a certificate: give --tls-cert")
        context = self._context(ssl.Purpose.CLIENT_AUTH)
        if self.authorities is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self) -> ssl.SSLContext:
        """For connections that are opened: the peer's certificate and host name are checked.

        Raises:
            ValueError: as for `server`.
        """
        return self._context(ssl.Purpose.SERVER_AUTH)

    def _context(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        path: Path | None = self.authorities
        try:
            context = ssl.create_default_context(purpose, cafile=path)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                path = self.certificate
                # A key with a passphrase would ask at the terminal.
                context.load_cert_chain(path, self.key, password=lambda: "")
        except OSError as error:  # SSLError is one
            what = error.strerror if isinstance(error, FileNotFoundError) else "no usable PEM certificate and key"
            raise ValueError(f"{path}: {what}; give certificates and keys in PEM form, without passphrase") from None
        return context
