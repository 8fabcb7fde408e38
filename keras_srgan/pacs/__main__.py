"""`python -m keras_srgan.pacs`: receives, fetches and sends DICOM images over the network, enlarged."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_srgan.cli import Parser, port, positive, run_safely
from keras_srgan.packages import require

if TYPE_CHECKING:
    from keras_srgan.pacs.enlarge import Settings
    from keras_srgan.pacs.tls import Tls
    from keras_srgan.pacs.transfers import Outcome

PROGRAM = "keras-srgan pacs"


def parser() -> Parser:
    """The command's parser; imports nothing that is slow."""
    parse = Parser(
        prog=PROGRAM,
        description="Images from a PACS, enlarged, back as a new series. Not for diagnostic use.",
        epilog="Credentials for DICOMweb: KERAS_SRGAN_PACS_TOKEN, or KERAS_SRGAN_PACS_USER and _PASSWORD, or netrc.",
    )
    verbs = parse.add_subparsers(dest="verb", required=True, metavar="VERB")
    listen = verbs.add_parser("listen", help="receive by C-STORE, enlarge, send on")
    listen.add_argument("--out-to", required=True, metavar="DEST", help="AE@HOST:PORT (C-STORE) or URL (STOW-RS)")
    listen.add_argument("--port", type=port, default=11112, help="TCP port; 0: any free one [11112]")
    listen.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="own address [127.0.0.1]")
    who = listen.add_mutually_exclusive_group(required=True)
    who.add_argument("--accept-from", nargs="+", type=_title, metavar="AE", help="AE titles that may send")
    who.add_argument("--accept-any", action="store_true", help="any AE title may send")
    listen.add_argument("--queue", type=Path, default=Path("pacs-queue"), metavar="DIR", help="[pacs-queue]")
    listen.add_argument("--queue-gb", type=_amount, default=20.0, metavar="N", help="most on disk before refusal [20]")
    listen.add_argument("--associations", type=positive, default=64, metavar="N", help="at once [64]")
    listen.add_argument("--status-port", type=port, metavar="N", help="a page on 127.0.0.1:N; 0: any free port")
    listen.add_argument("--retry-failed", action="store_true", help="queue again what failed")
    fetch = verbs.add_parser("fetch", help="fetch by DICOMweb, enlarge, store")
    fetch.add_argument("url", metavar="URL", help="of the DICOMweb server, without /studies")
    fetch.add_argument("--study", required=True, metavar="UID", help="Study Instance UID")
    fetch.add_argument("--series", metavar="UID", help="Series Instance UID [all]")
    fetch.add_argument("--to", metavar="DEST", help="AE@HOST:PORT (C-STORE) or URL (STOW-RS) [URL]")
    send = verbs.add_parser("send", help="send DICOM files as they are")
    send.add_argument("files", nargs="+", type=Path, metavar="FILE", help="file, or folder (searched to any depth)")
    send.add_argument("--to", required=True, metavar="DEST", help="AE@HOST:PORT (C-STORE) or URL (STOW-RS)")
    for verb in (listen, fetch, send):
        verb.add_argument("--ae-title", type=_title, default="KERAS-SRGAN", metavar="AE", help="own [KERAS-SRGAN]")
        tls = verb.add_argument_group("TLS (PEM files)")
        tls.add_argument("--tls-cert", type=Path, metavar="FILE", help="own certificate; listen then takes TLS only")
        tls.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, unless in the same file")
        tls.add_argument("--tls-ca", type=Path, metavar="FILE", help="trusted authorities; listen then asks for theirs")
        tls.add_argument("--to-tls", action="store_true", help="C-STORE by TLS (https URLs are by themselves)")
        verb.add_argument("--verbose", action="store_true", help="name UIDs and quote errors, which may name patients")
    for verb in (listen, fetch):
        verb.add_argument("--max-mb", type=_amount, default=512.0, metavar="N", help="largest instance received [512]")
        enlarging = verb.add_argument_group("enlarging")
        enlarging.add_argument(
            "--weights", default="xray-srgan-plus", help="name, file or run folder [xray-srgan-plus]"
        )
        enlarging.add_argument(
            "--alpha", type=float, metavar="T", help="from pretrained (0) to adversarial (1) weights"
        )
        enlarging.add_argument("--engine", default="auto", help="as of keras-srgan upscale [auto]")
        enlarging.add_argument("--max-pixels", type=positive, metavar="N", help="largest image enlarged [268435456]")
        enlarging.add_argument("--map", action="store_true", help="send what was added too, as a Parametric Map")
    return parse


def _title(text: str) -> str:
    if not 0 < len(text.strip()) <= 16 or not text.isascii() or not text.isprintable() or "\\" in text:
        raise ValueError
    return text.strip()


def _amount(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


_title.__name__, _amount.__name__ = "AE title", "positive number"


def main(arguments: list[str] | None = None) -> int:
    parsed = parser().parse_args(arguments)
    return run_safely(PROGRAM, lambda: work(parsed))


def work(arguments: argparse.Namespace) -> int:
    require("keras_srgan.pacs", "pacs", "pynetdicom", "dicomweb_client")
    from keras_srgan.pacs.privacy import log_to_stderr
    from keras_srgan.pacs.tls import Tls

    log_to_stderr(arguments.verbose)
    tls = Tls(arguments.tls_cert, arguments.tls_key, arguments.tls_ca)
    return {"listen": listen, "fetch": fetch, "send": send}[arguments.verb](arguments, tls)


def settings(arguments: argparse.Namespace) -> "Settings":
    from keras_srgan.pacs.enlarge import Settings

    if arguments.map:
        require("--map", "dicom", "highdicom")
    return Settings(arguments.weights, arguments.alpha, arguments.engine, arguments.max_pixels, arguments.map)


def listen(arguments: argparse.Namespace, tls: "Tls") -> int:
    """Serves until it is told to end (SIGTERM, Ctrl-C)."""
    from keras_srgan.pacs.destinations import open_destination
    from keras_srgan.pacs.queue import Queue
    from keras_srgan.pacs.receiver import Receiver
    from keras_srgan.pacs.service import Service
    from keras_srgan.pacs.status_page import StatusPage
    from keras_srgan.pacs.worker import Worker
    from keras_srgan.weights import find_weights

    end = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: end.set())
    find_weights(arguments.weights)  # a wrong name is known at once
    context = tls.server() if arguments.tls_cert else None
    destination = open_destination(arguments.out_to, arguments.ae_title, tls, arguments.to_tls)
    queue = Queue(arguments.queue, int(arguments.queue_gb * 1e9))
    queue.bind_to(destination.name)
    if arguments.retry_failed:
        print(f"{queue.retry_failed()} queued again", flush=True)
    worker = Worker(settings(arguments), arguments.verbose)
    service = Service(queue, worker, destination)
    receiver = Receiver(
        queue,
        (arguments.bind, arguments.port),
        arguments.ae_title,
        arguments.accept_from,
        arguments.associations,
        int(arguments.max_mb * 1e6),
        context,
    )
    page = None if arguments.status_port is None else StatusPage(arguments.status_port, service.status)
    worker.start()  # so that unusable weights are known before anything is accepted
    service.start()
    receiver.start()
    where = f"{arguments.ae_title}@{arguments.bind}:{receiver.port}{' by TLS' if context else ''}"
    if page is not None:
        page.start()
        where += f", status on http://127.0.0.1:{page.port}/"
    print(f"listening: {where}, results to {destination.name}", flush=True)
    end.wait()
    receiver.stop()
    service.stop()
    queue.close()
    print("ended; what is queued is done after the next start", flush=True)
    sys.stdout.flush()
    os._exit(0)  # pynetdicom's threads would be waited for


def fetch(arguments: argparse.Namespace, tls: "Tls") -> int:
    """Fetches, enlarges and sends the images of a study."""
    from keras_srgan.pacs.destinations import Destination, open_destination
    from keras_srgan.pacs.dicomweb import DicomWeb
    from keras_srgan.pacs.transfers import fetch as fetch_all

    source = DicomWeb(arguments.url, tls, int(arguments.max_mb * 1e6))
    destination: Destination = source
    if arguments.to not in (None, arguments.url):
        # The credentials of the environment are the source's.
        destination = open_destination(arguments.to, arguments.ae_title, tls, arguments.to_tls, from_environment=False)
    outcomes = fetch_all(source, arguments.study, arguments.series, destination, settings(arguments))
    try:
        return show(outcomes)
    finally:
        destination.close()


def send(arguments: argparse.Namespace, tls: "Tls") -> int:
    """Sends files."""
    from keras_srgan.pacs.destinations import open_destination
    from keras_srgan.pacs.transfers import send as send_all

    destination = open_destination(arguments.to, arguments.ae_title, tls, arguments.to_tls)
    try:
        return show(send_all(arguments.files, destination))
    finally:
        destination.close()


def show(outcomes: "Iterable[Outcome]") -> int:
    """A line an instance, then the counts; the exit status."""
    counts = {"sent": 0, "skipped": 0, "failed": 0}
    for each in outcomes:
        counts[each.status] += 1
        line = f"{each.name}: {each.status}{', ' + each.why if each.why else ''}"
        print(line, file=sys.stderr if each.status == "failed" else sys.stdout, flush=True)
    print(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
