"""LPIPS against figures of an independent implementation, and against a small image of its own."""

import numpy as np
import pytest

from keras_srgan.images import read_image
from keras_srgan.losses import build_features
from keras_srgan.metrics import lpips, vgg_distance
from keras_srgan.metrics.perceptual import lpips_network

SET5 = {"baby": 0.3031, "bird": 0.2359, "butterfly": 0.3734, "head": 0.4205, "woman": 0.3655}


def bicubic_by_pillow(hr):
    image = pytest.importorskip("PIL.Image")
    h, w = hr.shape[:2]
    small = image.fromarray(hr).resize((w // 4, h // 4), image.Resampling.BICUBIC)
    return np.asarray(small.resize((w, h), image.Resampling.BICUBIC))


def distance_of(path):
    hr = read_image(path).pixels
    hr = np.ascontiguousarray(hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4])
    batches = (each.reshape(1, *each.shape[:2], -1) for each in (hr, bicubic_by_pillow(hr)))
    return float(lpips(*batches, 255)[0])


def test_set5_reads_the_reference_values(shared):
    found = {name: distance_of(shared / "natural" / "set5" / f"{name}_GT.png") for name in SET5}
    assert found == pytest.approx(SET5, abs=1e-3)
    assert np.mean(list(found.values())) == pytest.approx(0.3397, abs=1e-3)


def test_chest_radiographs_read_the_reference_value(shared):
    files = sorted((shared / "chest-xray" / "test").glob("*.png"))[:10]
    assert np.mean([distance_of(path) for path in files]) == pytest.approx(0.2776, abs=1e-3)


def chequers(size=64):
    y, x = np.mgrid[:size, :size]
    colour = np.stack([(x // 8 + y // 8) % 2, (x // 16) % 2, np.sin(x * y / 200) / 2 + 0.5], axis=-1)
    return colour[None].astype("float32")


def test_a_synthetic_pair_keeps_its_value():
    hr = chequers()
    sr = (hr + np.roll(hr, 1, 1) + np.roll(hr, 1, 2)) / 3
    # Computed once by the implementation that reads the reference values above.
    assert float(lpips(hr, sr)[0]) == pytest.approx(0.03708, abs=1e-4)


def test_gray_is_repeated_and_white_may_be_any_value():
    gray = chequers()[..., :1]
    blurred = (gray + np.roll(gray, 2, 1)) / 2
    found = float(lpips(gray * 65535, blurred * 65535, 65535)[0])
    assert found == pytest.approx(float(lpips(gray.repeat(3, -1), blurred.repeat(3, -1))[0]), rel=1e-4)
    assert found > 0.05


def test_the_network_is_frozen_and_complete():
    network = lpips_network()
    assert not network.trainable_variables
    assert network.count_params() == 2_469_696 + 64 + 192 + 384 + 256 + 256  # AlexNet and the heads


def test_the_vgg_distance_is_the_perceptual_loss():
    hr, sr = chequers(), chequers()[:, ::-1]
    features, _ = build_features("vgg19", "block3_conv4", "bundled", channels=3)
    a, b = (np.asarray(features(each * 2 - 1)) for each in (hr, sr))
    assert float(vgg_distance(hr, sr)[0]) == pytest.approx(float(np.mean((a - b) ** 2)), rel=1e-4)
