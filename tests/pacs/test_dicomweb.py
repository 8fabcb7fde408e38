"""Answers of DICOMweb servers, from one that says what it is told to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")

from keras_srgan.pacs import dicomweb
from keras_srgan.pacs.dicomweb import DicomWeb, Refused, Unreachable
from keras_srgan.pacs.tls import Tls


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server; `answers` are `(status, JSON)`, the last one for ever; `seen` are the paths asked for."""
    (tmp_path / "netrc").write_text("")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(dicomweb, "PAUSES", (0.0, 0.0))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        seen: list = []
        answers: list = [(200, [])]

        def do_GET(self):
            self.seen.append(self.path)
            status, content = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self):
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def log_message(self, *arguments):
            pass

    opened = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=opened.serve_forever, daemon=True).start()
    Handler.seen = []
    Handler.client = DicomWeb(f"http://127.0.0.1:{opened.server_address[1]}/dicom-web", Tls())
    yield Handler
    Handler.client.close()
    opened.shutdown()
    opened.server_close()


def failed(reason):
    item = {"00081197": {"vr": "US", "Value": [reason]}}
    return {"00081198": {"vr": "SQ", "Value": [item]}}


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (409, failed(0xA900), Refused),
        (202, failed(0xC000), Refused),
        (202, failed(0xA700), Unreachable),
        (409, {}, Refused),
        (400, {}, Refused),
        (401, {}, Unreachable),
        (404, {}, Unreachable),
        (503, {}, Unreachable),
    ],
)
def test_a_refusal_is_for_now_or_for_good(server, make_instance, status, answer, kind):
    server.answers = [(status, answer)]
    with pytest.raises(kind):
        server.client.send([make_instance()])


@pytest.mark.parametrize(("status", "answer"), [(200, {}), (409, failed(0x0111)), (202, failed(0x0111))])
def test_what_the_server_has_or_has_now_is_stored(server, make_instance, status, answer):
    server.answers = [(status, answer)]
    server.client.send([make_instance()])


def found(count, start=0):
    return [{"00080018": {"vr": "UI", "Value": [f"1.2.{number}"]}} for number in range(start, start + count)]


def test_pages_are_followed_to_the_end_and_a_server_without_pages_is_asked_no_third_time(server, monkeypatch):
    monkeypatch.setattr(dicomweb, "PAGE", 2)
    server.answers = [(200, found(2)), (200, found(1, 2))]
    assert [each.instance for each in server.client.search("1.2", "1.3")] == ["1.2.0", "1.2.1", "1.2.2"]
    server.seen.clear()
    server.answers = [(200, found(5))]
    assert len(list(server.client.search("1.2", "1.3"))) == 5
    assert len(server.seen) == 2


def test_a_busy_server_is_asked_again_and_a_wrong_address_is_not(server):
    server.answers = [(503, []), (200, found(1))]
    assert len(list(server.client.search("1.2", "1.3"))) == 1
    server.seen.clear()
    server.answers = [(404, [])]
    with pytest.raises(Unreachable, match="404"):
        list(server.client.search("1.2", "1.3"))
    assert len(server.seen) == 1


def test_an_answer_without_the_uid_asked_for_is_named(server):
    server.answers = [(200, [{}])]
    with pytest.raises(Unreachable, match="0008,0018"):
        list(server.client.search("1.2", "1.3"))
