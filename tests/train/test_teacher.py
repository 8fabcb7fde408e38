"""Learning from a larger network beside HR."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_srgan import losses
from keras_srgan.networks import build_generator
from keras_srgan.recipes import find_recipe
from keras_srgan.srgan import SRResNetTrainer
from keras_srgan.train.callbacks.checkpoint import Checkpoint, Interrupted, read_checkpoint
from keras_srgan.train.loop import train
from keras_srgan.train.run import Run
from keras_srgan.weights import load_weights, read_card, save_weights

TEACHER = "xray-srgan-plus-pretrained"


@pytest.fixture
def run(tiny, make_image, tmp_path):
    """A short content stage of the laptop's generator beside a small teacher, and the lines that it says."""
    small = dict(filters=8, blocks=1, patch=32, batch=4, val_patch=32, patches_per_epoch=12, pretrain_epochs=2)
    recipe = find_recipe("xray-fast").replace(**small, warmup=0, flat=0.0, xla=False, precision="float32")
    images = [make_image(60, 64, name=f"{i}.png") for i in range(3)]

    def make(name="run", teacher=None, **changes):
        said = []
        each = Run(recipe.replace(**changes), images[:2], images[2:], tmp_path / name, log=said.append)
        each.teacher = str(teacher) if teacher else None
        return each, said

    return make


@pytest.fixture
def teacher(tiny, tmp_path, shaken):
    """A teacher's weights with their card; it draws something far from HR, which shows in what it teaches."""

    def make(**changes):
        recipe = tiny.replace(**{"filters": 12} | changes)
        card = {"name": "big", "recipe": json.loads(recipe.to_json())}
        return save_weights(shaken(build_generator(recipe)), tmp_path / "big.weights.h5", card)

    return make


def test_the_loss_counts_the_distance_from_the_teacher_and_moves_the_student_only(rng, shaken, tiny):
    student = build_generator(find_recipe("xray-fast").replace(filters=8, blocks=1), branched=True)
    teacher = shaken(build_generator(tiny))
    lr, hr = (rng.uniform(-1, 1, (2, size, size, 1)).astype("float32") for size in (8, 32))
    trainers = [SRResNetTrainer(student, teacher=each) for each in (None, teacher)]
    found = []
    for trainer in trainers:
        trainer.compile(keras.optimizers.Adam(1e-3), "l1", jit_compile=False, distillation_weight=0.5)
        found.append(float(trainer.forward(lr, hr)[0][0]))
    distance = float(losses.l1(np.asarray(teacher(lr)), np.asarray(student(lr))))
    assert found[1] - found[0] == pytest.approx(0.5 * distance, abs=1e-5) and distance > 0.01
    before = teacher.get_weights()
    assert len(trainers[1].trainable_variables) == len(trainers[0].trainable_variables)
    history = trainers[1].fit(lr, hr, epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]
    for now, then in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_run_names_its_teacher_and_leaves_plain_weights(run, teacher, tmp_path):
    path = teacher()
    alone, _ = run("alone")
    each, said = run("run", path)
    for one in (alone, each):
        train(one)
    assert any("learns from" in line for line in said)
    cards = [read_card(one.folder / "xray-fast.weights.h5") for one in (alone, each)]
    assert cards[1]["teacher"] == {"name": "big", "sha256": read_card(path)["sha256"]} and "teacher" not in cards[0]
    generator = build_generator(each.recipe)
    for name in ("xray-fast.weights.h5", "checkpoints/best-pretrain.weights.h5"):
        load_weights(generator, each.folder / name)  # without branches
    assert cards[1]["parameters"] == generator.count_params()
    taught, other = (read_checkpoint(one.checkpoint)[1] for one in (each, alone))
    branches = [name for name in taught if name.startswith("generator/")]
    assert len(branches) > len(generator.variables)
    assert set(taught) == set(other)  # nothing of the teacher's
    assert any(not np.array_equal(taught[name], other[name]) for name in branches)


def test_a_resumed_run_goes_on_exactly_beside_the_teacher_that_it_began_with(run, teacher, tmp_path, monkeypatch):
    path = teacher()
    whole, _ = run("whole", path)
    train(whole)
    stopped, _ = run("stopped", path)
    with monkeypatch.context() as patch:
        once = Checkpoint.on_train_batch_end

        def stop(self, batch, logs=None):
            self.stop.asked = self.progress["step"] == 2 and self.progress["epoch"] == 1
            once(self, batch, logs)

        patch.setattr(Checkpoint, "on_train_batch_end", stop)
        with pytest.raises(Interrupted):
            train(stopped)
    kept = path.read_bytes(), path.with_name("big.json").read_bytes()
    teacher(filters=8)
    with pytest.raises(ValueError, match="began with the teacher .*big"):
        train(stopped, resume=True)
    path.write_bytes(kept[0])
    path.with_name("big.json").write_bytes(kept[1])
    train(stopped, resume=True)
    states = [read_checkpoint(each.checkpoint)[1] for each in (whole, stopped)]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)


def test_a_teacher_that_does_not_fit_is_refused_before_anything_is_written(run, teacher):
    for changes in ({"scale": 2}, {"channels": 3}):
        (name, value), path = next(iter(changes.items())), teacher(**changes)
        each, _ = run("refused", path)
        with pytest.raises(ValueError, match=f"big.weights.h5 has {name} {value}, recipe xray-fast has"):
            train(each)
        assert not any(each.folder.iterdir())
    each, _ = run("refused", path, distillation_weight=0.0)
    with pytest.raises(ValueError, match="would teach nothing"):
        train(each)
    shutil.move(path.with_name("big.json"), path.with_name("other.json"))
    each, _ = run("refused", path)
    with pytest.raises(FileNotFoundError, match="model card big.json is missing"):
        train(each)
