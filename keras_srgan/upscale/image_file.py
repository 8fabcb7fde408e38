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
from keras_srgan.images.depth import is_faint
from keras_srgan.images.formats import HOLDS_ALPHA, check_holds, suffix_of
from keras_srgan.images.frame import Frame
from keras_srgan.images.frames import Frames, open_frames
from keras_srgan.images.image import write_frame
from keras_srgan.images.metadata import fit
from keras_srgan.images.tiff_writer import write_tiff
from keras_srgan.inference.choice import AutoUpscaler
from keras_srgan.resampling import enlarge_image
from keras_srgan.upscale import outputs
from keras_srgan.upscale.dicom_result import DicomResult, maps_fit
from keras_srgan.upscale.jobs import Job
from keras_srgan.upscale.maps import added_picture, spread_picture
from keras_srgan.upscale.record import FileOptions, Record

if TYPE_CHECKING:
    from keras_srgan.inference import Options, Result, Upscaler


def enlarge_file(
    job: Job,
    record: Record,
    upscaler: "Upscaler | AutoUpscaler",
    options: "Options",
    settings: FileOptions,
    on_progress: Callable[[str], object],
) -> None:
    """Enlarges one file and fills in its record.

    Args:
        job: the file and its target.
        record: filled in as the work goes on.
        upscaler: enlarges arrays; an `AutoUpscaler` chooses by the file's first frame.
        options: its options.
        settings: how files are read and written.
        on_progress: called with what is being done, for a progress line.

    Raises:
        ImageError: if the file cannot be used, or a result exists or does not fit its format.
        OSError: if a file cannot be read or written. Nothing that this call has written stays.
    """
    if job.target is None:
        raise ImageError(job.problem)
    count = 1
    if not (settings.resume and outputs.finished(job, 1, options)):
        outputs.check(outputs.all_files(job, 1, options), settings)
        on_progress(str(job.source))
        frames = open_frames(job.source, settings.max_pixels, settings.bits)
        count = len(frames.areas)
        record.format, record.frames = frames.format, count
    targets = outputs.targets(job, count)
    if settings.resume and outputs.finished(job, count, options):
        record.status, record.output = "skipped", [str(target) for target in targets]
        return
    if frames.dicom is None and len(targets) < count and suffix_of(job.target) == ".dcm":
        raise ImageError(f"{job.source}: {count} pages, a DICOM capture holds one; give --format tiff")
    outputs.check(outputs.all_files(job, count, options), settings)
    if isinstance(upscaler, AutoUpscaler):
        upscaler = _suited(frames, upscaler, record)
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


def _suited(frames: Frames, auto: AutoUpscaler, record: Record) -> "Upscaler":
    """The upscaler for a file, by its first frame; the record says which, and why."""
    first = next(frames.frames)
    frames.frames = itertools.chain([first], frames.frames)
    upscaler, choice = auto.suited(first.pixels, first.max_value)
    record.weights, record.found = choice.weights, dataclasses.asdict(choice)
    record.note(str(choice))
    return upscaler


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
        if self.frames.dicom is not None and self.job.target is not None and suffix_of(self.job.target) == ".dcm":
            self.dicom = DicomResult.of_source(self.frames, self.upscaler, self.options)

    def results(self) -> Iterator[Frame]:
        """Each frame enlarged, with its maps written and the record filled in."""
        assert self.job.target is not None
        suffix, scale, count = suffix_of(self.job.target), self.upscaler.scale, len(self.frames.areas)
        consistency = []
        for number, (part, frame) in enumerate(zip(outputs.parts(count), self.frames, strict=True), 1):
            if count > 1:
                self.on_progress(f"{self.job.source}, {number} of {count}")
            frame = self._fitting(frame, suffix)
            check_holds(suffix, frame.pixels.dtype, *(scale * side for side in frame.pixels.shape[:2]))
            result = self._run(frame)
            self._note(frame, result)
            if result.consistency is not None:
                consistency.append(result.consistency)
                self.record.consistency = [float(value) for value in np.mean(consistency, axis=0)]
            if self.options.map or self.options.interval:
                self._maps(result, frame, part)
            alpha = frame.alpha
            if alpha is not None:
                alpha = enlarge_image(alpha, scale, 1 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max)
            yield dataclasses.replace(frame, pixels=frame.restored(result.pixels), alpha=alpha)

    def _fitting(self, frame: Frame, suffix: str) -> Frame:
        """The frame in a form that the target holds, and its metadata as they are for the result."""
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
        metadata = frame.metadata
        if suffix != ".dcm" or self.frames.dicom is None:  # a derived DICOM object has its source's header
            metadata, note = fit(metadata.scaled(self.upscaler.scale), suffix, frame.colours)
            self.record.note(note)
        return Frame(pixels, max_value, alpha, frame.associated, metadata, frame.padding)

    def _run(self, frame: Frame) -> "Result":
        pixels = frame.pixels
        gray = pixels.ndim == 2 and self.upscaler.channels == 3
        options = self.options
        if is_faint(pixels, frame.max_value):
            used = float(pixels.max() - pixels.min()) / frame.max_value
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
            self._map(f"{part}_{name}", draw(values, frame.max_value), values)
            if outputs.makes_dicom_maps(self.job) and maps_fit(self.frames, self.upscaler.scale):
                self.planes.setdefault(name, []).append(values if values.ndim == 2 else values.mean(axis=-1))

        if result.lower is not None and result.upper is not None:
            both = np.stack([result.lower, result.upper])
            half = (result.upper - result.lower) / 2
            half = half if frame.padding is None else frame.padding.blank(half)
            self._map(f"{part}_interval", spread_picture(half, frame.max_value), both)
            self.record.note(f"half-width of its intervals: {half.mean():.3g} grey levels in the mean")

    def _map(self, ending: str, picture: np.ndarray, values: np.ndarray) -> None:
        drawn, array = (self.job.beside(ending + suffix) for suffix in (".png", ".npy"))
        self.written.append(write_image(drawn, picture))
        self.written.append(write_atomically(array, partial(_save, values)))
        self.record.maps += [str(drawn), str(array)]

    def write(self, target: Path, results: Iterable[Frame]) -> Path:
        """Writes what belongs into one file, as it comes."""
        first = next(results := iter(results))
        frames = itertools.chain([first], results)
        if suffix_of(target) == ".dcm":
            return self._write_dicom(target, first, frames)
        if suffix_of(target) == ".tif":
            size = 2 * first.pixels.nbytes * sum(self.frames.areas) // max(1, self.frames.areas[0])
            return write_atomically(target, lambda temporary: write_tiff(temporary, frames, size))
        return write_frame(target, first)

    def _write_dicom(self, target: Path, first: Frame, frames: Iterable[Frame]) -> Path:
        if self.dicom is None:
            self.dicom = DicomResult.of_capture(first, self.upscaler, self.options)
            self.record.note("a DICOM secondary capture without patient data")
            if "PixelSpacing" in self.dicom.header:
                self.record.note("its spacing is estimated from the file's resolution, not calibrated")
        self.dicom.write(target, (each.pixels for each in frames))
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
