"""What a run will take: parameters, arithmetic, time and memory, before it starts."""

import itertools
import os
import time

import keras
import numpy as np

from keras_srgan.layers import SubpixelConv2D

EFFICIENCY = 0.6  # share of the matrix rate that a step reaches (measured on 2 CPU cores with XLA)


def forward_cost(model: keras.Model, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Counts one forward pass of one image.

    Args:
        model: functional model.
        shape: `(H, W, C)` of the input.

    Returns:
        Floating-point operations of its convolutions, either way, and Dense layers (a multiply-add is two), and the
        number of values that its layers put out.
    """
    fixed = keras.models.clone_model(model, input_tensors=keras.Input(shape))
    operations = values = 0.0
    # Calls, not layers: a recursion applies one kernel many times.
    for node in itertools.chain.from_iterable(fixed._nodes_by_depth.values()):
        layer = node.operation
        if isinstance(layer, keras.layers.InputLayer):
            continue
        out = int(np.prod(node.output_tensors[0].shape[1:]))
        values += out
        conv = layer.conv if isinstance(layer, SubpixelConv2D) else layer
        if isinstance(conv, (keras.layers.Conv2D, keras.layers.Dense)):
            operations += 2.0 * int(np.prod(conv.kernel.shape[:-1])) * out
        elif isinstance(conv, keras.layers.Conv2DTranspose):
            operations += 2.0 * int(np.prod(conv.kernel.shape)) * int(np.prod(node.input_tensors[0].shape[1:-1]))
    return operations, values


def matrix_rate(size: int = 1536) -> float:
    """Float32 operations per second of a matrix product here."""
    a = keras.ops.convert_to_tensor(np.random.default_rng(0).random((size, size), dtype="float32"))
    np.asarray(keras.ops.matmul(a, a))
    started = time.perf_counter()
    for _ in range(3):
        product = keras.ops.matmul(a, a)
    np.asarray(product)
    return 3 * 2 * size**3 / (time.perf_counter() - started)


def plan(run) -> str:
    """The text of `--dry-run`."""
    from keras_srgan.networks import build_discriminator, build_generator

    recipe = run.recipe
    low = recipe.patch // recipe.scale
    generator = build_generator(recipe)
    g_ops, g_values = forward_cost(generator, (low, low, recipe.channels))
    d_ops = d_values = d_parameters = f_ops = f_values = 0.0
    if recipe.epochs:
        discriminator = build_discriminator(recipe)
        d_parameters = discriminator.count_params()
        d_ops, d_values = forward_cost(discriminator, (recipe.patch, recipe.patch, recipe.channels))
    if recipe.features == "vgg19" and recipe.epochs:
        vgg = keras.applications.VGG19(include_top=False, weights=None, input_shape=(recipe.patch, recipe.patch, 3))
        names = [layer.name for layer in vgg.layers]
        if recipe.features_layer not in names:
            raise ValueError(f"vgg19 has no layer {recipe.features_layer!r}: choose one of {', '.join(names[1:])}")
        f_ops, f_values = forward_cost(
            keras.Model(vgg.input, vgg.get_layer(recipe.features_layer).output), (recipe.patch, recipe.patch, 3)
        )
    # Backward passes cost twice a forward one; once where weights are frozen.
    pretrain = 3 * g_ops
    adversarial = 3 * g_ops + 7 * d_ops + 3 * f_ops
    rate = matrix_rate()
    seconds = [
        epochs * run.steps * recipe.batch * work / (rate * EFFICIENCY)
        for epochs, work in ((recipe.pretrain_epochs, pretrain), (recipe.epochs, adversarial))
    ]
    parameters = generator.count_params() + d_parameters
    values = g_values + (2 * d_values + 2 * f_values if recipe.epochs else 0)
    # Weights, gradients, two moments, the average; activations and their gradients; TensorFlow itself and XLA.
    memory = (5 * parameters + 2 * values * recipe.batch) * 4 / 2**30 + (1.8 if recipe.xla else 0.8)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return "\n".join(
        [
            f"recipe: {recipe.to_json()}",
            f"images: {len(run.train)} training, {len(run.val)} validation",
            f"steps: {run.steps} an epoch of {recipe.batch} patches; {recipe.pretrain_epochs} + {recipe.epochs} epochs",
            f"parameters: generator {generator.count_params():,}, discriminator {d_parameters:,.0f}",
            f"arithmetic a patch: {pretrain / 1e9:.1f} GFLOP pretraining, {adversarial / 1e9:.1f} adversarial; "
            f"a matrix product does {rate / 1e9:.0f} GFLOP/s here ({cores} cores)",
            f"time, estimated: {seconds[0] / 60:.0f} + {seconds[1] / 60:.0f} minutes",
            f"memory, estimated: {memory:.1f} GB",
        ]
    )
