"""The compiled models of the two stages."""

import itertools
from collections.abc import Callable

import keras

from keras_srgan.backend.arithmetic import settle
from keras_srgan.backend.settings import keras_settings
from keras_srgan.layers import BatchNormalization, Dense
from keras_srgan.losses import build_features
from keras_srgan.networks import build_discriminator, build_generator
from keras_srgan.networks.fusing import load_fused
from keras_srgan.recipes import Recipe
from keras_srgan.srgan import SRGAN, SRResNetTrainer
from keras_srgan.train.run import STAGES, Run
from keras_srgan.train.schedule import LearningRate
from keras_srgan.train.teacher import build_teacher
from keras_srgan.weights import find_discriminator, find_weights, load_weights


def adam(recipe: Recipe, stage: str, steps: int):
    """Adam on a recipe's course of the learning rate, with a scaled loss where float16 needs it."""
    peak = recipe.pretrain_lr if stage == "pretrain" else recipe.lr
    rate = LearningRate(peak, recipe.lr_decay, steps, recipe.warmup)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=recipe.clip or None)
    return keras.optimizers.LossScaleOptimizer(optimizer) if recipe.precision == "mixed_float16" else optimizer


def build_stage(run: Run, stage: str, generator: keras.Model | None = None, restored: bool = False) -> SRResNetTrainer:
    """Builds and compiles the model of a stage.

    Args:
        run: `Run`.
        stage: `"pretrain"` or `"adversarial"`.
        generator: the generator of the stage before, or `None` for a new one.
        restored: whether a checkpoint is put into it: then the run's first weights are not needed any more.
    """
    recipe = run.recipe = settle(run.recipe)
    keras.utils.set_random_seed(recipe.seed + STAGES.index(stage))
    with keras_settings(recipe.precision):
        if generator is None:
            if recipe.bn_frozen and not run.init:
                raise ValueError("bn_frozen keeps the statistics of the first weights: give --init, or --no-bn-frozen")
            generator = build_generator(recipe, branched=True)
            if run.init and not restored:
                load_fused(generator, find_weights(run.init))
                run.say(f"generator starts from {run.init}")
        if recipe.bn_frozen:
            freeze_statistics(generator)
        steps = run.steps * run.epochs(stage)
        if stage == "pretrain":
            _connect(run, generator)
            model = SRResNetTrainer(generator, ema=recipe.ema, teacher=build_teacher(run))
            loss = recipe.pretrain_loss or recipe.content_loss
            model.compile(
                adam(recipe, stage, steps), loss, recipe.tv_weight, bool(recipe.xla), recipe.distillation_weight
            )
            return model
        discriminator, features = build_critics(run, run.say, restored)
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
            jit_compile=bool(recipe.xla),
        )
        return gan


def freeze_statistics(generator: keras.Model) -> None:
    """Has BN use and keep the statistics, and the weights, that it has: training then sees what inference will."""
    for layer in generator.layers:
        if isinstance(layer, BatchNormalization):
            layer.trainable = False


def build_critics(
    run: Run, log: Callable[[str], None], restored: bool = False
) -> tuple[keras.Model, keras.Model | None]:
    """The discriminator and the feature network."""
    recipe, features = run.recipe, None
    if recipe.features != "none" and recipe.perceptual_weight:
        features, origin = build_features(
            recipe.features,
            recipe.features_layer,
            recipe.features_weights,
            recipe.features_before_activation,
            recipe.channels,
        )
        log(f"perceptual loss: {recipe.features_layer} of {origin}")
    discriminator = build_discriminator(recipe)
    if run.init_discriminator and not restored:
        load_weights(discriminator, find_discriminator(run.init_discriminator)[0])
        log(f"discriminator starts from {run.init_discriminator}")
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
