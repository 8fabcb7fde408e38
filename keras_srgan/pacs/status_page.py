"""A page on this machine alone: what is queued, done and failed, and why."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from keras_srgan.html_page import page, text

_STYLE = """body { font: 16px system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .3rem 1rem .3rem 0; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } .trouble { color: #b00020; }
@media (prefers-color-scheme: dark) { .trouble { color: #ff8a80; } }
"""


class StatusPage:
    """Serves `/` (HTML) and `/status.json` on loopback.

    Args:
        port: TCP port; 0: any free one.
        status: gives what `Service.status` does.

    Raises:
        OSError: if the port can't be listened on.
    """

    def __init__(self, port: int, status: Callable[[], dict]):
        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                # A page of another site that has its name point here must not read this one.
                host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
                if host not in ("127.0.0.1", "localhost"):
                    self.send_error(403)
                elif self.path == "/":
                    self._send("text/html; charset=utf-8", render(status()))
                elif self.path == "/status.json":
                    self._send("application/json", json.dumps(status(), indent=2) + "\n")
                else:
                    self.send_error(404)

            def _send(self, kind: str, content: str) -> None:
                data = content.encode()
                self.send_response(200)
                headers = {"Content-Type": kind, "Content-Length": str(len(data)), "Cache-Control": "no-store"}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments) -> None:
                pass

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise OSError(f"127.0.0.1:{port}: {error.strerror}; give another --status-port") from None
        self.port = self._server.server_address[1]

    def start(self) -> None:
        """Begins to answer."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Answers no more."""
        self._server.shutdown()
        self._server.server_close()


def render(status: dict) -> str:
    """The page.

    Args:
        status: as `Service.status` gives it.

    Returns:
        HTML that asks the browser to load it again after 10 s.
    """
    trouble = f'<p class="trouble">Not reachable: {text(status["trouble"])}</p>' if status["trouble"] else ""
    means = status["mean_seconds"]
    rows = [
        ("queued", status["queued"]),
        ("enlarged, to be sent", status["enlarged"]),
        ("done", status["done"]),
        ("failed", status["failed"]),
        ("on disk, MB", f"{status['bytes'] / 1e6:.0f} of {status['max_bytes'] / 1e6:.0f}"),
        ("s to enlarge (mean of the last 100)", "-" if means["enlarging"] is None else f"{means['enlarging']:.2f}"),
        ("s to send", "-" if means["sending"] is None else f"{means['sending']:.2f}"),
    ]
    table = "".join(f'<tr><td>{text(name)}</td><td class="n">{text(value)}</td></tr>' for name, value in rows)
    failures = "".join(
        f"<tr><td>{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(each['when']))}</td>"
        f"<td><code>{text(each['instance'])}</code></td><td>{text(each['why'])}</td></tr>"
        for each in status["failures"]
    )
    failed = (
        f"<h2>Failed, newest first</h2><table><tr><th>when</th><th>instance</th><th>why</th></tr>{failures}</table>"
    )
    body = (
        f"<h1>keras-srgan listener</h1><p>To {text(status['destination'])}, since "
        f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(status['since']))}.</p>{trouble}<table>{table}</table>"
        f"{failed if failures else ''}<p>Not for diagnostic use.</p>\n"
    )
    whole = page("keras-srgan listener", body, _STYLE)
    return whole.replace("<title>", '<meta http-equiv="refresh" content="10">\n<title>', 1)
