"""glibc's malloc, from which a step's buffers come on a CPU: JAX's, and TensorFlow's where devices share the step.

It gives large ones back to the system as soon as they are free, so every step begins with new pages, whose first
touch takes longer than the arithmetic: kept, JAX's content step of SRResNet needs half the processor time, and
TensorFlow's of two hosts three quarters. They are kept only between a stage's first and last step: kept while a step is
compiled, 1.2 GB more would be in use.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # malloc.h
PAGES, MAPS = 128 * 1024, 65536  # glibc's own settings of the first two

_kept = False


def _libc():
    try:
        libc = ctypes.CDLL("libc.so.6")
        return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
    except OSError:
        return None  # not glibc


def share() -> None:
    """Has all threads that begin from now on take memory from one place, so that it can be kept."""
    if libc := _libc():
        libc.mallopt(M_ARENA_MAX, 1)


def keep() -> None:
    """Gives back what is free now, and nothing more from now on."""
    global _kept
    if libc := _libc():
        libc.malloc_trim(0)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)
        _kept = True


def release() -> None:
    """Gives back what is free, and ends `keep`."""
    global _kept
    if libc := _libc():
        if _kept:
            libc.mallopt(M_MMAP_MAX, MAPS)
            libc.mallopt(M_TRIM_THRESHOLD, PAGES)
            _kept = False
        libc.malloc_trim(0)
