"""A whole run: content stage, adversarial stage, closing table. Notebook and command line call `train`."""

import dataclasses
import gc
import itertools
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_srgan import features as feature_networks
from keras_srgan import heap, results
from keras_srgan.callbacks import Checkpoint, Collapsed, Counter, Guard, Interrupted, Progress, Recorder
from keras_srgan.checkpoint import read_progress, restore_checkpoint
from keras_srgan.data.images import Image
from keras_srgan.data.patches import PatchSampler
from keras_srgan.data.pipeline import training_dataset
from keras_srgan.files import write_text
from keras_srgan.networks import build_discriminator, build_generator
from keras_srgan.recipes import Recipe
from keras_srgan.replicas import Replicas
from keras_srgan.schedule import LearningRate
from keras_srgan.shared_layers import BatchNormalization, Dense
from keras_srgan.srgan import SRGAN, SRResNetTrainer
from keras_srgan.validation import Judge, Validation
from keras_srgan.weights import SUFFIX, find_discriminator, find_weights, load_weights, save_weights

STAGES = ("pretrain", "adversarial")


@dataclasses.dataclass
class Run:
    """What a training run works on.

    Args:
        recipe: `Recipe`.
        train, val: lists of `Image`.
        folder: the run folder.
        data: dictionary for the model card: set, licence.
        init: name or path of the generator's first weights.
        init_discriminator: the same of the discriminator's.
        checkpoint_minutes: float, time between checkpoints inside an epoch.
        say: function that prints a line.
        replicas: `Replicas`, started: the devices and hosts that share each batch. On every host but the chief, the
            folder is one of its own.
    """

    recipe: Recipe
    train: Sequence[Image]
    val: Sequence[Image]
    folder: Path
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    init: str | None = None
    init_discriminator: str | None = None
    checkpoint_minutes: float = 10.0
    say: Callable[[str], None] = print
    replicas: Replicas = dataclasses.field(default_factory=Replicas)

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "last.npz"

    @property
    def patches(self) -> int:
        return self.recipe.patches_per_epoch or len(self.train)

    @property
    def steps(self) -> int:
        return -(-self.patches // self.recipe.batch)

    def epochs(self, stage: str) -> int:
        return self.recipe.pretrain_epochs if stage == "pretrain" else self.recipe.epochs

    def weights_path(self, stage: str) -> Path:
        first = stage == "pretrain" and self.recipe.epochs  # a content stage alone makes the recipe's own weights
        name = self.recipe.name + ("-pretrained" if first else "")
        return self.folder / f"{name}{SUFFIX}"

    def fingerprint(self) -> str:
        """Tells whether the training images are the same ones, in the same order."""
        value = 0
        for image in self.train:
            value = zlib.crc32(image.path.name.encode(), value)
            if digest := getattr(image, "digest", None):  # stands for the pixels of an image in a shard
                value = zlib.crc32(digest.encode(), value)
                continue
            value = zlib.crc32(np.ascontiguousarray(image.pixels).data, value)
            value = zlib.crc32(np.ascontiguousarray(image.lr).data, value) if image.lr is not None else value
        return f"{len(self.train)}-{value:08x}"


def adam(recipe: Recipe, stage: str, steps: int):
    """Adam on a recipe's course of the learning rate, with a scaled loss where float16 needs it."""
    peak = recipe.pretrain_lr if stage == "pretrain" else recipe.lr
    rate = LearningRate(peak, recipe.lr_decay, steps, recipe.warmup)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=recipe.clip or None)
    return keras.optimizers.LossScaleOptimizer(optimizer) if recipe.precision == "mixed_float16" else optimizer


def build_stage(run: Run, stage: str, generator: keras.Model | None = None) -> SRResNetTrainer:
    """Builds and compiles the model of a stage.

    Args:
        run: `Run`.
        stage: `"pretrain"` or `"adversarial"`.
        generator: the generator of the stage before, or `None` for a new one.
    """
    recipe = run.recipe
    keras.utils.set_random_seed(recipe.seed + STAGES.index(stage))
    keras.config.set_dtype_policy(recipe.precision)
    try:
        if generator is None:
            generator = build_generator(recipe)
            if run.init:
                load_weights(generator, find_weights(run.init))
                run.say(f"generator starts from {run.init}")
        steps = run.steps * run.epochs(stage)
        if stage == "pretrain":
            _connect(run, generator)
            model = SRResNetTrainer(generator, ema=recipe.ema)
            loss = recipe.pretrain_loss or recipe.content_loss
            model.compile(adam(recipe, stage, steps), loss, recipe.tv_weight, recipe.xla)
            return model
        discriminator, features = _build_critics(run, run.say)
        _connect(run, generator, discriminator)
        gan = SRGAN(generator, discriminator, features, ema=recipe.ema)
        gan.compile(
            adam(recipe, stage, steps),
            adam(recipe, stage, steps),
            content_loss=recipe.content_loss,
            adversarial=recipe.adversarial,
            content_weight=recipe.content_weight,
            perceptual_weight=recipe.perceptual_weight,
            adversarial_weight=recipe.adversarial_weight,
            tv_weight=recipe.tv_weight,
            jit_compile=recipe.xla,
        )
        return gan
    finally:
        keras.config.set_dtype_policy("float32")


def _build_critics(run: Run, say: Callable[[str], None]) -> tuple[keras.Model, keras.Model | None]:
    """The discriminator and the feature network."""
    recipe, features = run.recipe, None
    if recipe.features != "none" and recipe.perceptual_weight:
        features, origin = feature_networks.build_features(
            recipe.features,
            recipe.features_layer,
            recipe.features_weights,
            recipe.features_before_activation,
            recipe.channels,
        )
        say(f"perceptual loss: {recipe.features_layer} of {origin}")
    discriminator = build_discriminator(recipe)
    if run.init_discriminator:
        load_weights(discriminator, find_discriminator(run.init_discriminator)[0])
        say(f"discriminator starts from {run.init_discriminator}")
    return discriminator, features


def _connect(run: Run, *networks: keras.Model) -> None:
    """Has BN ask all devices, and wide Dense layers exchange rows."""
    if run.replicas.count == 1:
        return
    for layer in itertools.chain(*(network.layers for network in networks)):
        if isinstance(layer, BatchNormalization):
            layer.synchronized = run.recipe.sync_bn
        elif isinstance(layer, Dense):
            # HR's rows, SR's, and SR's again for the generator; or the kernel.
            inputs, units = layer.kernel.shape
            layer.exchanges_rows = 3 * run.recipe.batch * (inputs + units) < inputs * units


def _run_stage(run: Run, stage: str, model, validation: Validation, progress: dict) -> None:
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
    )
    metric_values = None
    if progress["step"]:
        metric_values = [[np.array(v) for v in metric.variables] for metric in model.metrics]
    best = run.folder / "checkpoints" / f"best-{stage}{SUFFIX}"
    display = Progress(stage, run.epochs(stage), run.steps, recipe.batch, progress, run.say, run.replicas.hosts)
    guard = Guard(best, progress, recipe.collapse_db, recipe.saturated_epochs)
    keeper = Checkpoint(run.checkpoint, progress, run.steps, run.checkpoint_minutes, metric_values, run.replicas)
    model.steps_per_execution = recipe.steps_per_execution
    shared = run.replicas.count > 1
    apart = shared or recipe.steps_per_execution > 1  # validation is one step a batch
    judge = Judge(validation, model, run.replicas, recipe.xla) if apart else None
    shown = judge.generator if judge else model.ema_generator
    preview = validation.preview()
    recorder = Recorder(run.folder, stage, progress["history"], preview, validation.baseline, display, shown)
    counter = Counter(progress, keeps=shared or keras.backend.backend() == "jax")
    callbacks = [counter, *([judge] if judge else []), recorder, display, guard, keeper]

    def fit(epochs: int, steps: int) -> None:
        start = progress["epoch"] * run.steps + progress["step"]
        with run.replicas.running():
            model.fit(
                run.replicas.feed(training_dataset(sampler, recipe.scale, start), recipe.batch),
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
        load_weights(model.ema_generator, best)
        run.say(f"{stage} stopped: {collapse}; rolled back to the best generator, {progress['best_psnr']:.2f} dB")
        progress["epoch"], progress["step"] = run.epochs(stage), 0
        keeper.save()
    finally:
        keeper.restore_signals()


def train(run: Run, resume: bool = False) -> list[dict[str, Any]]:
    """Trains a recipe: content stage, adversarial stage, weights, pictures and the closing table.

    Args:
        run: `Run`.
        resume: go on from the folder's checkpoint, exactly as if it had never stopped.

    Returns:
        The rows of the closing table, on the chief.

    Raises:
        ValueError: for settings that don't fit the data, or a checkpoint of something else.
        OSError: if the folder can't be written.
        Interrupted: after SIGINT or SIGTERM, with the state saved.
    """
    recipe = run.recipe
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
    validation = Validation(run.val, recipe)
    fingerprint = run.fingerprint()
    settings = f"{fingerprint} {recipe.to_json()} {run.init} {run.init_discriminator}"
    run.replicas.meet("images or settings", zlib.crc32(settings.encode()) >> 1)
    progress: dict[str, Any] = {"stage": None, "epoch": 0, "step": 0, "history": [], "fingerprint": fingerprint}
    if resume and run.checkpoint.is_file():
        progress = read_progress(run.checkpoint)
        if progress["fingerprint"] != fingerprint:
            raise ValueError(f"{run.folder}: the training images are not those that this run began with")
    else:
        write_text(run.folder / "recipe.json", recipe.to_json() + "\n")
    generator = None
    stages = [stage for stage in STAGES if run.epochs(stage)]
    saved = progress["stage"]
    if stages == [*STAGES] and saved != "adversarial":
        _build_critics(run, lambda line: None)  # what they lack is said now, not after the content stage
    for stage in stages[stages.index(saved) if saved else 0 :]:
        with run.replicas.building():
            model = build_stage(run, stage, generator)
        if progress["stage"] == stage:
            progress = restore_checkpoint(run.checkpoint, model)
            run.say(f"resumed {stage} at epoch {progress['epoch'] + 1}, step {progress['step']}")
        else:
            progress.update(stage=stage, epoch=0, step=0, best_psnr=None, saturated=0)
        run.replicas.meet("checkpoints", progress["epoch"] * run.steps + progress["step"])
        if progress["epoch"] < run.epochs(stage):
            try:
                _run_stage(run, stage, model, validation, progress)
            except Interrupted:
                save_weights(model.ema_generator, run.weights_path(stage), results.card(run, stage, progress))
                run.replicas.meet()  # a host that leaves before the chief has written would take it along
                raise
        generator = model.ema_generator
        generator.trainable = True
        save_weights(generator, run.weights_path(stage), results.card(run, stage, progress))
        if stage == "adversarial":
            save_weights(model.discriminator, run.folder / "checkpoints" / f"discriminator{SUFFIX}")
        del model
        gc.collect()
        heap.release()  # the next stage compiles a step of its own, the largest moment of a run
    table = results.close(run, stages) if run.replicas.chief else []
    run.replicas.meet()
    return table
