"""What a run will cost: parameters, arithmetic, time and memory."""

import dataclasses

import keras

from keras_srgan.backend.arithmetic import matrix_rate, settle
from keras_srgan.backend.settings import keras_settings
from keras_srgan.machine import cores
from keras_srgan.networks.graph.cost import forward_cost
from keras_srgan.recipes import Recipe

EFFICIENCY = 0.6  # share of the matrix rate that a step reaches (measured on 2 CPU cores with XLA)


@dataclasses.dataclass(frozen=True)
class TrainingCost:
    """What a recipe's training takes.

    Args:
        generator, discriminator: integers, parameters.
        pretrain, adversarial: floating-point operations of a patch in each stage.
        values: numbers that a patch's layers put out, kept for the backward pass.
    """

    generator: int
    discriminator: int
    pretrain: float
    adversarial: float
    values: float


@keras_settings()
def training_cost(recipe: Recipe) -> TrainingCost:
    """Counts what training a recipe takes.

    Raises:
        ValueError: for a layer of VGG19 that there is not.
    """
    from keras_srgan.networks import build_discriminator, build_generator

    low = recipe.patch // recipe.scale
    generator = build_generator(recipe)
    g_ops, values = forward_cost(generator, (low, low, recipe.channels))
    d_ops = d_values = f_ops = f_values = 0.0
    parameters = 0
    if recipe.discriminator != "none":
        discriminator = build_discriminator(recipe)
        parameters = discriminator.count_params()
        d_ops, d_values = forward_cost(discriminator, (recipe.patch, recipe.patch, recipe.channels))
    if recipe.features == "vgg19" and recipe.perceptual_weight:
        vgg = keras.applications.VGG19(include_top=False, weights=None, input_shape=(recipe.patch, recipe.patch, 3))
        names = [layer.name for layer in vgg.layers]
        if recipe.features_layer not in names:
            raise ValueError(f"vgg19 has no layer {recipe.features_layer!r}: choose one of {', '.join(names[1:])}")
        f_ops, f_values = forward_cost(
            keras.Model(vgg.input, vgg.get_layer(recipe.features_layer).output), (recipe.patch, recipe.patch, 3)
        )
    if recipe.epochs:
        values += 2 * d_values + 2 * f_values
    # Backward passes cost twice a forward one; once where weights are frozen.
    return TrainingCost(generator.count_params(), parameters, 3 * g_ops, 3 * g_ops + 7 * d_ops + 3 * f_ops, values)


def describe_plan(run) -> str:
    """The text of `--dry-run`."""
    recipe = settle(run.recipe)
    dtype = recipe.precision.removeprefix("mixed_")
    cost, rate = training_cost(recipe), matrix_rate(dtype=dtype)
    seconds = [
        epochs * run.steps * recipe.batch * work / (rate * EFFICIENCY)
        for epochs, work in ((recipe.pretrain_epochs, cost.pretrain), (recipe.epochs, cost.adversarial))
    ]
    # Weights, gradients, two moments, the average; activations and their gradients; TensorFlow itself and XLA.
    parameters = cost.generator + cost.discriminator * bool(recipe.epochs)
    memory = (5 * parameters + 2 * cost.values * recipe.batch) * 4 / 2**30 + (1.8 if recipe.xla else 0.8)
    return "\n".join(
        [
            f"recipe: {recipe.to_json()}",
            f"images: {len(run.train)} training, {len(run.val)} validation",
            f"steps: {run.steps} an epoch of {recipe.batch} patches; {recipe.pretrain_epochs} + {recipe.epochs} epochs",
            f"parameters: generator {cost.generator:,}, discriminator {cost.discriminator if recipe.epochs else 0:,}",
            f"arithmetic a patch: {cost.pretrain / 1e9:.1f} GFLOP pretraining, {cost.adversarial / 1e9:.1f} "
            f"adversarial; a matrix product in {dtype} does {rate / 1e9:.0f} GFLOP/s here ({cores()} cores)",
            f"time, estimated: {seconds[0] / 60:.0f} + {seconds[1] / 60:.0f} minutes",
            f"memory, estimated: {memory:.1f} GB",
        ]
    )
