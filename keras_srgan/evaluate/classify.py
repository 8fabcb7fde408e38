"""A task: a small classifier tells two classes of images, from HR, bicubic and each network's images.

Features are the means and standard deviations of VGG19's `block3_conv4` over an image; the classifier is ridge
regression, whose penalty leave-one-out chooses within the training part (Golub, Heath and Wahba, Technometrics 1979).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_srgan.data.labels import label_of, read_labels
from keras_srgan.data.patients import patient_of
from keras_srgan.evaluate.methods import baselines, networks
from keras_srgan.evaluate.protocols import Protocol
from keras_srgan.evaluate.test_set import items_of, read_ahead
from keras_srgan.images import ImageError
from keras_srgan.markdown import markdown_table
from keras_srgan.metrics import vgg_features
from keras_srgan.roc import FOLDS, auc_cells, patient_folds

PENALTIES = 10.0 ** np.arange(-3, 4)  # of the mean squared feature's


def image_features(image: np.ndarray) -> np.ndarray:
    """What the classifier sees of an image.

    Args:
        image: array `(H, W, 1)` in `[0, 1]`.

    Returns:
        Float array `(512,)`.
    """
    planes = keras.ops.convert_to_numpy(vgg_features(image[None]))[0].reshape(-1, 256).astype("float64")
    return np.concatenate([planes.mean(axis=0), planes.std(axis=0)])


def ridge_scores(train: np.ndarray, present: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Scores of test rows by a ridge regression on training rows, standardised by these.

    Args:
        train, test: float arrays `(n, features)` and `(m, features)`.
        present: boolean array `(n,)`.

    Returns:
        Float array `(m,)`, about -1 to 1.
    """
    mean, spread = train.mean(axis=0), train.std(axis=0)
    scale = np.where(spread > 0, spread, 1) * np.sqrt(train.shape[1])
    rows, others = (train - mean) / scale, (test - mean) / scale
    wanted = np.where(present, 1.0, -1.0)
    offset = wanted.mean()
    values, vectors = np.linalg.eigh(rows @ rows.T)
    turned, least, best = vectors.T @ (wanted - offset), np.inf, np.zeros(len(rows))
    for penalty in PENALTIES:
        inverse = 1 / (np.maximum(values, 0) + penalty)
        dual = vectors @ (inverse * turned)
        left_out = dual / ((vectors**2) @ inverse)  # the error on each row by a regression without it
        if (error := float((left_out**2).sum())) < least:
            least, best = error, dual
    return others @ (rows.T @ best) + offset


def classify_markdown(
    data: str | Path,
    weights: Sequence[str | Path],
    labels: str | Path,
    protocol: Protocol,
    seed: int = 0,
    warn: Callable[[str], object] = lambda text: None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> str:
    """The classifier's AUC on HR, bicubic and networks, trained on the same and trained on HR, as Markdown.

    Args:
        data: a folder of HR images.
        weights: names, files or run folders.
        labels: the CSV that `read_labels` reads; images without a label are left out.
        protocol: `Protocol` of gray images; makes LR.
        seed: integer, of folds and of the bootstrap over patients.
        warn, progress: as for `compare`.

    Raises:
        OSError, ValueError: as `compare` and `read_labels`; for too few images of a class.
    """
    if protocol.channel != "gray":
        raise ValueError(f"--task classify needs a protocol of gray images, not {protocol.name}")
    known, names = read_labels(labels)
    methods = [*baselines([], protocol.scale), *networks(weights, protocol.scale)]
    kinds = ["HR", *(method.name for method in methods)]
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in kinds}
    wanted, owners = [], []
    items = [(item, label_of(item.name, known)) for item in items_of(protocol, data)]
    items = [(item, label) for item, label in items if label]
    for done, pair in enumerate(read_ahead([item for item, _ in items]), 1):
        if isinstance(pair, ImageError):
            warn(f"left out: {pair}")
        else:
            assert pair.hr is not None
            images = {"HR": pair.hr, **{method.name: method(pair, protocol)[0] for method in methods}}
            for kind, image in images.items():
                found[kind].append(image_features(protocol.inner(image, pair.max_value)[0]))
            wanted.append(items[done - 1][1] == names[1])
            owners.append(patient_of(pair.name) or pair.name)
        progress(done, len(items))
    present, groups = np.array(wanted, bool), np.array(owners)
    if min(present.sum(), (~present).sum()) < FOLDS:
        raise ValueError(
            f"{labels}: names {(~present).sum()} usable image(s) {names[0]} and {present.sum()} {names[1]}"
        )
    rows = {kind: np.stack(each) for kind, each in found.items()}
    same, moved = ({kind: np.zeros(len(groups)) for kind in kinds} for _ in range(2))
    for test in patient_folds(groups, seed):
        for kind in kinds:
            same[kind][test] = ridge_scores(rows[kind][~test], present[~test], rows[kind][test])
            moved[kind][test] = ridge_scores(rows["HR"][~test], present[~test], rows[kind][test])
    cells = [auc_cells(each, present, groups, seed) for each in (same, moved)]
    head = ["image", "AUC, trained on the same", "over bicubic", "AUC, trained on HR", "over bicubic"]
    table = markdown_table(head, [[kind, *cells[0][kind], *cells[1][kind]] for kind in kinds])
    return (
        f"{table}\n\n{names[1]} ({present.sum()} images) told from {names[0]} ({(~present).sum()}), "
        f"{len(np.unique(groups))} patients; ridge regression on VGG19 features, {FOLDS} folds of patients, seed "
        f"{seed} [95 % interval, bootstrap over patients]."
    )
