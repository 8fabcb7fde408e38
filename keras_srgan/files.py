"""Files written whole or not at all, and their hashes."""

import hashlib
import json
import math
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any


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
