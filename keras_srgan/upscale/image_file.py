"""Enlarges one image file: every frame of it, alpha apart, back into the kind of file that it was."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_srgan.files import write_atomically
from keras_srgan.images import ImageError, luma, write_image
from keras_srgan.images.dicom.parametric_map import can_map
from keras_srgan.images.frames import Frame, Frames, open_frames
from keras_srgan.images.image import ALIASES, DICOM_EXTENSIONS, HOLDS_ALPHA
from keras_srgan.images.rasters import check_holds
from keras_srgan.images.tiff import write_tiff
from keras_srgan.resampling import cubic
from keras_srgan.upscale.dicom_result import DicomResult
from keras_srgan.upscale.jobs import Job
from keras_srgan.upscale.maps import added_picture, spread_picture

if TYPE_CHECKING:
    from keras_srgan.inference import Options, Result, Upscaler

FAINT = 0.25  # share of its range below which an image is stretched before the network sees it
MAPS = ("_added.png", "_added.npy")
SPREADS = ("_spread.png", "_spread.npy")


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
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes.append(text)


def enlarge_file(
    job: Job,
    record: Record,
    upscaler: "Upscaler",
    options: "Options",
    settings: FileOptions,
    on_progress: Callable[[str], object],
) -> None:
    """Enlarges one file and fills in its record.

    Args:
        job: the file and its target.
        record: filled in as the work goes on.
        upscaler: enlarges arrays.
        options: its options.
        settings: how files are read and written.
        on_progress: called with what is being done, for a progress line.

    Raises:
        ImageError: if the file cannot be used, or a result exists or does not fit its format.
        OSError: if a file cannot be read or written. Nothing that this call has written stays.
    """
    if job.target is None:
        raise ImageError(job.problem)
    if job.target.exists() and settings.resume:
        record.status, record.output = "skipped", [str(job.target)]
        return
    _refuse_existing([job.target], settings)
    on_progress(str(job.source))
    frames = open_frames(job.source, settings.max_pixels, settings.bits)
    record.format, record.frames = frames.format, len(frames.areas)
    targets, parts = _targets(job, len(frames.areas)), _parts(len(frames.areas))
    if settings.resume and targets[-1].exists():
        record.status, record.output = "skipped", [str(target) for target in targets]
        return
    if frames.dicom is None and len(targets) < len(frames.areas) and job.target.suffix == ".dcm":
        raise ImageError(f"{job.source}: {len(frames.areas)} pages, a DICOM capture holds one; give --format tiff")
    endings = (MAPS if options.map else ()) + (SPREADS if options.map and options.self_ensemble else ())
    if _makes_dicom(job) and can_map():
        endings = (*endings, *(ending.replace(".npy", ".dcm") for ending in endings if ending.endswith(".npy")))
    _refuse_existing(targets + [job.beside(part + ending) for part in parts for ending in endings], settings)
    written: list[Path] = []
    work = _Work(job, record, upscaler, options, frames, written, on_progress)
    work.prepare()
    try:
        if len(targets) > 1:
            for target, result in zip(targets, work.results(), strict=True):
                written.append(work.write(target, iter([result])))
        else:
            written.append(work.write(targets[0], work.results()))
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        record.maps = []
        raise
    for text in frames.notes:
        record.note(text)
    record.status, record.output = "done", [str(target) for target in targets]


def _targets(job: Job, count: int) -> list[Path]:
    """One file, or one a frame where the format holds no more."""
    assert job.target is not None
    if count == 1 or job.target.suffix.lower() in (".tif", ".tiff", ".dcm", ".dicom", ".ima"):
        return [job.target]
    return [job.beside(part + job.target.suffix) for part in _parts(count)]


def _makes_dicom(job: Job) -> bool:
    return job.target is not None and job.target.suffix.lower() in DICOM_EXTENSIONS


def _parts(count: int) -> list[str]:
    """What tells the files of several frames apart."""
    return [f"_{number:04d}" for number in range(1, count + 1)] if count > 1 else [""]


def _refuse_existing(paths: list[Path], settings: FileOptions) -> None:
    # An interrupted job that is resumed leaves some files of several.
    if settings.overwrite or settings.resume:
        return
    for path in paths:
        if path.exists():
            raise ImageError(f"{path}: exists; give --overwrite, --resume or another --out")


def enlarge_alpha(alpha: np.ndarray, scale: int) -> np.ndarray:
    """Enlarges an alpha channel by bicubic interpolation, a row of output phases at a time.

    Args:
        alpha: array `(H, W)`; uint8, uint16 or float in `[0, 1]`.
        scale: integer factor.

    Returns:
        Array `(H * scale, W * scale)` of the same dtype, clipped to its range.
    """
    taps = cubic((np.arange(scale) + 0.5)[:, None] / scale - 0.5 - np.arange(-2, 3)).astype(np.float32)
    result = alpha.astype(np.float32)
    for _ in range(2):  # rows, then columns
        padded = np.pad(result, ((2, 2), (0, 0)), mode="symmetric")
        larger = np.empty((scale * len(result), result.shape[1]), np.float32)
        for phase in range(scale):
            larger[phase::scale] = sum(taps[phase, k] * padded[k : k + len(result)] for k in range(5))
        result = larger.T
    if alpha.dtype.kind == "f":
        return np.clip(result, 0, 1).astype(alpha.dtype)
    return np.clip(np.rint(result), 0, np.iinfo(alpha.dtype).max).astype(alpha.dtype)


@dataclass
class _Work:
    """One file being enlarged."""

    job: Job
    record: Record
    upscaler: "Upscaler"
    options: "Options"
    frames: Frames
    written: list[Path]
    on_progress: Callable[[str], object]
    dicom: DicomResult | None = None
    planes: dict[str, list[np.ndarray]] = field(default_factory=dict)  # of the maps, for DICOM

    def prepare(self) -> None:
        """What can be wrong with a DICOM header shows before the network runs."""
        if self.frames.dicom is not None and _makes_dicom(self.job):
            self.dicom = DicomResult.of_source(self.frames, self.upscaler, self.options)

    def results(self) -> Iterator[Frame]:
        """Each frame enlarged, with its maps written and the record filled in."""
        assert self.job.target is not None
        suffix = ALIASES.get(self.job.target.suffix.lower(), self.job.target.suffix.lower())
        scale, count, consistency = self.upscaler.scale, len(self.frames.areas), []
        for number, (part, frame) in enumerate(zip(_parts(count), self.frames, strict=True), 1):
            if count > 1:
                self.on_progress(f"{self.job.source}, {number} of {count}")
            frame = self._fitting(frame, suffix)
            check_holds(suffix, frame.pixels.dtype, *(scale * side for side in frame.pixels.shape[:2]))
            result = self._run(frame)
            alpha = None if frame.alpha is None else enlarge_alpha(frame.alpha, scale)
            self._note(frame, result)
            if result.consistency is not None:
                consistency.append(result.consistency)
                self.record.consistency = [float(value) for value in np.mean(consistency, axis=0)]
            if self.options.map:
                self._maps(result, frame, part)
            yield Frame(frame.restored(result.pixels), frame.max_value, alpha)

    def _fitting(self, frame: Frame, suffix: str) -> Frame:
        """The frame in a form that the target holds."""
        pixels, max_value, alpha = frame.pixels, frame.max_value, frame.alpha
        if alpha is not None and suffix not in HOLDS_ALPHA:
            self.record.note(f"{suffix} holds no alpha channel: dropped")
            alpha = None
        if alpha is not None and pixels.ndim == 2 and suffix == ".webp":
            self.record.note("WebP holds no gray with alpha: written as colour")
        if pixels.dtype.kind == "f" and suffix == ".png":
            self.record.note("floats in [0, 1] became 16 bits")
            pixels, max_value = np.rint(pixels * 65535.0).astype(np.uint16), 65535
            alpha = alpha if alpha is None else np.rint(alpha * 65535.0).astype(np.uint16)
        if pixels.dtype == np.uint16 and max_value != 65535 and suffix != ".dcm":
            self.record.note(f"values up to {max_value} in 16 bits, as stored")
        return Frame(pixels, max_value, alpha, frame.padding)

    def _run(self, frame: Frame) -> "Result":
        pixels = frame.pixels
        gray = pixels.ndim == 2 and self.upscaler.channels == 3
        used = float(pixels.max() - pixels.min()) / (frame.max_value or 1.0)
        options = self.options
        if pixels.dtype != np.uint8 and used < FAINT:
            self.record.note(f"uses {used:.1%} of its range: stretched for the network, and back")
            options = dataclasses.replace(options, stretch=True)
        result = self.upscaler.run(
            np.repeat(pixels[..., None], 3, axis=2) if gray else pixels, frame.max_value, options, self._tiles_done
        )
        if gray:  # gray stays gray
            colour = result.pixels
            result.pixels = luma(colour) if colour.dtype.kind == "u" else colour.mean(axis=2, dtype=colour.dtype)
        return result

    def _tiles_done(self, done: int, total: int) -> None:
        if total > 1:
            self.on_progress(f"{self.job.source}, tile {done} of {total}")

    def _note(self, frame: Frame, result: "Result") -> None:
        record = self.record
        if record.size_in is None:
            record.dtype, record.max_value = str(frame.pixels.dtype), frame.max_value
            record.size_in = [frame.pixels.shape[1], frame.pixels.shape[0]]
            record.size_out = [result.pixels.shape[1], result.pixels.shape[0]]
        record.range_in = _wider(record.range_in, frame.pixels)
        record.range_out = _wider(record.range_out, result.pixels)
        record.tiles += result.tiles
        record.exact = record.exact and result.exact
        record.note(result.note)

    def _maps(self, result: "Result", frame: Frame, part: str) -> None:
        for name, values, draw in (("added", result.added, added_picture), ("spread", result.spread, spread_picture)):
            if values is None:
                continue
            values = values if frame.padding is None else frame.padding.blank(values)
            picture, array = (self.job.beside(f"{part}_{name}{suffix}") for suffix in (".png", ".npy"))
            self.written.append(write_image(picture, draw(values, frame.max_value)))
            self.written.append(write_atomically(array, partial(_save, values)))
            self.record.maps += [str(picture), str(array)]
            if _makes_dicom(self.job) and can_map():
                self.planes.setdefault(name, []).append(values)

    def write(self, target: Path, results: Iterable[Frame]) -> Path:
        """Writes what belongs into one file, as it comes."""
        results = iter(results)
        suffix = ALIASES.get(target.suffix.lower(), target.suffix.lower())
        if suffix == ".dcm":
            return self._write_dicom(target, results)
        first = next(results)
        if suffix == ".tif":
            size = 2 * first.pixels.nbytes * sum(self.frames.areas) // max(1, self.frames.areas[0])
            pages = ((each.pixels, each.alpha) for each in itertools.chain([first], results))
            return write_atomically(target, lambda temporary: write_tiff(temporary, pages, size))
        return write_image(target, first.pixels, first.max_value, alpha=first.alpha)

    def _write_dicom(self, target: Path, results: Iterator[Frame]) -> Path:
        first = next(results)
        if self.dicom is None:
            self.dicom = DicomResult.of_capture(first, self.upscaler, self.options)
            self.record.note("a DICOM secondary capture without patient data")
        self.dicom.write(target, (each.pixels for each in itertools.chain([first], results)))
        self.written += (maps := self.dicom.write_maps(self.planes, self.job.beside, self.frames.notes))
        self.record.maps += map(str, maps)
        return target


def _save(values: np.ndarray, path: Path) -> None:
    with open(path, "wb") as file:
        np.save(file, values)


def _wider(known: list[float] | None, pixels: np.ndarray) -> list[float]:
    """A range of values that takes in those of an image."""
    own = [pixels.min().item(), pixels.max().item()]
    return own if known is None else [min(known[0], own[0]), max(known[1], own[1])]
