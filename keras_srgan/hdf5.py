"""Reading HDF5 files: what the library's errors mean."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
POINTER = "a Git-LFS pointer: run git lfs pull"


def is_pointer(path: str | os.PathLike) -> bool:
    """Whether a file only says where Git LFS has the real one."""
    with open(path, "rb") as file:
        return file.read(32).startswith(b"version https://git-lfs")


@contextlib.contextmanager
def open_hdf5(path: str | os.PathLike) -> Iterator[h5py.File]:
    """Opens an HDF5 file to read.

    Args:
        path: the file.

    Yields:
        `h5py.File`.

    Raises:
        OSError: if the system refuses it, or another program holds a lock on it: the file may be sound.
        ValueError: if it is damaged, no HDF5, or a Git-LFS pointer.
    """
    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:  # HDF5's three ways to say that it cannot read
        raise _meaning(Path(path), " ".join(str(error).split())) from None


def _meaning(path: Path, said: str) -> Exception:
    """The error that says what is wrong with the file, and what helps."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(SIGNATURE))
        if is_pointer(path):
            return ValueError(f"{path}: {POINTER}")
    except OSError as error:  # no rights, no such file, a failing disk: the system's own words
        return error
    if "unable to lock" in said:
        return BlockingIOError(
            f"{path}: another program has locked it: close that one, or set HDF5_USE_FILE_LOCKING=FALSE"
        )
    if not start:
        return ValueError(f"{path}: empty: fetch it again")
    if start != SIGNATURE[: len(start)]:
        return ValueError(f"{path}: not an HDF5 file (it begins with {start!r}): give another, or fetch it again")
    if "truncated" in said or len(start) < len(SIGNATURE):
        return ValueError(f"{path}: truncated: fetch it again")
    return ValueError(f"{path}: HDF5 cannot read it ({said[:120]}): fetch it again")
