import numpy as np
import pytest

from keras_srgan.evaluate.discriminator import DiscriminatorTest, classification
from keras_srgan.evaluate.evaluation import compare
from keras_srgan.evaluate.methods import lanczos, nearest
from keras_srgan.evaluate.protocols import PROTOCOLS
from keras_srgan.evaluate.report.tables import evaluation_markdown
from keras_srgan.files import sha256
from keras_srgan.networks import build_discriminator
from keras_srgan.weights import INSIDE, save_weights


@pytest.mark.parametrize("ties", [False, True])
def test_classification_equals_scikit_learns(ties, rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    real, fake = rng.beta(3, 2, 60), rng.beta(2, 3, 45)
    if ties:
        real, fake = real.round(1), fake.round(1)
    truth, given = np.r_[np.ones(60), np.zeros(45)], np.r_[real, fake]
    decided = given > 0.5
    found = classification(real, fake)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, decided))
    expected = sklearn.precision_recall_fscore_support(truth, decided, average="binary")[:3]
    assert [found[name] for name in ("precision", "recall", "f1")] == pytest.approx(expected)
    assert found["auc"] == pytest.approx(sklearn.roc_auc_score(truth, given))
    assert found["confusion"] == sklearn.confusion_matrix(truth, decided).tolist()


def test_classification_by_hand():
    found = classification([0.9, 0.8, 0.3], [0.6, 0.1])
    assert found["confusion"] == [[1, 1], [1, 2]] and found["accuracy"] == 3 / 5
    assert found["precision"] == found["recall"] == pytest.approx(2 / 3) and found["auc"] == 5 / 6
    assert np.isnan(classification([0.1], [0.2])["precision"])
    with pytest.raises(ValueError, match="2 real and 0 generated"):
        classification([0.1, 0.2], [])


def test_a_discriminator_of_a_run_judges_the_same_patches_of_all_methods(make_image, tiny, tmp_path):
    run = tmp_path / "run"
    save_weights(build_discriminator(tiny), run / INSIDE)
    with pytest.raises(FileNotFoundError, match="recipe.json is neither beside it"):
        DiscriminatorTest(run)
    (run / "recipe.json").write_text(tiny.to_json(), encoding="utf-8")
    images = [make_image(52, 60, name=f"{i}.png") for i in range(3)]
    weights = {"lanczos3": lanczos, "nearest1": nearest}
    found = compare(images, weights, metrics=["psnr"], discriminators=[run, run / INSIDE])
    assert [each["name"] for each in found.classifier] == ["run on lanczos3", "run on nearest1"] * 2
    assert found.classifier[0]["real"] == found.classifier[0]["fake"] == 12
    text = evaluation_markdown(found)
    assert "| run on lanczos3 |" in text and f"discriminator of run: sha256 {sha256(run / INSIDE)}" in text
    with pytest.raises(FileNotFoundError, match="no discriminator"):
        DiscriminatorTest(tmp_path)
    warned = []
    small = [make_image(24, 24)]
    assert not compare(small, weights, metrics=["psnr"], discriminators=[run], warn=warned.append).classifier
    assert "no image is as large" in warned[0]


def test_what_cannot_be_told_apart_reads_an_area_of_one_half(make_image, tiny, tmp_path):
    save_weights(build_discriminator(tiny), tmp_path / INSIDE)
    (tmp_path / "recipe.json").write_text(tiny.to_json(), encoding="utf-8")
    judge, pair = DiscriminatorTest(tmp_path, patches=6), PROTOCOLS["cxr"].pair(make_image(64, 64))
    judge.update(pair, {"same": pair.hr})
    judge.update(PROTOCOLS["cxr"].pair(make_image(28, 64)), {"same": pair.hr})  # smaller than a patch: passed over
    assert judge.results()[0]["auc"] == 0.5 and judge.results()[0]["real"] == 6
