"""A whole run: content stage, adversarial stage, closing table. Notebook and command line call `train`."""

import contextlib
import gc
import json
import zlib
from typing import Any

import keras
import numpy as np

from keras_srgan import machine
from keras_srgan.backend.arithmetic import settle
from keras_srgan.backend.settings import keras_settings
from keras_srgan.backend.signals import StopRequest
from keras_srgan.data.patches import PatchSampler
from keras_srgan.data.pipeline import training_dataset
from keras_srgan.files import write_text
from keras_srgan.networks.fusing import fuse, load_fused
from keras_srgan.recipes import Recipe
from keras_srgan.train import results
from keras_srgan.train.callbacks.checkpoint import (
    Checkpoint,
    Counter,
    Interrupted,
    restore_checkpoint,
    save_checkpoint,
)
from keras_srgan.train.callbacks.guard import Collapsed, Guard
from keras_srgan.train.callbacks.progress import Progress
from keras_srgan.train.callbacks.recorder import Recorder
from keras_srgan.train.card import card, first_card
from keras_srgan.train.claim import claim
from keras_srgan.train.resume import finished_work, recover
from keras_srgan.train.run import STAGES, Run, fingerprint
from keras_srgan.train.stages import build_critics, build_stage
from keras_srgan.train.teacher import teacher_identity
from keras_srgan.train.validation import HostValidation, Validation
from keras_srgan.weights import SUFFIX, save_weights


def _run_stage(run: Run, stage: str, model, validation: Validation, progress: dict, stop: StopRequest) -> None:
    """Trains one stage from where `progress` says."""
    recipe = run.recipe
    sampler = PatchSampler(
        run.train,
        recipe.patch,
        recipe.batch,
        recipe.seed + STAGES.index(stage),
        recipe.flat,
        recipe.augment,
        recipe.zoom,
        recipe.scale,
        recipe.edges,
        (run.replicas.host, run.replicas.hosts),
        recipe.rotate,
        recipe.zoom_in,
    )
    metric_values = None
    if progress["step"]:
        metric_values = [[np.array(v) for v in metric.variables] for metric in model.metrics]
    best = run.folder / "checkpoints" / f"best-{stage}{SUFFIX}"
    display = Progress(stage, run.epochs(stage), run.steps, recipe.batch, progress, run.say, run.replicas.hosts)
    guard = Guard(best, progress, recipe.collapse_db, recipe.saturated_epochs)
    keeper = Checkpoint(run.checkpoint, progress, run.steps, run.checkpoint_minutes, metric_values, run.replicas, stop)
    model.steps_per_execution = recipe.steps_per_execution
    shared = run.replicas.count > 1
    apart = shared or recipe.steps_per_execution > 1  # validation is one step a batch
    validator = HostValidation(validation, model, run.replicas, bool(recipe.xla)) if apart else None
    shown = validator.generator if validator else model.ema_generator
    preview = validation.preview()
    recorder = Recorder(run.folder, stage, progress["history"], preview, validation.baseline, display, shown)
    counter = Counter(progress, keeps=shared or keras.backend.backend() == "jax")
    callbacks = [counter, *([validator] if validator else []), recorder, display, guard, keeper]

    def fit(epochs: int, steps: int) -> None:
        start = progress["epoch"] * run.steps + progress["step"]
        with run.replicas.running():
            model.fit(
                run.replicas.feed(training_dataset(sampler, recipe.scale, start, recipe.degradation), recipe.batch),
                initial_epoch=progress["epoch"],
                epochs=epochs,
                steps_per_epoch=steps,
                validation_data=None if apart else (validation.lr, validation.hr),
                validation_batch_size=validation.batch,
                callbacks=callbacks,
                shuffle=False,  # the sampler has its own order
                verbose=0,
            )

    try:
        if progress["step"]:
            fit(progress["epoch"] + 1, run.steps - progress["step"])
        if progress["epoch"] < run.epochs(stage) and not guard.message:
            fit(run.epochs(stage), run.steps)
        if guard.message:
            run.say(guard.message)
            progress["epoch"], progress["step"] = run.epochs(stage), 0  # finished: resuming goes on behind it
            keeper.save()
    except Collapsed as collapse:
        if not best.is_file():
            raise RuntimeError(
                f"{stage}: {collapse}, and there is no good epoch yet; lower the learning rate"
            ) from None
        load_fused(model.ema_generator, best)
        run.say(f"{stage} stopped: {collapse}; rolled back to the best generator, {progress['best_psnr']:.2f} dB")
        progress["epoch"], progress["step"] = run.epochs(stage), 0
        keeper.save()
    finally:
        display.line.clear()


def _answer(run: Run, stop: StopRequest) -> None:
    """Stops between what is trained, where the checkpoint has all; every host comes here."""
    if run.replicas.any_host(stop.asked):
        raise Interrupted


def _run_stages(run: Run, stages: list[str], validation: Validation, progress: dict, stop: StopRequest) -> None:
    generator = None
    for stage in stages:
        with run.replicas.building():
            model = build_stage(run, stage, generator, restored=progress["stage"] == stage)
        if progress["stage"] == stage:
            progress = restore_checkpoint(run.checkpoint, model)
            run.say(f"resumed {stage} at epoch {progress['epoch'] + 1}, step {progress['step']}")
        else:
            progress.update(stage=stage, epoch=0, step=0, best_psnr=None, saturated=0)
            if not progress["history"]:
                save_checkpoint(run.checkpoint, model, progress)  # from here on nothing lies in the folder without one
        run.replicas.barrier("checkpoints", progress["epoch"] * run.steps + progress["step"])
        _answer(run, stop)
        if progress["epoch"] < run.epochs(stage):
            try:
                _run_stage(run, stage, model, validation, progress, stop)
            except Interrupted:
                save_weights(fuse(model.ema_generator), run.weights_path(stage), card(run, stage, progress))
                run.replicas.barrier()  # a host that leaves before the chief has written would take it along
                raise
        generator = model.ema_generator
        generator.trainable = True
        save_weights(fuse(generator), run.weights_path(stage), card(run, stage, progress))
        if stage == "adversarial":
            save_weights(model.discriminator, run.folder / "checkpoints" / f"discriminator{SUFFIX}")
        del model
        gc.collect()
        machine.release_memory()  # the next stage compiles a step of its own, the largest moment of a run
    _answer(run, stop)


def _settled(run: Run, resume: bool) -> Recipe:
    """The recipe with the arithmetic that the run began with, or that this machine is good at."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        if resume:
            began = json.loads((run.folder / "recipe.json").read_text(encoding="utf-8"))
            return run.recipe.replace(precision=began["precision"], xla=began["xla"])
    return settle(run.recipe)


def train(run: Run, resume: bool = False) -> list[dict[str, Any]]:
    """Trains a recipe: content stage, adversarial stage, weights, pictures and the closing table.

    Args:
        run: `Run`.
        resume: go on from the folder's checkpoint, exactly as if it had never stopped; where there is none and
            nothing has been trained, begin.

    Returns:
        The rows of the closing table, on the chief.

    Raises:
        ValueError: for settings that don't fit the data, a checkpoint of something else, a folder in use, or one with
            finished work that this would replace.
        OSError: if the folder can't be written.
        Interrupted: after SIGINT, SIGTERM or SIGHUP, with the state saved.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with claim(run.folder), keras_settings("float32"):
        for stale in run.folder.rglob(".keras-srgan-*.tmp"):  # of a run that was killed while it wrote
            stale.unlink(missing_ok=True)
        return _train(run, resume)


def _train(run: Run, resume: bool) -> list[dict[str, Any]]:
    recipe = run.recipe = _settled(run, resume)
    if recipe.pretrain_epochs + recipe.epochs == 0:
        raise ValueError("pretrain_epochs and epochs are both 0: nothing to train")
    if recipe.batch % run.replicas.count:
        raise ValueError(f"batch = {recipe.batch}: give a multiple of the {run.replicas.count} devices that share it")
    several = recipe.steps_per_execution
    if run.steps % several:
        raise ValueError(f"steps_per_execution = {several}: give a divisor of an epoch's steps, {run.steps}")
    if several > 1 and run.replicas.count > 1 and keras.backend.backend() == "tensorflow":
        raise ValueError(
            f"steps_per_execution = {several}: on TensorFlow one device only; give 1"
        )  # Keras's loop fails
    if not resume and (work := finished_work(run.folder)):
        raise ValueError(f"{work[0]}: there already; resume the run, or give another folder")
    validation = Validation(run.val, recipe)
    prints = {"fingerprint": run.fingerprint(), "val_fingerprint": fingerprint(run.val)}
    teacher = teacher_identity(run)
    settings = f"{prints} {recipe.to_json()} {run.init} {run.init_discriminator} {teacher}"
    run.replicas.barrier("images or settings", zlib.crc32(settings.encode()) >> 1)
    found = recover(run) if resume else None
    if found and found.get("teacher") != teacher:
        raise ValueError(f"{run.folder}: began with the teacher {found.get('teacher')}, not {teacher}; put it back")
    first = {"first": first_card(run), "teacher": teacher, **prints}
    progress = found or {"stage": None, "epoch": 0, "step": 0, "history": [], **first}
    if not found:
        write_text(run.folder / "recipe.json", recipe.to_json() + "\n")
    stages = [stage for stage in STAGES if run.epochs(stage)]
    saved = progress["stage"]
    if stages == [*STAGES] and saved != "adversarial":
        build_critics(run, lambda line: None)  # what they lack is said now, not after the content stage
    with StopRequest() as stop:
        _run_stages(run, stages[stages.index(saved) if saved else 0 :], validation, progress, stop)
    table = results.close(run, stages) if run.replicas.chief else []
    run.replicas.barrier()
    return table
