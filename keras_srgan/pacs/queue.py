"""The queue on disk: an instance that was accepted stays until it has been delivered, whatever happens to the process.

A row of an SQLite table says how far an instance is; its files lie beside the table. A file is written before the row
that names it, and removed after the row that let it go, so that a killed process leaves at most a file too many.
"""

import os
import re
import shutil
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from keras_srgan.files import sha256
from keras_srgan.pacs.privacy import pseudonym

REMEMBERED = 90 * 86400  # seconds for which a delivered instance is known, so that a resend is no second one
_OURS = re.compile(r"[0-9a-f]{12}-[0-9a-f]{16}\.(dcm|[0-9a-f]{8})")
_TABLE = """
CREATE TABLE IF NOT EXISTS instances (
    number INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, state TEXT NOT NULL, bytes INTEGER NOT NULL,
    output TEXT NOT NULL DEFAULT '', deaths INTEGER NOT NULL DEFAULT 0, tried REAL NOT NULL DEFAULT 0,
    changed REAL NOT NULL, enlarging REAL, sending REAL, reason TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS by_state ON instances (state, tried, number);
CREATE TABLE IF NOT EXISTS destination (name TEXT NOT NULL);
"""


class QueueFull(OSError):
    """No room for another instance."""


@dataclass(frozen=True)
class Entry:
    """An instance of the queue.

    Args:
        key: its name: hashes of its SOP Instance UID and of its bytes.
        source: the file that was received.
        folder: where its results lie, or are to be written.
        deaths: how often the worker died on it.
    """

    key: str
    source: Path
    folder: Path
    deaths: int

    def results(self) -> list[Path]:
        """The files to send, in order."""
        return sorted(self.folder.glob("*.dcm"))


class Queue:
    """Instances and how far they are: `queued`, `enlarged`, then `done`, or `failed`.

    Safe for several threads of one process.

    Args:
        folder: made if missing, for this user alone.
        max_bytes: the size of all files beyond which nothing more is accepted.

    Raises:
        OSError: if another process uses the folder, or it cannot be written.
    """

    def __init__(self, folder: str | os.PathLike, max_bytes: int):
        self.folder, self.max_bytes = Path(folder), max_bytes
        self.incoming, self._files = self.folder / "incoming", self.folder / "instances"
        for each in (self.folder, self.incoming, self._files):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock, self._changed = threading.RLock(), threading.Condition()
        try:
            self._db = sqlite3.connect(self.folder / "queue.db", timeout=0.5, check_same_thread=False)
            # The lock is held until the process ends, however it ends.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_TABLE)
            self._db.execute("BEGIN IMMEDIATE")
            self._db.commit()
        except sqlite3.Error as error:
            used = "locked" in str(error)
            text = "in use by another listener; give another --queue" if used else f"no usable queue ({error})"
            raise OSError(f"{self.folder}: {text}") from None
        self._delivered = 0
        self._token = os.urandom(4).hex()  # a worker that outlived its parent writes to another folder
        self._clean()

    def _clean(self) -> None:
        """Removes what a killed process left over, and forgets what was delivered long ago."""
        self._forget()
        kept = set()
        for key, output in self._db.execute("SELECT key, output FROM instances WHERE state != 'done' AND bytes > 0"):
            kept |= {output} if output else {f"{key}.dcm"}
        for path in self._files.iterdir():
            if path.name not in kept and _OURS.fullmatch(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self.incoming.glob("tmp*.dcm"):
            path.unlink()

    def _forget(self) -> None:
        with self._lock, self._db:
            self._db.execute("DELETE FROM instances WHERE state = 'done' AND changed < ?", (time.time() - REMEMBERED,))

    def bind_to(self, destination: str) -> None:
        """Notes where the results go, since some may have gone there already.

        Args:
            destination: its name.

        Raises:
            ValueError: if the queue holds instances for another one.
        """
        with self._lock, self._db:
            row = self._db.execute("SELECT name FROM destination").fetchone()
            if row and row[0] != destination and self._count("state != 'done' AND bytes > 0"):
                raise ValueError(
                    f"{self.folder}: holds instances for {row[0]}; deliver them first, or give another --queue"
                )
            if not row or row[0] != destination:
                self._db.execute("DELETE FROM destination")
                self._db.execute("DELETE FROM instances")
                self._db.execute("INSERT INTO destination VALUES (?)", (destination,))

    def add(self, path: Path, uid: str) -> tuple[str, bool]:
        """Takes a received file over, on disk before it returns.

        Args:
            path: a file in `incoming`; moved.
            uid: its SOP Instance UID.

        Returns:
            A tuple `(key, new)`: `new` is false for an instance that is here already or was delivered.

        Raises:
            QueueFull: if there is no room.
            OSError: if the disk refuses.
        """
        key = f"{pseudonym(uid)}-{sha256(path)[:16]}"
        size = path.stat().st_size
        _to_disk(path)
        with self._lock:
            row = self._db.execute("SELECT state FROM instances WHERE key = ?", (key,)).fetchone()
            if row and row[0] != "failed":
                return key, False
            self._make_room(size)
            source = self._files / f"{key}.dcm"
            os.replace(path, source)
            _to_disk(self._files)
            with self._db:
                # One that failed before is tried again.
                self._db.execute("DELETE FROM instances WHERE key = ?", (key,))
                self._db.execute(
                    "INSERT INTO instances (key, state, bytes, changed) VALUES (?, 'queued', ?, ?)",
                    (key, size, time.time()),
                )
        self._notify()
        return key, True

    def _make_room(self, size: int) -> None:
        """Lets go of what failed, oldest first; what waits is never dropped."""
        failed = self._db.execute(
            "SELECT key, output, bytes FROM instances WHERE state = 'failed' AND bytes > 0 ORDER BY changed"
        ).fetchall()
        while self.used_bytes() + size > self.max_bytes:
            if not failed:
                raise QueueFull(f"the queue holds {self.used_bytes()} of {self.max_bytes} bytes")
            key, output, _ = failed.pop(0)
            with self._db:
                self._db.execute(
                    "UPDATE instances SET bytes = 0, output = '', reason = reason || ?  WHERE key = ?",
                    ("; dropped to make room, send it again", key),
                )
            self._remove(key, output)

    def _remove(self, key: str, output: str) -> None:
        (self._files / f"{key}.dcm").unlink(missing_ok=True)
        if output:
            shutil.rmtree(self._files / output, ignore_errors=True)

    def used_bytes(self, state: str = "%") -> int:
        """Size of the files of all instances, or of those in one state."""
        with self._lock:
            query = "SELECT COALESCE(SUM(bytes), 0) FROM instances WHERE state != 'done' AND state LIKE ?"
            return self._db.execute(query, (state,)).fetchone()[0]

    def next(self, state: str) -> Entry | None:
        """The instance to work on: the one tried longest ago, in order of arrival.

        Args:
            state: `queued` or `enlarged`.

        Returns:
            An `Entry`, or `None` if there is none, or if too much waits to be sent for more to be enlarged.
        """
        with self._lock:
            if state == "queued" and self.used_bytes("enlarged") > self.max_bytes / 2:
                return None
            query = "SELECT key, output, deaths FROM instances WHERE state = ? ORDER BY tried, number LIMIT 1"
            row = self._db.execute(query, (state,)).fetchone()
        if row is None:
            return None
        key, output, deaths = row
        return Entry(key, self._files / f"{key}.dcm", self._files / (output or f"{key}.{self._token}"), deaths)

    def enlarged(self, entry: Entry, seconds: float) -> None:
        """Notes that the results of an instance are in its folder."""
        size = sum(each.stat().st_size for each in entry.results())
        _to_disk(entry.folder)
        _to_disk(self._files)
        self._set(
            entry,
            "state = 'enlarged', tried = 0, bytes = ?, output = ?, enlarging = ?",
            size,
            entry.folder.name,
            seconds,
        )
        entry.source.unlink(missing_ok=True)

    def done(self, entry: Entry, seconds: float) -> None:
        """Notes that the destination has the results, and lets go of them."""
        self._set(entry, "state = 'done', bytes = 0, output = '', sending = ?", seconds)
        self._remove(entry.key, entry.folder.name)
        self._delivered += 1
        if self._delivered % 1000 == 0:
            self._forget()

    def fail(self, entry: Entry, why: str) -> None:
        """Notes that an instance can't be done; its files are kept while there is room."""
        self._set(entry, "state = 'failed', reason = ?", why)

    def postpone(self, entry: Entry, died: bool = False) -> None:
        """Puts an instance behind the others."""
        self._set(entry, "tried = ?, deaths = deaths + ?", time.time(), int(died))

    def retry_failed(self) -> int:
        """Queues again what failed and still has its files; returns how many."""
        with self._lock, self._db:
            done = self._db.execute(
                "UPDATE instances SET state = CASE output WHEN '' THEN 'queued' ELSE 'enlarged' END, deaths = 0, "
                "reason = '', changed = ? WHERE state = 'failed' AND bytes > 0",
                (time.time(),),
            )
        return done.rowcount

    def _set(self, entry: Entry, what: str, *values) -> None:
        with self._lock, self._db:
            self._db.execute(
                f"UPDATE instances SET {what}, changed = ? WHERE key = ?", (*values, time.time(), entry.key)
            )
        self._notify()

    def _count(self, condition: str) -> int:
        return self._db.execute(f"SELECT COUNT(*) FROM instances WHERE {condition}").fetchone()[0]

    def summary(self) -> dict:
        """What a status page shows: counts, bytes, mean seconds of the last hundred, the last failures."""
        with self._lock:
            counts = dict(self._db.execute("SELECT state, COUNT(*) FROM instances GROUP BY state"))
            means = self._db.execute(
                "SELECT AVG(enlarging), AVG(sending) FROM (SELECT enlarging, sending FROM instances "
                "WHERE state = 'done' ORDER BY changed DESC LIMIT 100)"
            ).fetchone()
            failures = self._db.execute(
                "SELECT key, changed, reason FROM instances WHERE state = 'failed' ORDER BY changed DESC LIMIT 50"
            ).fetchall()
            return {
                **{state: counts.get(state, 0) for state in ("queued", "enlarged", "done", "failed")},
                "bytes": self.used_bytes(),
                "max_bytes": self.max_bytes,
                "mean_seconds": dict(zip(("enlarging", "sending"), means, strict=True)),
                "failures": [{"instance": key[:12], "when": round(when), "why": why} for key, when, why in failures],
            }

    def wait(self, seconds: float) -> None:
        """Waits until something changed, or for so long."""
        with self._changed:
            self._changed.wait(seconds)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Lets other processes have the folder."""
        with self._lock:
            self._db.close()


def _to_disk(path: Path) -> None:
    """Has the system write a file, or the names in a folder, before anything else is said about it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
