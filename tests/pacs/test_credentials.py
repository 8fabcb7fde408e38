"""Credentials come from the environment or netrc, go to the server they are for, and are never shown."""

import base64
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytest.importorskip("dicomweb_client")

from keras_srgan.pacs.credentials import PASSWORD, TOKEN, USER, check_url, credentials
from keras_srgan.pacs.dicomweb import DicomWeb, Unreachable
from keras_srgan.pacs.tls import Tls


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in (TOKEN, USER, PASSWORD):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "netrc").write_text("")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.fixture
def server():
    """A server that notes the Authorization headers it gets and sends `answer`."""

    class Handler(BaseHTTPRequestHandler):
        seen: list = []
        answer = (200, b"[]")

        def do_GET(self):
            self.seen.append(self.headers.get("Authorization"))
            status, content = self.answer
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    opened = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=opened.serve_forever, daemon=True).start()
    Handler.seen, Handler.url = [], f"http://127.0.0.1:{opened.server_address[1]}/dicom-web"
    yield Handler
    opened.shutdown()
    opened.server_close()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(url, **options):
    list(DicomWeb(url, Tls(), **options).search("1.2.3"))


def test_user_and_password_of_the_environment(server, monkeypatch):
    monkeypatch.setenv(USER, "ann")
    monkeypatch.setenv(PASSWORD, "pass word")
    ask(server.url)
    assert server.seen == [basic("ann", "pass word")]


def test_a_token_goes_before_netrc_and_netrc_serves_its_host(server, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login bob password hidden\n")
    ask(server.url)
    monkeypatch.setenv(TOKEN, "abc")
    ask(server.url)
    ask(server.url, from_environment=False)
    assert server.seen == [basic("bob", "hidden"), "Bearer abc", basic("bob", "hidden")]


def test_none_are_sent_where_there_are_none(server):
    ask(server.url)
    assert server.seen == [None]


def test_credentials_never_cross_a_network_in_clear(monkeypatch):
    monkeypatch.setenv(TOKEN, "abc")
    with pytest.raises(ValueError, match="https") as caught:
        credentials("http://pacs.example/dicom-web")
    assert "abc" not in str(caught.value)
    assert credentials("https://pacs.example/dicom-web") is not None


def test_credentials_in_an_address_are_refused_unrepeated():
    with pytest.raises(ValueError) as caught:
        check_url("https://ann:hidden@pacs.example/dicom-web")
    assert "hidden" not in str(caught.value) and "ann" not in str(caught.value).replace("and", "")


def test_a_refusal_says_to_look_at_the_credentials_and_shows_none(server, monkeypatch):
    monkeypatch.setenv(TOKEN, "abcdef")
    server.answer = (401, b"")
    with pytest.raises(Unreachable, match="401; check the credentials") as caught:
        ask(server.url)
    assert "abcdef" not in str(caught.value)


def test_an_answer_without_end_is_cut(server):
    server.answer = (200, b"[" + b" " * 100_000 + b"]")
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        ask(server.url, max_bytes=1000)
