"""The classification task: what one class shows in HR only is lost to a classifier of enlarged images."""

import cv2
import numpy as np
import pytest

from keras_srgan.data.labels import read_labels
from keras_srgan.evaluate.__main__ import main as evaluate
from keras_srgan.evaluate.classify import ridge_scores
from keras_srgan.images import write_image
from keras_srgan.roc import auc, auc_cells, patient_folds


def test_ridge_scores_find_what_is_there_and_nothing_where_nothing_is(rng):
    present = np.arange(200) % 2 == 0
    rows = rng.normal(size=(200, 300))
    rows[:, :30] += present[:, None]
    train = np.arange(200) < 100
    assert auc(ridge_scores(rows[train], present[train], rows[~train]), present[~train]) > 0.85
    mixed = rng.permutation(present)
    assert abs(auc(ridge_scores(rows[train], mixed[train], rows[~train]), mixed[~train]) - 0.5) < 0.2


def test_the_penalty_is_the_one_that_leaving_each_out_chooses(rng):
    x, present = rng.normal(size=(12, 3)), rng.permutation(np.arange(12) % 2 == 0)
    mean, scale = x.mean(axis=0), x.std(axis=0) * 3**0.5
    rows, wanted = (x - mean) / scale, np.where(present, 1.0, -1.0)
    errors = []
    for penalty in (found := 10.0 ** np.arange(-3, 4)):
        error = 0.0
        for i in range(12):
            keep = np.arange(12) != i
            w = np.linalg.solve(rows[keep].T @ rows[keep] + penalty * np.eye(3), rows[keep].T @ wanted[keep])
            error += (wanted[i] - rows[i] @ w) ** 2
        errors.append(error)
    w = np.linalg.solve(rows.T @ rows + found[np.argmin(errors)] * np.eye(3), rows.T @ wanted)
    test = rng.normal(size=(5, 3))
    np.testing.assert_allclose(ridge_scores(x, present, test), (test - mean) / scale @ w, atol=1e-8)


def test_no_patient_is_in_two_folds():
    groups = np.array(list("aabbccddeeff"))
    parts = list(patient_folds(groups))
    assert sum(part.astype(int) for part in parts).tolist() == [1] * 12
    assert all(set(groups[part]).isdisjoint(groups[~part]) for part in parts)
    cells = auc_cells({"bicubic": np.arange(12.0), "other": -np.arange(12.0)}, np.arange(12) > 5, groups)
    assert cells["bicubic"] == ("1.000 [1.000, 1.000]", "") and cells["other"][1].startswith("-1.000")


def test_a_texture_that_reduction_takes_away_is_told_from_hr_only(tmp_path, rng, capsys):
    # Both classes have the same mean and coarse shape; one has a stripe of two pixels, which no LR holds.
    lines = ["file,label"]
    for i in range(24):
        coarse = cv2.GaussianBlur(rng.normal(size=(96, 96)).astype("float32"), (0, 0), 8)
        fine = 6 * (-1.0) ** np.arange(96)[:, None] * (i % 2)
        write_image(
            tmp_path / "hr" / f"{i:08d}_000.png", np.rint(128 + 300 * coarse + fine).clip(0, 255).astype("uint8")
        )
        lines.append(f"{i:08d}_000.png,{'striped' if i % 2 else 'plain'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    given = ["--data", str(tmp_path / "hr"), "--task", "classify"]
    assert evaluate([*given, "--labels", str(tmp_path / "labels.csv")]) == 0
    text = capsys.readouterr().out
    rows = {line.split("|")[1].strip(): line.split("|") for line in text.splitlines() if line.startswith("| ")}
    assert float(rows["HR"][2].split()[0]) > 0.95
    assert float(rows["bicubic"][2].split()[0]) < 0.85 and float(rows["bicubic"][4].split()[0]) < 0.85
    assert "striped (12 images) told from plain (12), 24 patients" in text
    with pytest.raises(SystemExit):
        evaluate(given)


@pytest.mark.parametrize(
    "text,said",
    [
        ("name,class\na,b\n", "titles file,label"),
        ("file,label\na,x\nb,y\nc,z\n", "3 label"),
        ("file,label\na,x\na,y\n", "two labels"),
    ],
)
def test_wrong_labels_are_named(tmp_path, text, said):
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_labels(tmp_path / "l.csv")


def test_an_end_of_a_path_that_names_both_classes_says_nothing(tmp_path):
    (tmp_path / "l.csv").write_text("file,label\nsick/1.png,sick\nwell/1.png,well\nwell/2.png,well\n")
    known, labels = read_labels(tmp_path / "l.csv")
    assert labels == ["sick", "well"] and "1.png" not in known and known["2"] == "well" and known["sick/1"] == "sick"
