"""TLS: trusted peers get through, strangers and silent ones don't."""

import socket
import ssl
import subprocess

import pytest

pytest.importorskip("pynetdicom")

from keras_srgan.pacs.destinations import Unreachable, open_destination
from keras_srgan.pacs.queue import Queue
from keras_srgan.pacs.receiver import Receiver
from keras_srgan.pacs.tls import Tls


def files(folder, name, authority="ca"):
    return Tls(folder / f"{name}.pem", folder / f"{name}.key", folder / f"{authority}.pem")


@pytest.fixture
def receiver(tmp_path, certificates):
    queue = Queue(tmp_path / "queue", 10**8)
    opened = Receiver(queue, ("127.0.0.1", 0), "KERAS-SRGAN", None, context=files(certificates, "node").server())
    opened.start()
    yield opened
    opened.stop()
    queue.close()


def test_a_peer_with_a_certificate_of_our_authority_stores(receiver, certificates, make_instance, helpers):
    context = files(certificates, "node").client()
    assert helpers.store(receiver.port, make_instance(), context=context) == 0


def test_a_peer_with_another_certificate_none_or_no_tls_does_not(receiver, certificates, make_instance, helpers):
    path = make_instance()
    trusting = Tls(authorities=certificates / "ca.pem")
    stranger = files(certificates, "stranger").client()
    stranger.load_verify_locations(certificates / "ca.pem")
    for context in (stranger, trusting.client(), None):
        assert helpers.store(receiver.port, path, context=context) is None


def test_a_peer_that_is_silent_in_the_handshake_keeps_nobody_waiting(receiver, certificates, make_instance, helpers):
    with socket.create_connection(("127.0.0.1", receiver.port)):
        assert helpers.store(receiver.port, make_instance(), context=files(certificates, "node").client()) == 0


def test_dcmtk_stores_by_tls(receiver, certificates, make_instance, storescu):
    own = ["+tls", certificates / "node.key", certificates / "node.pem", "+cf", certificates / "ca.pem"]
    where = ["127.0.0.1", str(receiver.port), "-aec", "KERAS-SRGAN"]
    assert subprocess.run([storescu, *own, *where, make_instance()]).returncode == 0


def test_a_destination_is_trusted_by_its_certificate_and_host(shelf, certificates, make_instance):
    trusted = shelf(context=files(certificates, "node").server())
    path = make_instance()
    ours = files(certificates, "node")
    name = f"SHELF@localhost:{trusted.port}"
    good = open_destination(name, "KERAS-SRGAN", ours, encrypted=True)
    good.send([path])
    good.close()
    assert len(trusted.stored) == 1
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "stranger.pem", certificates / "stranger.key")
    wrong = shelf(context=context)
    with pytest.raises(Unreachable, match="TLS"):
        open_destination(f"SHELF@localhost:{wrong.port}", "KERAS-SRGAN", ours, encrypted=True).send([path])
    assert not wrong.stored


def test_files_that_are_no_certificates_are_named(certificates, tmp_path):
    with pytest.raises(ValueError, match="absent.pem: No such file"):
        Tls(certificate=tmp_path / "absent.pem").server()
    other = tmp_path / "other.pem"
    other.write_text("nothing")
    for tls in (
        Tls(certificate=other),
        Tls(authorities=other),
        Tls(certificates / "node.pem", certificates / "ca.key"),
    ):
        with pytest.raises(ValueError, match="PEM"):
            tls.client()
    with pytest.raises(ValueError, match="--tls-cert"):
        Tls().server()
