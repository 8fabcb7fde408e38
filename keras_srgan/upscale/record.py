"""How files are enlarged, and what became of one."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FileOptions:
    """How files are read and written.

    Args:
        overwrite: whether results that exist are replaced.
        resume: whether files whose result exists are skipped.
        max_pixels: the largest image read, or `None` for `headers.MAX_PIXELS`.
        bits: as for `open_frames`.
    """

    overwrite: bool = False
    resume: bool = False
    max_pixels: int | None = None
    bits: int | None = None


@dataclass
class Record:
    """What became of one file. Sizes are `[width, height]`, ranges `[lowest, highest]` of the stored numbers."""

    input: str
    output: list[str] = field(default_factory=list)
    maps: list[str] = field(default_factory=list)
    status: str = "failed"  # or done, skipped, not tried
    error: str = ""
    format: str = ""
    frames: int = 0
    dtype: str = ""
    max_value: int | None = None
    size_in: list[int] | None = None
    size_out: list[int] | None = None
    range_in: list[float] | None = None
    range_out: list[float] | None = None
    seconds: float = 0.0
    peak_memory_mb: float | None = None
    tiles: int = 0
    exact: bool = True
    consistency: list[float] | None = None
    weights: str = ""  # chosen for it, and by what was found; empty where the command named them
    found: dict | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes.append(text)
