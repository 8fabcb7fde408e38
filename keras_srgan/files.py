"""Files written whole or not at all, and their hashes."""

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any


def write_atomically(path: str | os.PathLike, write: Callable[[Path], object]) -> Path:
    """Lets `write` fill a temporary file beside `path`, then renames it, so nobody sees half a file.

    Temporary files of processes that were killed are removed from the folder.

    Args:
        path: target; replaced if it exists, its folder made if missing.
        write: function of the temporary path.

    Returns:
        The path written.

    Raises:
        OSError: naming `path`, if it can't be written (full or read-only disk); the temporary file is
            removed and an older `path` stays as it was.
    """
    path = Path(path)
    # A short name of its own: the target's may already be as long as the file system allows.
    temporary = _temporary_name(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(path.parent)
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        try:
            temporary.unlink(missing_ok=True)
        except OSError:  # its folder is not one
            pass
        if isinstance(error, OSError):
            # A full disk names no file, and the temporary name means nothing to the caller.
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    return path


_OLD = 86_400  # s: a temporary file that nobody has written to for a day is nobody's
_TEMPORARY = re.compile(r"\.keras-srgan-(?:(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-)?[0-9a-f]{8}\.tmp")
_cleaned: set[Path] = set()


@cache
def _machine() -> str:
    """Names this machine, or the container in it: within, process numbers name one process."""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:  # not Linux
        space = 0
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:8]


def _temporary_name(folder: Path) -> Path:
    return folder / f".keras-srgan-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A folder in another, which is made if missing, for files that are moved from there when they are whole."""
    parent.mkdir(parents=True, exist_ok=True)
    remove_stale(parent)
    folder = _temporary_name(parent)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale(folder: Path) -> None:
    """Removes what killed runs have left in a folder, once in this process: theirs here, and what is old."""
    folder = folder.resolve()
    if folder in _cleaned or not folder.is_dir():
        return
    _cleaned.add(folder)
    with contextlib.suppress(OSError):  # somebody else has removed one
        for path in folder.glob(".keras-srgan-*.tmp"):
            found = _TEMPORARY.fullmatch(path.name)
            if not found:
                continue
            dead = found["machine"] == _machine() and not _runs(int(found["process"]))
            if dead or time.time() - path.stat().st_mtime > _OLD:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    if os.name == "nt":  # where the question would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def write_bytes(path: str | os.PathLike, data: bytes) -> Path:
    """Writes bytes atomically."""
    return write_atomically(path, lambda temporary: temporary.write_bytes(data))


def write_text(path: str | os.PathLike, text: str) -> Path:
    """Writes text as UTF-8, atomically. A file name's bytes that are no UTF-8 become `\\udcXX`, as JSON has them."""
    return write_bytes(path, text.encode("utf-8", "backslashreplace"))


def json_text(value: Any, indent: int | None = 2) -> str:
    """A value as JSON that every program reads: infinite and undefined figures become `null`.

    Args:
        value: dictionaries, lists, texts and numbers.
        indent: as for `json.dumps`.

    Returns:
        The text, with a newline at its end.

    Example:

    >>> json_text({"psnr": float("inf")}, indent=None)
    '{"psnr": null}\\n'
    """
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sha256(path: str | os.PathLike) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
