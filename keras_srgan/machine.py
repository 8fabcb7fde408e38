"""What the machine has and how its memory is used: cores, peak memory, malloc."""

import ctypes
import os
import sys
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # malloc.h
PAGES, MAPS = 128 * 1024, 65536  # glibc's own settings of the first two
_kept = False


def _libc():
    try:
        libc = ctypes.CDLL("libc.so.6")
        return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
    except OSError:
        return None  # not glibc


def use_one_arena() -> None:
    """Has all threads that begin from now on take memory from one place, so that it can be kept."""
    if libc := _libc():
        libc.mallopt(M_ARENA_MAX, 1)


def keep_freed_memory() -> None:
    """Gives back what is free now, and nothing more from now on."""
    global _kept
    if libc := _libc():
        libc.malloc_trim(0)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)
        _kept = True


def release_memory() -> None:
    """Gives back what is free, and ends `keep_freed_memory`."""
    global _kept
    if libc := _libc():
        if _kept:
            libc.mallopt(M_MMAP_MAX, MAPS)
            libc.mallopt(M_TRIM_THRESHOLD, PAGES)
            _kept = False
        libc.malloc_trim(0)


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory() -> int:
    """The machine's memory in bytes; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """The process's peak memory from its making on (Linux), or since the process began (elsewhere)."""

    def __init__(self):
        try:
            _RESET.write_text("5")  # sets the high-water mark back to what is used now
        except OSError:
            pass

    def megabytes(self) -> float | None:
        """The peak of resident memory, in units of 10**6 bytes; `None` where the system does not tell."""
        try:
            line = next(each for each in _STATUS.read_text().splitlines() if each.startswith("VmHWM"))
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
        except (OSError, StopIteration):
            pass
        try:
            import resource
        except ImportError:  # Windows
            return None
        unit = 1 if sys.platform == "darwin" else 1024
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
