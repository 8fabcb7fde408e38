import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from keras_srgan.metrics import (
    PSNR,
    SSIM,
    ImageTooSmall,
    consistency,
    gradient_similarity,
    lpips,
    ms_ssim,
    psnr,
    sharpness,
    ssim,
    vgg_distance,
)
from keras_srgan.resampling import resize

HIGHER = {"psnr": psnr, "ssim": ssim, "ms_ssim": ms_ssim, "gms": gradient_similarity}
LOWER = {"lpips": lpips, "vgg": vgg_distance}


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


@pytest.mark.parametrize("shape", [(2, 161, 176, 1), (1, 183, 190, 3)])
@pytest.mark.parametrize("noise", [0.01, 0.2])
def test_ms_ssim_equals_tensorflows(shape, noise, make_image, rng):
    hr = np.stack([make_image(*shape[1:3]).pixels for _ in range(shape[0] * shape[3])]).astype("float32") / 255
    hr = np.ascontiguousarray(hr.reshape(shape[0], shape[3], *shape[1:3]).transpose(0, 2, 3, 1))
    sr = np.clip(hr + rng.normal(size=hr.shape) * noise, 0, 1).astype("float32")
    np.testing.assert_allclose(ms_ssim(hr, sr), tf.image.ssim_multiscale(hr, sr, 1.0), atol=2e-5)


@pytest.mark.parametrize("shape", [(40, 52), (41, 53)])
def test_gradient_similarity_equals_the_papers_code_in_scipy(shape, make_image, rng):
    convolve = pytest.importorskip("scipy.signal").convolve2d
    hr = make_image(*shape).pixels.astype("float64")
    sr = np.clip(hr + rng.normal(size=shape) * 20, 0, 255)

    def gradient(image):
        # MATLAB's conv2(..., "same") keeps the later half of an even kernel's result.
        small = convolve(image, np.full((2, 2), 1 / 4), mode="full")[1:, 1:][::2, ::2]
        dx = np.array([[1, 0, -1]] * 3) / 3
        return np.hypot(convolve(small, dx, mode="same"), convolve(small, dx.T, mode="same"))

    a, b = gradient(hr), gradient(sr)
    expected = np.mean((2 * a * b + 170) / (a**2 + b**2 + 170))
    found = gradient_similarity(hr[None, ..., None], sr[None, ..., None], 255)
    assert float(found[0]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", [*HIGHER, *LOWER])
def test_equal_images_are_best_order_does_not_matter_and_noise_costs(name, make_image, rng):
    metric = (HIGHER | LOWER)[name]
    hr = make_image(164, 168).pixels[None, ..., None].astype("float32") / 255
    noise = rng.normal(size=hr.shape).astype("float32")
    noisy = [hr + size * noise for size in (0.0, 0.01, 0.05, 0.2)]
    values = np.array([float(metric(hr, each)[0]) for each in noisy])
    assert np.all(np.diff(values) < 0) if name in HIGHER else np.all(np.diff(values) > 0)
    best = {"psnr": np.inf, "lpips": 0, "vgg": 0}.get(name, 1)
    assert values[0] == pytest.approx(best, abs=1e-5)
    assert float(metric(noisy[2], hr)[0]) == pytest.approx(values[2], rel=1e-4)


@pytest.mark.parametrize("name", [*HIGHER, *LOWER])
def test_metrics_are_one_value_an_image(name, make_image):
    metric = (HIGHER | LOWER)[name]
    hr = np.stack([make_image(164, 168).pixels for _ in range(3)])[..., None].astype("float32") / 255
    sr = hr * np.array([0.99, 0.9, 0.6], "float32")[:, None, None, None]
    together = np.asarray(metric(hr, sr))
    assert together.shape == (3,)
    alone = [float(metric(hr[i : i + 1], sr[i : i + 1])[0]) for i in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-4)


def test_psnr_of_known_errors(rng):
    hr = rng.uniform(size=(3, 24, 30, 1)).astype("float32")
    sr = hr + np.array([0.01, 0.1, 0.2], "float32")[:, None, None, None]
    np.testing.assert_allclose(np.asarray(psnr(hr, sr)), [40, 20, 20 * np.log10(5)], atol=1e-2)


def test_sharpness_of_a_ramp_is_its_slope_and_blur_lowers_it(rng):
    ramp = np.tile(np.arange(20, dtype="float32") * 0.5, (20, 1))[None, ..., None]
    assert float(sharpness(ramp)[0]) == pytest.approx(0.5)
    x = rng.uniform(size=(1, 20, 20, 1)).astype("float32")
    blurred = (x + np.roll(x, 1, 1) + np.roll(x, 1, 2)) / 3
    assert sharpness(blurred)[0] < sharpness(x)[0]


def test_consistency_is_zero_for_an_lrs_own_hr_and_counts_grey_levels(rng):
    sr = rng.uniform(0, 65535, (48, 64, 3))
    lr = resize(sr, 1 / 4)
    found = [float(consistency(lr[None] + offset, sr[None], 65535)[0]) for offset in (0, 257, -514)]
    np.testing.assert_allclose(found, [0, 1, 2], atol=1e-3)
    with pytest.raises(ValueError, match="SR 64x48 is no multiple of LR 16x13"):
        consistency(np.zeros((1, 13, 16, 3)), sr[None])


@pytest.mark.parametrize("metric,least,name", [(ssim, 11, "SSIM"), (ms_ssim, 161, "MS-SSIM"), (lpips, 31, "LPIPS")])
def test_images_too_small_are_named(metric, least, name):
    small = np.zeros((1, least + 1, least - 1, 1), "float32")
    with pytest.raises(ImageTooSmall, match=f"^{name} needs sides of at least {least} px, got {least - 1}x{least + 1}"):
        metric(small, small)


def test_keras_metrics_average_over_all_images_and_come_back_from_their_config(make_image, rng):
    hr = np.stack([make_image(40, 44).pixels for _ in range(5)])[..., None].astype("float32") / 127.5 - 1
    lr = hr + (0.1 * rng.normal(size=hr.shape)).astype("float32")
    image = keras.Input((40, 44, 1))
    model = keras.Model(image, keras.layers.Rescaling(1.0)(image))
    metrics = [PSNR(value_range=(-1, 1)), SSIM(value_range=(-1, 1))]
    model.compile(loss="mse", metrics=[type(each).from_config(each.get_config()) for each in metrics])
    found = model.evaluate(lr, hr, batch_size=2, verbose=0, return_dict=True)
    a, b = (hr + 1) / 2, np.clip((lr + 1) / 2, 0, 1)
    assert found["psnr"] == pytest.approx(float(np.mean(psnr(a, b))), abs=1e-3)
    assert found["ssim"] == pytest.approx(float(np.mean(ssim(a, b))), abs=1e-5)
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metrics[0])).value_range == (-1, 1)


def any_size():
    image = keras.Input((None, None, 1))
    return keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(image))


def test_figures_of_a_model_of_any_size_are_those_of_its_images(make_image, tmp_path):
    model = any_size()
    hr = make_image(163, 170).pixels[None, ..., None].astype("float32") / 255
    sr = model(hr)
    model.compile("adam", "mse", metrics=[PSNR(), SSIM(), ms_ssim, gradient_similarity])
    model.fit(hr, hr, verbose=0)  # with a symbolic build of unknown sides
    model.save(tmp_path / "model.keras")
    sr = np.clip(model(hr), 0, 1)
    for each in (
        model,
        keras.models.load_model(
            tmp_path / "model.keras", {each.__name__: each for each in (ms_ssim, gradient_similarity)}
        ),
    ):
        found = each.evaluate(hr, hr, verbose=0, return_dict=True)
        assert found["ssim"] == pytest.approx(float(ssim(hr, sr)[0]), abs=1e-5)
    unknown = tf.function(lambda a, b: (ms_ssim(a, b), gradient_similarity(a, b)), reduce_retracing=True)
    shape = [tf.TensorSpec([None, None, None, 1])] * 2
    unknown = unknown.get_concrete_function(*shape)(hr, tf.convert_to_tensor(sr))
    for value, metric in zip(unknown, (ms_ssim, gradient_similarity), strict=True):
        assert float(value[0]) == pytest.approx(float(metric(hr, sr)[0]), abs=1e-5)


@pytest.mark.parametrize("metric", [psnr, ssim, ms_ssim, gradient_similarity])
@pytest.mark.parametrize("shape", [(1, 164, 168, 3), (2, 164, 168, 1), (1, 164, 1, 1), (1, 164, 168)])
def test_images_of_two_shapes_are_not_broadcast(metric, shape):
    with pytest.raises(ValueError, match="of shape .*: give images of one shape"):
        metric(np.zeros((1, 164, 168, 1), "float32"), np.zeros(shape, "float32"))


def test_one_pair_of_equal_images_does_not_decide_the_mean(make_image):
    hr = np.stack([make_image(40, 44).pixels for _ in range(3)])[..., None].astype("float32") / 255
    sr = np.concatenate([hr[:1], hr[1:] * np.float32(0.9)])
    metric = PSNR()
    metric.update_state(hr[:1], sr[:1])
    assert float(metric.result()) == np.inf
    metric.update_state(hr[1:], sr[1:])
    assert float(metric.result()) == pytest.approx(float(np.mean(psnr(hr[1:], sr[1:]))))
    metric.reset_state()
    assert float(metric.result()) == 0
