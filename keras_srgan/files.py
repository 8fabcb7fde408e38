"""Files written whole or not at all, and their hashes."""

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: str | os.PathLike, write: Callable[[Path], object]) -> Path:
    """Lets `write` fill a temporary file beside `path`, then renames it, so nobody sees half a file.

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
    temporary = path.with_name(f".keras-srgan-{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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


def write_bytes(path: str | os.PathLike, data: bytes) -> Path:
    """Writes bytes atomically."""
    return write_atomically(path, lambda temporary: temporary.write_bytes(data))


def write_text(path: str | os.PathLike, text: str) -> Path:
    """Writes text as UTF-8, atomically."""
    return write_bytes(path, text.encode("utf-8"))


def sha256(path: str | os.PathLike) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
