"""How fast the training steps are here, beside the matrix rate of the same machine in the same run.

    python benchmarks/train_step.py [--rounds 5] [--layer block5_conv4]

24 -> 96 px, batch 16, one channel, the networks of a recipe. Forms: without XLA; XLA with the library's convolutions
("plain"); XLA with `keras_srgan.layers.winograd` ("fast", what training uses on a CPU). Forms are timed in turn, round
after round, so that whatever else the machine does falls on all alike; the figures are medians. KERAS_BACKEND=jax
times JAX, which has no form without XLA.
"""

import argparse
import importlib
import time

from keras_srgan.cli import start_quietly  # noqa: E402

device = start_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402

from keras_srgan import machine  # noqa: E402
from keras_srgan.data.patches import PatchSampler  # noqa: E402
from keras_srgan.data.pipeline import training_dataset  # noqa: E402
from keras_srgan.data.sample import sample_radiograph  # noqa: E402
from keras_srgan.losses.perceptual import feature_model  # noqa: E402
from keras_srgan.networks import build_discriminator, build_generator  # noqa: E402
from keras_srgan.networks.graph.cost import forward_cost  # noqa: E402
from keras_srgan.recipes import find_recipe  # noqa: E402
from keras_srgan.srgan import SRGAN, SRResNetTrainer  # noqa: E402
from keras_srgan.train.plan import matrix_rate  # noqa: E402

JAX = keras.backend.backend() == "jax"
FORMS = ("XLA plain", "XLA fast") if JAX else ("no XLA", "XLA plain", "XLA fast")


def build(stage: str, recipe, layer: str, form: str):
    """The training step of a compiled model, a function of a batch that returns the loss."""
    keras.utils.set_random_seed(0)
    generator = build_generator(recipe)
    if stage == "pretrain":
        model = SRResNetTrainer(generator)
        loss = recipe.pretrain_loss or recipe.content_loss
        model.compile(keras.optimizers.Adam(1e-4), loss, jit_compile=form != "no XLA")
    else:
        # Random VGG19 weights: the arithmetic is the same, and no file is needed.
        vgg = keras.applications.VGG19(include_top=False, weights=None, input_shape=(None, None, 3))
        model = SRGAN(generator, build_discriminator(recipe), feature_model(vgg, "vgg19", layer))
        optimizers = [keras.optimizers.Adam(1e-4) for _ in range(2)]
        model.compile(*optimizers, recipe.content_loss, jit_compile=form != "no XLA")
    model.fast = form == "XLA fast"
    if JAX:
        import jax

        step = jax.jit(model.train_step, donate_argnums=0)
        parts = ("trainable", "non_trainable", "optimizer", "metrics")
        state = model._get_jax_state(**{f"{part}_variables": True for part in parts})

        def run(batch):
            nonlocal state
            logs, state = step(state, [np.asarray(each) for each in batch])
            return float(logs["loss"])

        return run
    import tensorflow as tf

    step = tf.function(model.train_step, jit_compile=form != "no XLA")
    return lambda batch: float(step(batch)["loss"])


def work(stage: str, recipe, layer: str) -> float:
    """Floating-point operations a patch: the direct forms' count, whatever the form does."""
    low = recipe.patch // recipe.scale
    generator = forward_cost(build_generator(recipe), (low, low, 1))[0]
    if stage == "pretrain":
        return 3 * generator
    discriminator = forward_cost(build_discriminator(recipe), (recipe.patch, recipe.patch, 1))[0]
    shape = (recipe.patch, recipe.patch, 3)
    vgg = keras.applications.VGG19(include_top=False, weights=None, input_shape=shape)
    features = forward_cost(keras.Model(vgg.input, vgg.get_layer(layer).output), shape)[0]
    # D: two passes forward, two back for its weights (2x), one back to the image. VGG: two forward, one back.
    return 3 * generator + 7 * discriminator + 3 * features


def input_wait(step, dataset, steps: int) -> float:
    """The share of the time that a step spends waiting for its batch."""
    batches = iter(dataset)
    step(next(batches))
    waited, started = 0.0, time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        step(batch)
    return waited / (time.perf_counter() - started)


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--rounds", type=int, default=5, help="timed rounds of each form [5]")
    parse.add_argument("--recipe", default="xray-srgan-plus", help="recipe [xray-srgan-plus]")
    parse.add_argument("--layer", default="block5_conv4", help="VGG19 layer of the perceptual loss [block5_conv4]")
    parse.add_argument("--stages", nargs="+", default=["pretrain", "adversarial"])
    arguments = parse.parse_args()
    recipe = find_recipe(arguments.recipe)
    image = sample_radiograph(reduce=2)
    sampler = PatchSampler([image] * recipe.batch, recipe.patch, recipe.batch, flat=0.002)
    dataset = training_dataset(sampler, recipe.scale)
    batch = next(iter(dataset))
    name = keras.backend.backend()
    print(f"{device}; Keras {keras.__version__}, {name} {importlib.import_module(name).__version__}")
    print(f"float32 matrix product: {matrix_rate(2048) / 1e9:.0f} GFLOP/s\n")
    print("| stage | form | patches/s | GFLOP/s (direct count) | over plain XLA | first step, s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for stage in arguments.stages:
        operations = work(stage, recipe, arguments.layer)
        steps, first = {}, {}
        for form in FORMS:
            step = build(stage, recipe, arguments.layer, form)
            started = time.perf_counter()
            step(batch)
            steps[form], first[form] = step, time.perf_counter() - started
        if JAX:
            machine.keep_freed_memory()  # as training does
        seconds: dict[str, list[float]] = {form: [] for form in FORMS}
        for _ in range(arguments.rounds):
            for form, step in steps.items():
                started = time.perf_counter()
                step(batch)
                step(batch)
                seconds[form].append((time.perf_counter() - started) / 2)
        for form in FORMS:
            rate = recipe.batch / np.median(seconds[form])
            gain = np.median(np.array(seconds["XLA plain"]) / np.array(seconds[form]))
            print(
                f"| {stage} | {form} | {rate:.1f} | {rate * operations / 1e9:.0f} | {gain:.2f} | {first[form]:.0f} |",
                flush=True,
            )
        wait = input_wait(steps["XLA fast"], dataset, 10 * arguments.rounds)
        print(f"\n{stage}: waiting for input {wait:.2%} of the time\n", flush=True)


if __name__ == "__main__":
    main()
