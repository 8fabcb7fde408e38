"""Where a resumed run goes on: the newest sound checkpoint, and never over finished work."""

import os
from pathlib import Path
from typing import Any

from keras_srgan.train.callbacks.checkpoint import PROGRESS, previous, read_checkpoint
from keras_srgan.train.run import STAGES, Run, fingerprint
from keras_srgan.weights import SUFFIX


def finished_work(folder: Path) -> list[Path]:
    """What training has left in a folder: weights, checkpoints, the log, previews."""
    patterns = (f"*{SUFFIX}", "checkpoints/*.npz", f"checkpoints/*{SUFFIX}", "log.csv", "previews/*.png")
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def best_generator(run: Run) -> Path | None:
    """The best generator that a run has kept: of its last stage, else the weights that a stage ended with."""
    kept = [run.folder / "checkpoints" / f"best-{stage}{SUFFIX}" for stage in reversed(STAGES)]
    return next((path for path in [*kept, *sorted(run.folder.glob(f"*{SUFFIX}"))] if path.is_file()), None)


def way_out(run: Run) -> str:
    """What can be done where there is no checkpoint to go on from."""
    best = best_generator(run)
    return f"begin a new run from its best generator: --init {best}" if best else "begin a new run in another --out"


def recover(run: Run) -> dict[str, Any] | None:
    """Finds where a run goes on, and makes the newest sound checkpoint its last one.

    Args:
        run: `Run`.

    Returns:
        The progress; `None` where nothing has been trained yet.

    Raises:
        OSError: if a checkpoint can't be read: it may be sound.
        ValueError: if none is sound or there, and work is; if the images are not those that the run began with.
    """
    wrong: list[str] = []
    for path in (run.checkpoint, previous(run.checkpoint)):
        try:
            progress, _ = read_checkpoint(path, PROGRESS)
        except FileNotFoundError:
            wrong.append(f"{path}: missing")
            continue
        except ValueError as error:
            wrong.append(str(error))
            continue
        _check_images(run, progress)
        if wrong:
            os.replace(path, run.checkpoint)
            run.say(
                f"{wrong[0]}; going on from the one before it: {progress['stage']} epoch {progress['epoch'] + 1}, "
                f"step {progress['step']}"
            )
        return progress
    work = finished_work(run.folder)
    if not work:
        run.say(f"{run.folder}: no checkpoint yet, and nothing trained: beginning at the first epoch")
        return None
    if any("missing" not in line for line in wrong):
        raise ValueError(f"{'; '.join(wrong)}; {way_out(run)}")
    raise ValueError(
        f"{run.checkpoint}: missing, but {work[0].relative_to(run.folder)} is there: training from the first epoch "
        f"would replace it; copy the checkpoint back, or {way_out(run)}"
    )


def _check_images(run: Run, progress: dict[str, Any]) -> None:
    if progress["fingerprint"] != run.fingerprint():
        raise ValueError(f"{run.folder}: the training images are not those that this run began with")
    if progress.get("val_fingerprint", fingerprint(run.val)) != fingerprint(run.val):
        raise ValueError(f"{run.folder}: the validation images are not those that this run began with")
