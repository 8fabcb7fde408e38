"""JAX beside TensorFlow. A process has one backend: run as a script, this file is the JAX side."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_srgan.data.patches import PatchSampler
from keras_srgan.data.pipeline import training_dataset
from keras_srgan.data.sample import sample_radiograph
from keras_srgan.evaluate.evaluation import compare
from keras_srgan.images import Image, write_image
from keras_srgan.inference.engines import make_engine
from keras_srgan.metrics import psnr, ssim
from keras_srgan.networks.discriminators.strided import strided_discriminator
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.recipes import Recipe
from keras_srgan.srgan import SRGAN, SRResNetTrainer
from keras_srgan.train.callbacks.checkpoint import restore_checkpoint, save_checkpoint
from keras_srgan.train.stages import adam

STAGES = ("pretrain", "adversarial")
HALF = 5  # steps before and after the checkpoint
ENGINES = ("keras", "xla")
TINY = (
    "--filters 8 --blocks 1 --discriminator-filters 4 --discriminator-dense 8 --patch 32 --batch 4 --val-patch 32 "
    "--patches-per-epoch 12 --pretrain-epochs 1 --epochs 1 --features none"
).split()


def make(stage, jit=True):
    """A small model with batch normalisation and a perceptual loss, as a step compiles it if asked."""
    keras.utils.set_random_seed(0)
    return compiled(stage, srresnet(filters=32, blocks=1), strided_discriminator(patch=48, filters=4, dense=8), jit)


def mixed(precision):
    """An adversarial model of few layers in mixed precision."""
    keras.config.set_dtype_policy(precision)
    lr, hr = (keras.Input((side, side, 1)) for side in (12, 48))
    sr = keras.layers.Conv2DTranspose(1, 4, 4)(keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(lr)))
    sr = keras.layers.Activation("linear", dtype="float32")(keras.layers.Resizing(48, 48)(sr))
    logits = keras.layers.Dense(1, dtype="float32", name="logits")(keras.layers.Flatten()(hr))
    keras.config.set_dtype_policy("float32")
    return compiled("adversarial", keras.Model(lr, sr), keras.Model(hr, logits), True, precision)


def compiled(stage, generator, discriminator, jit, precision="float32"):
    image = keras.Input((None, None, 1))
    features = keras.Model(image, keras.layers.Conv2D(4, 3, activation="relu")(image))
    rng = np.random.default_rng(1)  # the networks' own weights come from a checkpoint
    features.set_weights([rng.normal(size=each.shape) * 0.2 for each in features.get_weights()])
    features.trainable = False
    # A smaller rate: Adam's steps follow the sign of gradients, and those near zero are rounding alone.
    optimizers = [adam(Recipe(precision=precision, lr=1e-5, pretrain_lr=1e-5), stage, 20) for _ in range(2)]
    if stage == "pretrain":
        model = SRResNetTrainer(generator)
        model.compile(optimizers[0], "l1", tv_weight=0.01, jit_compile=jit)
    else:
        model = SRGAN(generator, discriminator, features)
        weights = {"perceptual_weight": 0.1, "adversarial_weight": 0.01}
        model.compile(*optimizers, adversarial="relativistic", **weights, jit_compile=jit)
    return model


class Logs(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rows = []

    def on_train_batch_end(self, batch, logs=None):
        self.rows.append([float(logs[name]) for name in self.model.log_names])


def train(model, folder, first, last):
    """Trains on some of the batches: what every step logs."""
    logs, batches = Logs(), np.load(folder / "batches.npz")
    lr, hr = (np.concatenate(batches[name][first:last]) for name in ("lr", "hr"))
    model.fit(lr, hr, batch_size=4, shuffle=False, verbose=0, callbacks=[logs])
    return np.array(logs.rows)


def sampler():
    pixels = np.random.default_rng(3).integers(0, 4096, (4, 70, 60)).astype("uint16")
    return PatchSampler([Image(each, 4095, Path(f"{i}.png")) for i, each in enumerate(pixels)], 48, 2)


def ten_steps(folder, name, models):
    """Ten steps of each stage from the same weights, with a checkpoint in the middle; then the weights."""
    found = {}
    for stage, model in models.items():
        first = folder / f"{stage}.npz"
        if not first.is_file():
            save_checkpoint(first, model, {})
        restore_checkpoint(first, model)
        found[stage] = [train(model, folder, 0, HALF)]
        save_checkpoint(folder / f"{stage}-{name}.npz", model, {"step": HALF})
        found[stage].append(train(model, folder, HALF, 2 * HALF))
        model.generator.save_weights(folder / f"{stage}-{name}.weights.h5")
    return found


def last_five(folder, name, models):
    """The last five steps again, from the other backend's checkpoints."""
    found = {}
    for stage, model in models.items():
        assert restore_checkpoint(folder / f"{stage}-{name}.npz", model) == {"step": HALF}
        found[f"{stage} resumed"] = train(model, folder, HALF, 2 * HALF)
    return found


def images(folder, name):
    """What a backend's weights give: images, figures of one."""
    generator, batches = srresnet(filters=32, blocks=1), np.load(folder / "batches.npz")
    generator.load_weights(folder / f"adversarial-{name}.weights.h5")
    found = {f"{name} {engine}": make_engine(engine, generator).run(batches["lr"][0]) for engine in ENGINES}
    pair = [(each + 1) / 2 for each in (batches["hr"][0], np.clip(found[f"{name} keras"], -1, 1))]
    return {**found, f"{name} figures": np.array([psnr(*pair), ssim(*pair)])}


def drawn():
    """Six batches of the feed."""
    feed = iter(training_dataset(sampler(), 4, start=7))
    return np.concatenate([np.ravel(each) for _ in range(6) for each in next(feed)])


def jax_side(folder):
    models = {stage: make(stage) for stage in STAGES}
    found = ten_steps(folder, "jax", models) | last_five(folder, "tensorflow", models)
    found |= images(folder, "tensorflow") | images(folder, "jax") | {"feed": drawn()}
    sys.modules["tensorflow"] = None
    found["plain feed"] = drawn()
    for precision in ("mixed_bfloat16", "mixed_float16"):
        model = mixed(precision)
        before = [np.array(v) for v in model.trainable_variables]
        found[precision] = train(model, folder, 0, HALF)
        now = [np.array(v) for v in model.trainable_variables]
        found[f"{precision} moved"] = [not np.array_equal(a, b) for a, b in zip(before, now, strict=True)]
    np.savez(folder / "jax.npz", **found)


def start(*arguments, **environment):
    """A process on JAX; its random numbers are those that compile quickly."""
    environment = {"KERAS_BACKEND": "jax", "JAX_THREEFRY_PARTITIONABLE": "0", **environment}
    command = [sys.executable, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env={**os.environ, **environment}, text=True, **pipes)


def done(process, status=0):
    """What a process prints, once it has ended with this status."""
    printed, errors = process.communicate()
    assert process.returncode == status, errors[-3000:]
    return printed if status == 0 else errors


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What the two sides found: TensorFlow, JAX on its checkpoints, TensorFlow on those of JAX."""
    pytest.importorskip("jax")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("compares from TensorFlow's side")
    folder = tmp_path_factory.mktemp("jax")
    rng = np.random.default_rng(0)
    hr = np.cumsum(rng.normal(size=(2 * HALF, 4, 48, 48, 1)), axis=3).clip(-9, 9).astype("float32") / 9
    hr[HALF] = hr[0]  # so that what differs then is what was learned
    np.savez(folder / "batches.npz", hr=hr, lr=hr[:, :, 1::4, 1::4])
    models = {stage: make(stage, jit=False) for stage in STAGES}
    found = ten_steps(folder, "tensorflow", models)
    done(start(__file__, folder))
    found |= last_five(folder, "jax", models)
    found |= images(folder, "tensorflow") | images(folder, "jax") | {"feed": drawn()}
    with np.load(folder / "jax.npz") as file:
        return found, dict(file)


@pytest.mark.parametrize("stage", STAGES)
def test_ten_steps_read_the_same_losses_on_both_backends(stage, both):
    tensorflow, jax = (np.array(found[stage]) for found in both)
    losses = [0, 4] if stage == "adversarial" else [0]
    assert (np.abs(tensorflow[1, 0] - tensorflow[0, 0])[losses] > 5e-3).all()
    np.testing.assert_allclose(jax, tensorflow, atol=1e-4)


@pytest.mark.parametrize("stage", STAGES)
def test_a_checkpoint_of_either_backend_goes_on_on_the_other(stage, both):
    for found in both:
        np.testing.assert_allclose(found[f"{stage} resumed"], both[0][stage][1], atol=1e-4)


def test_the_evaluation_of_shipped_weights_reads_the_same(tmp_path):
    pytest.importorskip("jax")
    data = tmp_path / "images"
    data.mkdir()
    write_image(data / "a.png", sample_radiograph(reduce=4).pixels[100:260, 100:260] * 2)
    options = ["--weights", "xray-fast", "--metrics", "psnr", "lpips", "--report", tmp_path / "report"]
    done(start("-m", "keras_srgan.evaluate", "--data", data, *options))
    theirs = json.loads((tmp_path / "report" / "report.json").read_text())["summary"]
    ours = compare(data, ["xray-fast"], metrics=["psnr", "lpips"], crops=0).summary
    assert theirs[1]["psnr"]["mean"] > theirs[0]["psnr"]["mean"]
    for row, own in zip(theirs, ours, strict=True):
        for name in ("psnr", "lpips"):
            assert row[name]["mean"] == pytest.approx(own[name]["mean"], abs=1e-3), (row["method"], name)


@pytest.mark.parametrize("origin", ["tensorflow", "jax"])
def test_weights_of_either_backend_give_the_same_images_and_figures(origin, both):
    tensorflow, jax = both
    for engine in ENGINES:
        np.testing.assert_allclose(jax[f"{origin} {engine}"], tensorflow[f"{origin} {engine}"], atol=1e-5)
    np.testing.assert_allclose(jax[f"{origin} figures"], tensorflow[f"{origin} figures"], rtol=1e-6, atol=1e-6)


def test_the_feed_without_tensorflow_is_that_of_tf_data(both):
    tensorflow, jax = (found["feed"] for found in both)
    np.testing.assert_array_equal(both[1]["plain feed"], jax)
    # A grey level of 4095 where TensorFlow rounds a tie the other way.
    np.testing.assert_allclose(jax, tensorflow, atol=2.1 / 4095)
    assert np.mean(np.abs(jax - tensorflow) > 1e-6) < 1e-3


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_on_jax(precision, both):
    jax = both[1]
    assert np.isfinite(jax[precision]).all()
    assert np.mean(jax[f"{precision} moved"]) > 0.8  # all but biases before a normalisation


# Training where TensorFlow can't be imported; it may kill itself after a step of the adversarial stage.
ALONE = """
import os, sys
class Absent:
    def find_spec(self, name, *_):
        if name.split(".")[0] == "tensorflow":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from keras_srgan.train import __main__ as train
from keras_srgan.train.callbacks import checkpoint as callbacks
before, last = callbacks.Checkpoint.on_train_batch_end, int(sys.argv[1])
def after(self, batch, logs=None):
    before(self, batch, logs)
    if self.progress["stage"] == "adversarial" and self.progress["step"] == last:
        os.kill(os.getpid(), 9)
callbacks.Checkpoint.on_train_batch_end = after
sys.exit(train.main(sys.argv[2:]))
"""


def test_a_run_without_tensorflow_killed_within_an_epoch_goes_on_exactly(make_image, tmp_path):
    pytest.importorskip("jax")
    whole, killed, data = tmp_path / "whole", tmp_path / "killed", tmp_path / "data"
    for i in range(4):
        write_image(data / f"{i}.png", make_image(60, 64).pixels)
    quick = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}  # to compile
    runs = [
        start("-c", ALONE, 0, "--data", data, "--out", whole, *TINY, **quick),
        start("-c", ALONE, 2, "--data", data, "--out", killed, *TINY, "--checkpoint-minutes", 0, **quick),
    ]
    printed = done(runs[0])
    assert "JAX" in printed and "after the adversarial stage" in printed
    assert list(whole.glob("tensorboard/*/events.out.tfevents*"))
    done(runs[1], -signal.SIGKILL)
    # Fed by tf.data, where it is installed.
    assert "at epoch 1, step 2" in done(start("-m", "keras_srgan.train", "--resume", killed, **quick))
    states = [np.load(each / "checkpoints" / "last.npz") for each in (whole, killed)]
    assert set(states[0].files) == set(states[1].files)
    for name in set(states[0].files) - {"progress"}:
        np.testing.assert_array_equal(states[0][name], states[1][name], err_msg=name)


def test_jax_is_taken_where_it_is_alone_and_a_missing_backend_is_named():
    pytest.importorskip("jax")
    code = "import os, sys; sys.modules['{}'] = None; import keras_srgan; print(os.environ['KERAS_BACKEND'])"
    assert done(start("-c", code.format("tensorflow"), KERAS_BACKEND="")).strip() == "jax"
    assert done(start("-c", code.format("jax"), KERAS_BACKEND="")).strip() == ""
    code = "import sys; sys.modules['jax'] = None; from keras_srgan.train.__main__ import main; sys.exit(main([]))"
    message = done(start("-c", code), 1)
    assert message.count("\n") == 1 and "KERAS_BACKEND is jax, which is not installed" in message


if __name__ == "__main__":
    jax_side(Path(sys.argv[1]))
