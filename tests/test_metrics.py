import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from keras_srgan.metrics import psnr, sharpness, ssim


@pytest.mark.parametrize("dtype,max_value", [("uint8", 255), ("uint16", 65535)])
@pytest.mark.parametrize("noise", [0.002, 0.05, 0.3])
def test_psnr_and_ssim_equal_scikit_images(dtype, max_value, noise, make_image, rng):
    hr = make_image(70, 61, dtype).pixels
    sr = np.clip(hr + rng.normal(size=hr.shape) * noise * max_value, 0, max_value).astype(dtype)
    a, b = (x[None, ..., None].astype("float32") for x in (hr, sr))
    expected = peak_signal_noise_ratio(hr, sr, data_range=max_value)
    assert float(psnr(a, b, max_value)[0]) == pytest.approx(expected, abs=1e-3)
    expected = structural_similarity(
        hr, sr, data_range=max_value, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert float(ssim(a, b, max_value)[0]) == pytest.approx(expected, abs=2e-4)


def test_metrics_are_one_value_an_image(rng):
    hr = rng.uniform(size=(3, 24, 30, 1)).astype("float32")
    sr = hr + np.array([0.01, 0.1, 0.2], "float32")[:, None, None, None]
    np.testing.assert_allclose(np.asarray(psnr(hr, sr)), [40, 20, 20 * np.log10(5)], atol=1e-2)
    assert np.all(np.diff(np.asarray(ssim(hr, sr))) < 0)


def test_equal_images_read_infinite_psnr_and_ssim_one(rng):
    hr = rng.uniform(size=(1, 20, 20, 1)).astype("float32")
    assert np.isinf(np.asarray(psnr(hr, hr))[0])
    assert float(ssim(hr, hr)[0]) == pytest.approx(1, abs=1e-6)


def test_sharpness_of_a_ramp_is_its_slope_and_blur_lowers_it(rng):
    ramp = np.tile(np.arange(20, dtype="float32") * 0.5, (20, 1))[None, ..., None]
    assert float(sharpness(ramp)[0]) == pytest.approx(0.5)
    x = rng.uniform(size=(1, 20, 20, 1)).astype("float32")
    blurred = (x + np.roll(x, 1, 1) + np.roll(x, 1, 2)) / 3
    assert sharpness(blurred)[0] < sharpness(x)[0]


def test_images_too_small_for_ssim_are_named():
    with pytest.raises(ValueError, match="at least 11 px, got 10x12"):
        ssim(np.zeros((1, 12, 10, 1)), np.zeros((1, 12, 10, 1)))
