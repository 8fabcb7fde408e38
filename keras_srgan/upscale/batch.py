"""Enlarges files one after another: resumes, goes on after a bad one, and says what became of each."""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from keras_srgan.images.headers import one_line
from keras_srgan.machine import Peak
from keras_srgan.upscale.image_file import enlarge_file
from keras_srgan.upscale.jobs import Job
from keras_srgan.upscale.record import FileOptions, Record

if TYPE_CHECKING:
    from keras_srgan.inference import Options, Upscaler


def run_batch(
    jobs: Sequence[Job],
    upscaler: "Upscaler",
    options: "Options",
    settings: FileOptions,
    on_done: Callable[[Record], object] = lambda record: None,
    on_progress: Callable[[int, int, str], object] = lambda done, total, text: None,
) -> tuple[list[Record], bool]:
    """Enlarges files.

    Args:
        jobs: as `plan_jobs` gives them.
        upscaler: enlarges arrays.
        options: for every file.
        settings: for every file.
        on_done: called with each record when its file is finished.
        on_progress: called with how many files are done, how many there are and what is being done.

    Returns:
        A tuple `(records, interrupted)`: one record a job; and whether Ctrl-C ended the work, after which the
        rest is `not tried` and nothing half-written stays.
    """
    records = [Record(str(job.source), status="not tried") for job in jobs]
    for done, job in enumerate(jobs):
        try:
            records[done] = enlarge_one(job, upscaler, options, settings, partial(on_progress, done, len(jobs)))
        except KeyboardInterrupt:
            return records, True
        on_done(records[done])
    return records, False


def enlarge_one(
    job: Job,
    upscaler: "Upscaler",
    options: "Options",
    settings: FileOptions,
    on_progress: Callable[[str], object] = lambda text: None,
) -> Record:
    """Enlarges one file and says what became of it; what is wrong with the file is in the record, not raised."""
    record, started, peak = Record(str(job.source)), time.monotonic(), Peak()
    try:
        enlarge_file(job, record, upscaler, options, settings, on_progress)
    except Exception as error:  # one bad file must not end a night's batch
        if os.environ.get("KERAS_SRGAN_DEBUG"):
            raise
        record.status, record.error = "failed", _explain(job, error)
    record.seconds, record.peak_memory_mb = round(time.monotonic() - started, 3), peak.megabytes()
    return record


def _explain(job: Job, error: Exception) -> str:
    """One line that names the file."""
    if isinstance(error, MemoryError):
        return f"{job.source}: not enough memory; give a smaller --tile, or cut the image"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    line = one_line(error, 400)
    known = isinstance(error, (ValueError, OSError))
    named = any(str(path) in line for path in (job.source, job.target))
    return line if known and named else f"{job.source}: {'' if known else type(error).__name__ + ': '}{line}"
