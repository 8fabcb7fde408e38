"""Serves the page to this computer alone, and does the work where the page can't."""

import json
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from keras_srgan.demo.static_site import HEADERS

HOST = "127.0.0.1"
LARGEST = 2**31  # bytes of a file, with its enlarged pixels


class Server(ThreadingHTTPServer):
    """The page's server.

    Args:
        folder: of the page.
        port: 0 takes a free one.
        actions: name to function of a request's options (a dictionary of strings), its body and a function that sends
            a dictionary; it returns a dictionary and the bytes that follow it. What it can't do is a `ValueError`.
    """

    daemon_threads = True

    def __init__(self, folder: str | Path, port: int = 0, actions: dict[str, Callable] | None = None):
        self.actions, self.lock = actions or {}, threading.Lock()
        super().__init__((HOST, port), partial(_Handler, directory=str(folder)))

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/"


class _Handler(SimpleHTTPRequestHandler):
    server: Server
    extensions_map = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".onnx": "application/octet-stream",
    }

    def log_message(self, format, *args):
        pass

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def _is_ours(self) -> bool:
        """Whether the request is of this page: other pages can reach a local port, under another name even."""
        own = {f"{host}:{self.server.server_port}" for host in (HOST, "localhost")}
        origin = self.headers.get("Origin")
        return self.headers.get("Host") in own and (origin is None or urlsplit(origin).netloc in own)

    def do_GET(self):
        if self._is_ours():
            super().do_GET()
        else:
            self.send_error(403)

    def do_HEAD(self):
        if self._is_ours():
            super().do_HEAD()
        else:
            self.send_error(403)

    def list_directory(self, path):
        self.send_error(404)

    def do_POST(self):
        url = urlsplit(self.path)
        action = self.server.actions.get(url.path.lstrip("/"))
        size = int(self.headers.get("Content-Length") or 0)
        if not self._is_ours() or action is None or not 0 <= size <= LARGEST:
            self.close_connection = True
            return self.send_error(403 if action else 404)
        options = {name: values[-1] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(size)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            with self.server.lock:
                told, rest = action(options, body, self._tell)
            self._tell({**told, "rest": len(rest)})
            self.wfile.write(rest)
        except (BrokenPipeError, ConnectionResetError):
            pass  # cancelled
        except (ValueError, OSError, MemoryError) as error:
            self._tell({"error": " ".join(str(error).split()) or type(error).__name__})

    def _tell(self, content: dict) -> None:
        self.wfile.write(json.dumps(content).encode() + b"\n")
        self.wfile.flush()
