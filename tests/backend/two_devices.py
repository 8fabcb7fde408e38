"""A script: the same steps on one device and on two parts of a CPU; what they log and end with, in `found.npz`."""

import contextlib
import os
import sys
from pathlib import Path

import numpy as np

from keras_srgan.backend.devices import find
from keras_srgan.train.run import Run
from keras_srgan.train.stages import _connect, adam

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
STEPS, BATCH = 5, 4


def build(shared, norm, precision="float32", jit=True, sync=True, clip=0.01, content=False, judge="patch", **options):
    import keras

    from keras_srgan.backend.collectives import whole_gradients
    from keras_srgan.networks import build_discriminator, build_generator
    from keras_srgan.recipes import Recipe
    from keras_srgan.srgan import SRGAN, SRResNetTrainer

    recipe = Recipe(
        precision=precision, lr=1e-4, clip=clip, sync_bn=sync, norm=norm, filters=8, blocks=1, patch=32, batch=BATCH
    ).replace(discriminator=judge, discriminator_filters=4, discriminator_dense=64)
    run = Run(recipe, [], [], Path(), replicas=shared)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    with shared.building():
        networks = build_generator(recipe), build_discriminator(recipe)
        _connect(run, *networks)
        assert any(whole_gradients(networks[1])) == (judge == "strided" and shared.count > 1)
        model = SRResNetTrainer(networks[0]) if content else SRGAN(*networks)
        optimizers = [adam(recipe, "adversarial", 20) for _ in range(2 - content)]
        model.compile(*optimizers, jit_compile=jit, **options)
    keras.config.set_dtype_policy("float32")
    return model


def steps(shared, model):
    """What the steps log, and then the weights."""
    import keras
    import tensorflow as tf

    rows = []
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: rows.append([*map(float, logs.values())]))
    rng = np.random.default_rng(1)
    lr, hr = (rng.uniform(-1, 1, (STEPS * BATCH, side, side, 1)).astype("float32") for side in (8, 32))
    batches = tf.data.Dataset.from_tensor_slices((lr, hr)).batch(BATCH, drop_remainder=True)
    with shared.running():
        model.fit(shared.feed(batches, BATCH), steps_per_epoch=STEPS, verbose=0, callbacks=[note])
    networks = [network for network, _ in model.players()] + [model.ema_generator]
    return np.array(rows), np.concatenate([np.ravel(w) for network in networks for w in network.get_weights()])


CASES = {
    "BN over the batch": {"norm": "batch", "jit": BACKEND == "jax", "judge": "strided"},
    "XLA without BN": {"norm": "none", "content": True},
    "BN over each part": {"norm": "batch", "jit": BACKEND == "jax", "sync": False},
    "bfloat16": {"norm": "none", "jit": BACKEND == "jax", "precision": "mixed_bfloat16", "judge": "strided"},
    "float16": {"norm": "none", "jit": BACKEND == "jax", "precision": "mixed_float16", "clip": 0.0},
    # On TensorFlow in pieces, which compile for long: once, for what else looks at all devices too.
    "XLA with BN over the batch": {"norm": "batch", "adversarial": "relativistic"},
}


def two_devices(folder):
    from keras_srgan.backend.replicas import Replicas
    from keras_srgan.train.callbacks.checkpoint import restore_checkpoint, save_checkpoint

    shared, alone, found = find("2"), Replicas(), {}
    shared.start()
    assert (shared.count, shared.describe()) == (2, "2 devices")
    for name, options in CASES.items():
        for who, devices in (("one", alone), ("two", shared)):
            model = build(devices, **options)
            found[f"{name} {who} logs"], found[f"{name} {who} weights"] = steps(devices, model)
            save_checkpoint(folder / f"{name} {who}.npz", model, {"step": STEPS})
    for who, devices in (("one", alone), ("two", shared)):
        other = {"one": "two", "two": "one"}[who]
        model = build(devices, **CASES["BN over the batch"])
        restore_checkpoint(folder / f"BN over the batch {other}.npz", model)
        found[f"resumed {who} logs"], found[f"resumed {who} weights"] = steps(devices, model)
    np.savez(folder / "found.npz", **found)


if __name__ == "__main__":
    with contextlib.suppress(ImportError):
        import tensorflow  # noqa: F401
    two_devices(Path(sys.argv[1]))
