"""How much memory a piece of work took at its peak."""

import sys
from pathlib import Path

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
