"""The larger generator that the content stage learns from too (distillation)."""

import keras

from keras_srgan.networks import build_generator
from keras_srgan.recipes import Recipe
from keras_srgan.train.run import Run
from keras_srgan.weights import find_weights, load_weights, read_card


def teacher_identity(run: Run) -> dict[str, str] | None:
    """The teacher's name and sha256; `None` where a run has none.

    Raises:
        FileNotFoundError: if its weights or their card are missing.
        ValueError: if it makes images of another scale or other channels, or would teach nothing.
    """
    if not run.teacher:
        return None
    if not (run.recipe.distillation_weight and run.recipe.pretrain_epochs):
        raise ValueError(
            f"--teacher {run.teacher} would teach nothing: it needs distillation_weight and pretrain_epochs above 0"
        )
    card = read_card(find_weights(run.teacher))
    theirs = Recipe.from_dict(card["recipe"])
    for name in ("scale", "channels"):
        given, wanted = getattr(theirs, name), getattr(run.recipe, name)
        if given != wanted:
            raise ValueError(
                f"--teacher {run.teacher} has {name} {given}, recipe {run.recipe.name} has {wanted}: give a teacher of "
                f"the same {name}"
            )
    return {"name": card["name"], "sha256": card["sha256"]}


def build_teacher(run: Run) -> keras.Model | None:
    """Builds the teacher with its weights; `None` where a run has none."""
    if not run.teacher:
        return None
    path = find_weights(run.teacher)
    teacher = build_generator(Recipe.from_dict(read_card(path)["recipe"]))
    load_weights(teacher, path)
    run.say(f"learns from {run.teacher} too, {teacher.count_params():,} parameters")
    return teacher
