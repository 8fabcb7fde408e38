"""One writer a run folder: who trains there holds a lock that names the process and ends with it."""

import contextlib
import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LOCK = "running.lock"
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_held: dict[Path, tuple[int, int]] = {}  # process and thread


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Holds a folder for this thread; one that is held already by the same thread is held on.

    The system drops the lock of a process that ends in any way, so nothing stale stays in force.

    Args:
        folder: an existing folder.

    Raises:
        ValueError: naming the holder, if another process or thread holds it.
        OSError: if the folder can't be written.
    """
    me, path = (os.getpid(), threading.get_ident()), folder.resolve() / LOCK
    holder = _held.get(path)
    if holder == me:
        yield
        return
    if holder and holder[0] == me[0]:
        raise ValueError(f"{folder}: another thread of this process trains there; wait for it, or give another folder")
    handle = _take(path, folder)
    _held[path] = me
    try:
        yield
    finally:
        del _held[path]
        with contextlib.suppress(OSError):  # Windows removes no open file, and others may have removed the folder
            path.unlink()
        os.close(handle)
        with contextlib.suppress(OSError):
            if os.name == "nt":
                path.unlink()


def _take(path: Path, folder: Path) -> int:
    """The open and locked file, with this process's name in it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                _lock(handle)
            except OSError as error:
                # Some network file systems have no locks: there the process that the file names decides.
                if error.errno in _TAKEN or _lives(_read(path)):
                    raise ValueError(_refusal(folder, path)) from None
            if not _same(handle, path):  # its holder has just gone, and removed it
                os.close(handle)
                continue
            about = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            os.ftruncate(handle, 0)
            os.write(handle, json.dumps(about).encode())
            return handle
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(handle)
            raise


def _lock(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        os.lseek(handle, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):  # not written yet
        return {}


def _lives(about: dict) -> bool:
    """Whether the process that a lock names may still run; one of another host may."""
    if not about or about.get("host") != socket.gethostname():
        return bool(about)
    try:
        os.kill(int(about["process"]), 0)
    except (ProcessLookupError, KeyError, ValueError):
        return False
    except OSError:  # it lives, and is somebody else's
        pass
    return int(about["process"]) != os.getpid()


def _refusal(folder: Path, path: Path) -> str:
    about = _read(path)
    who = f"process {about['process']} on {about['host']}, since {about['since']}" if len(about) == 3 else "another"
    return f"{folder}: in use by {who}: wait until it ends, or give another --out (if it is gone, delete {path.name})"
