"""How fast the training steps are here, in every form and precision, beside the matrix rates of the same run.

    python benchmarks/train_step.py [--rounds 5] [--recipe xray-srgan-plus] [--layer block5_conv4]

24 -> 96 px, batch 16, one channel, the networks of a recipe. Forms: the backend's own convolutions ("no XLA"), and XLA;
each in float32 and in bfloat16. Forms are timed in turn, round after round, so that whatever else the machine does
falls on all alike; the figures are medians. "over float32" compares with the best float32 form. KERAS_BACKEND=jax times
JAX, which has no form without XLA.
"""

import argparse
import time

from keras_srgan.cli import start_quietly  # noqa: E402

device = start_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402

from keras_srgan import machine  # noqa: E402
from keras_srgan.backend.arithmetic import describe_machine, matrix_rate, settle  # noqa: E402
from keras_srgan.data.patches import PatchSampler  # noqa: E402
from keras_srgan.data.pipeline import training_dataset  # noqa: E402
from keras_srgan.data.sample import sample_radiograph  # noqa: E402
from keras_srgan.losses.perceptual import feature_model  # noqa: E402
from keras_srgan.networks import build_discriminator, build_generator  # noqa: E402
from keras_srgan.networks.graph.cost import forward_cost  # noqa: E402
from keras_srgan.recipes import find_recipe  # noqa: E402
from keras_srgan.srgan import SRGAN, SRResNetTrainer  # noqa: E402

JAX = keras.backend.backend() == "jax"
FORMS = [
    (form, precision)
    for form in (("XLA",) if JAX else ("no XLA", "XLA"))
    for precision in ("float32", "mixed_bfloat16")
]


def build(stage: str, recipe, layer: str, form: str, precision: str):
    """The training step of a compiled model, a function of a batch that returns the loss."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    generator = build_generator(recipe)
    if stage == "pretrain":
        model = SRResNetTrainer(generator)
        loss = recipe.pretrain_loss or recipe.content_loss
        model.compile(keras.optimizers.Adam(1e-4), loss, jit_compile=form == "XLA")
    else:
        # Random VGG19 weights: the arithmetic is the same, and no file is needed.
        vgg = keras.applications.VGG19(include_top=False, weights=None, input_shape=(None, None, 3))
        model = SRGAN(generator, build_discriminator(recipe), feature_model(vgg, "vgg19", layer))
        optimizers = [keras.optimizers.Adam(1e-4) for _ in range(2)]
        model.compile(*optimizers, recipe.content_loss, jit_compile=form == "XLA")
    keras.config.set_dtype_policy("float32")
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

    step = tf.function(model.train_step, jit_compile=form == "XLA")
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
    print(describe_machine(device), end="\n\n")
    chosen = settle(recipe)
    print("| stage | form | precision | patches/s | GFLOP/s (direct) | over float32 | share of rate | first step, s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for stage in arguments.stages:
        operations = work(stage, recipe, arguments.layer)
        steps, first = {}, {}
        for each in FORMS:
            step = build(stage, recipe, arguments.layer, *each)
            started = time.perf_counter()
            step(batch)
            steps[each], first[each] = step, time.perf_counter() - started
        if JAX:
            machine.keep_freed_memory()  # as training does
        seconds: dict[tuple, list[float]] = {each: [] for each in FORMS}
        for _ in range(arguments.rounds):
            for each, step in steps.items():
                started = time.perf_counter()
                step(batch)
                step(batch)
                seconds[each].append((time.perf_counter() - started) / 2)
        medians = {each: float(np.median(times)) for each, times in seconds.items()}
        best = min(value for (_, precision), value in medians.items() if precision == "float32")
        for each, median in medians.items():
            form, precision = each
            rate = recipe.batch / median
            share = rate * operations / matrix_rate(2048, precision.removeprefix("mixed_"))
            mark = " (auto)" if (chosen.xla, chosen.precision) == (form == "XLA", precision) else ""
            print(
                f"| {stage} | {form}{mark} | {precision} | {rate:.1f} | {rate * operations / 1e9:.0f} | "
                f"{best / median:.2f} | {share:.2f} | {first[each]:.0f} |",
                flush=True,
            )
        wait = input_wait(steps[FORMS[0]], dataset, 10 * arguments.rounds)
        print(f"\n{stage}: waiting for input {wait:.2%} of the time\n", flush=True)


if __name__ == "__main__":
    main()
