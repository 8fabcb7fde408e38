"""Each stage against its physics, and the whole: seeds, sizes, bit depths."""

import numpy as np
import pytest

from keras_srgan.data.patches import PatchSampler
from keras_srgan.data.pipeline import draw_pair, training_dataset, validation_arrays
from keras_srgan.degradation.blur import blur, blur_kernel, sigma_of_mtf
from keras_srgan.degradation.compression import HEADER, jpeg, jpeg2000
from keras_srgan.degradation.grey import export
from keras_srgan.degradation.model import degrade, degrade_batch
from keras_srgan.degradation.noise import add_noise, correlate, exposure_of, grey_of
from keras_srgan.degradation.presets import PRESETS
from keras_srgan.degradation.reduction import reduce
from keras_srgan.degradation.settings import BICUBIC, Degradation
from keras_srgan.resampling import reduce_image, resize

REAL = PRESETS["real"]
NYQUIST = 0.5 / 4  # LR's, cycles an HR pixel


@pytest.fixture
def textured(make_image):
    return lambda height, width, dtype="uint8": make_image(height, width, dtype).pixels


def edge_mtf(degraded, frequency):
    """The MTF at a frequency from the image of a vertical edge: the transform of its derivative."""
    line = np.diff(degraded[degraded.shape[0] // 2])
    return abs(np.exp(-2j * np.pi * frequency * np.arange(line.size)) @ line) / abs(line.sum())


def mtf_of_sigma(sigma, frequency):
    """The MTF of a gaussian, from its transform."""
    return np.exp(-2 * (np.pi * sigma * frequency) ** 2)


def edge(side=128):
    image = np.zeros((side, side))
    image[:, side // 2 :] = 1.0
    return image


@pytest.mark.parametrize("mtf", [0.95, 0.64, 0.35])
def test_the_mtf_of_a_blurred_edge_is_the_one_asked(mtf):
    sigma = sigma_of_mtf(mtf, NYQUIST)
    blurred = blur(edge(), blur_kernel(sigma))
    assert edge_mtf(blurred, NYQUIST) == pytest.approx(mtf, abs=0.005)
    for frequency in (0.03, 0.08):
        assert edge_mtf(blurred, frequency) == pytest.approx(mtf_of_sigma(sigma, frequency), abs=0.01)


def test_the_longer_sigma_lies_along_the_angle():
    sigma, ratio = 1.5, 2.0
    for angle, wide in ((0, True), (90, False)):
        blurred = blur(edge(), blur_kernel(sigma, ratio, angle))
        expected = mtf_of_sigma(sigma * np.sqrt(ratio if wide else 1 / ratio), NYQUIST)
        assert edge_mtf(blurred, NYQUIST) == pytest.approx(expected, abs=0.01)
    one, other = blur_kernel(sigma, ratio, 30), blur_kernel(sigma, ratio, 150)
    np.testing.assert_allclose(one, other[:, ::-1], atol=1e-12)
    assert one.sum() == pytest.approx(1)


def test_the_aperture_has_the_mtf_of_a_box():
    blurred = blur(edge(), blur_kernel(0.0, aperture=3.2))
    assert edge_mtf(blurred, NYQUIST) == pytest.approx(np.sinc(3.2 * NYQUIST), abs=0.01)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_area_is_the_mean_of_blocks_and_bicubic_is_the_protocols(scale, rng):
    image = rng.uniform(size=(scale * 9, scale * 7))
    blocks = image.reshape(9, scale, 7, scale).mean(axis=(1, 3))
    np.testing.assert_allclose(reduce(image, scale, "area"), blocks, atol=1e-12)
    np.testing.assert_allclose(reduce(image, scale), resize(image, 1 / scale), atol=1e-12)


@pytest.mark.parametrize("how", ["bicubic", "area", "sample"])
def test_a_phase_of_half_an_lr_pixel_is_half_an_lr_pixel_of_a_ramp(how):
    ramp = np.tile(np.arange(64.0), (64, 1))
    moved, still = (reduce(ramp, 4, how, (0.0, phase)) for phase in (0.5, 0.0))
    np.testing.assert_allclose((moved - still)[:, 2:-2], 2.0, atol=1e-9)
    np.testing.assert_allclose(reduce(ramp, 4, how, (0.5, 0.0)), still, atol=1e-9)


def test_sampling_aliases_where_area_does_not():
    fine = np.tile((np.arange(64) % 4 < 2).astype(float), (64, 1))
    assert np.ptp(reduce(fine, 4, "area")) < 1e-9
    assert np.ptp(reduce(fine[:, 1:61], 3, "sample")) > 0.5


def test_binning_averages_exposure_not_grey():
    hr = np.tile(np.array([0.0, 255.0] * 16), (32, 1))
    binned = degrade(hr, 4, 255, Degradation(reduction=("binning",), latitude=(2, 2)), np.random.default_rng(0))
    assert binned[4, 4] == np.rint(255 * grey_of(np.mean(exposure_of(np.array([0.0, 1.0]), 2.0)), 2.0))
    area = degrade(hr, 4, 255, Degradation(reduction=("area",)), np.random.default_rng(0))
    assert area[4, 4] == 128 > 2 * binned[4, 4]


def test_noise_variance_against_mean_is_the_line_asked_for(rng):
    dose, readout = 400.0, 0.02
    means = np.linspace(0.1, 0.9, 9)
    noisy = add_noise(np.repeat(means, 40_000), rng, dose, readout).reshape(9, -1)
    np.testing.assert_allclose(noisy.mean(axis=1), means, atol=1e-3)
    slope, offset = np.polyfit(means, noisy.var(axis=1), 1)
    assert slope == pytest.approx(1 / (2 * dose), rel=0.03)
    assert offset == pytest.approx(readout**2, rel=0.05)


def test_in_the_logarithmic_domain_the_variance_grows_as_the_exposure_falls(rng):
    dose, latitude = 20_000.0, 1.5
    means = np.array([0.2, 0.5, 0.8])
    noisy = add_noise(np.repeat(means, 40_000), rng, dose, latitude=latitude).reshape(3, -1)
    expected = 1 / (dose * exposure_of(means, latitude) * (latitude * np.log(10)) ** 2)
    np.testing.assert_allclose(noisy.var(axis=1), expected, rtol=0.03)
    readout = add_noise(np.full(40_000, 0.5), rng, readout=0.01, latitude=latitude)
    assert readout.std() == pytest.approx(0.01, rel=0.03)


def test_grain_correlates_the_noise_and_keeps_its_variance(rng):
    noise = rng.normal(size=(256, 256))
    grainy = correlate(noise, 0.7)
    assert grainy.std() == pytest.approx(1, rel=0.02)
    assert np.mean(grainy[:, 1:] * grainy[:, :-1]) == pytest.approx(np.exp(-1 / (4 * 0.7**2)), abs=0.03)


def test_a_window_saturates_and_rounds_to_its_own_levels():
    grey = np.linspace(0, 1, 1001)
    kept = export(grey, 255, 0.5)
    assert (kept.min(), kept.max()) == (0.25, 0.75)
    assert len(np.unique(kept)) == 256 and len(np.unique(export(grey, 255))) == 256
    assert np.abs(kept - grey)[260:740].max() <= 0.5 * 0.5 / 255 + 1e-12


def test_bits_leave_so_many_levels_of_a_16_bit_image(rng):
    hr = rng.integers(0, 65536, (64, 64)).astype("uint16")
    lr = degrade(hr, 1, 65535, Degradation(bits=(8, 8)), rng)
    assert lr.dtype == "uint16" and len(np.unique(lr)) <= 256
    np.testing.assert_array_equal(lr, np.rint(hr / 257) * 257)


def test_jpeg_is_worse_at_a_lower_quality_and_blocks_show_every_8_pixels(textured):
    image = textured(128, 128)
    errors = [np.abs(jpeg(image, quality).astype(float) - image).mean() for quality in (90, 60, 20)]
    assert 0 < errors[0] < errors[1] < errors[2]
    steps = np.abs(np.diff(jpeg(image, 5).astype(float), axis=1)).mean(axis=0)
    assert steps[7::8].mean() > 1.5 * np.delete(steps, np.s_[7::8]).mean()
    moved = degrade(image, 1, 255, Degradation(codec=("jpeg",), quality=(5, 5), shift=(3, 3)), np.random.default_rng(0))
    steps = np.abs(np.diff(moved.astype(float), axis=1)).mean(axis=0)
    assert steps[4::8].mean() > 1.5 * np.delete(steps, np.s_[4::8]).mean()


def test_jpeg_2000_keeps_the_rate_and_16_bits(textured):
    import cv2

    image = textured(128, 160, "uint16")
    near, far = (np.abs(jpeg2000(image, rate).astype(float) - image).mean() / 257 for rate in (4, 30))
    assert jpeg2000(image, 4).dtype == "uint16" and 0 < near < far < 25
    share = round(1000 * (1 / 10 + HEADER / image.nbytes))
    size = len(cv2.imencode(".jp2", image, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, share])[1])
    assert size == pytest.approx(image.nbytes / 10 + HEADER, rel=0.15)
    assert jpeg2000(image[:24, :20], 8).shape == (24, 20)


def test_plain_bicubic_is_what_the_protocols_make(rng):
    for dtype, white in (("uint8", 255), ("uint16", 4095)):
        hr = rng.integers(0, white + 1, (48, 64)).astype(dtype)
        np.testing.assert_array_equal(degrade(hr, 4, white, BICUBIC, rng), reduce_image(hr, 4, white))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_seed_repeats_and_form_and_depth_stay(name, scale, textured):
    for shape, dtype in (((48, 64), "uint8"), ((48, 64, 3), "uint8"), ((96, 56), "uint16")):
        hr = textured(*shape[:2], dtype)
        hr = np.repeat(hr[..., None], 3, axis=2) if len(shape) == 3 else hr
        white = np.iinfo(dtype).max
        one, same, other = (degrade(hr, scale, white, PRESETS[name], np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert one.dtype == dtype and one.shape == (shape[0] // scale, shape[1] // scale, *shape[2:])
        np.testing.assert_array_equal(one, same)
        assert name == "bicubic" or not np.array_equal(one, other)


def test_sides_that_do_not_divide_are_named():
    with pytest.raises(ValueError, match="HR of 41x50 px: crop it to a multiple of 4"):
        degrade(np.zeros((50, 41), "uint8"), 4, 255, REAL, np.random.default_rng(0))


def test_a_batch_gives_what_each_image_gives(textured):
    hr = np.stack([textured(48, 48), textured(48, 48)[::-1]])[..., None]
    for white in (255, 65535):
        pixels = hr.astype("uint16") * (white // 255)
        batch = pixels.astype("float32") * np.float32(2 / white) - 1
        seeds = [(7, 0), (7, 1)]
        lr = degrade_batch(batch, 4, np.array([white] * 2), REAL, seeds)
        for i, seed in enumerate(seeds):
            alone = degrade(pixels[i], 4, white, REAL, np.random.default_rng(seed)).astype(float)
            assert np.abs((lr[i] + 1.0) / 2 * white - alone).max() <= 0.02 * white
            assert np.abs((lr[i] + 1.0) / 2 * white - alone).mean() <= 0.001 * white


def test_the_pipeline_gives_the_same_lr_for_a_step_however_it_is_reached(make_image):
    images = [make_image(60, 64, name=f"{i}.png") for i in range(4)]

    def sampler(part=(0, 1), seed=3):
        return PatchSampler(images, 32, 4, seed, part=part)

    batches = list(training_dataset(sampler(), 4, 0, REAL).take(3))
    later = next(iter(training_dataset(sampler(), 4, 2, REAL)))
    for one, other in zip(batches[2], later, strict=True):
        np.testing.assert_array_equal(one, other)
    lr, hr = draw_pair(sampler(), 4, 2, REAL)
    np.testing.assert_array_equal(lr, later[0])
    np.testing.assert_array_equal(hr, later[1])
    halves = [draw_pair(sampler((i, 2)), 4, 2, REAL)[0] for i in range(2)]
    np.testing.assert_array_equal(np.concatenate(halves), lr)
    assert not np.array_equal(draw_pair(sampler(seed=4), 4, 2, REAL)[0], lr)
    plain = draw_pair(sampler(), 4, 2)[0]
    assert np.abs(plain - lr).mean() > 0.005


def test_validation_crops_are_degraded_alike_each_time(make_image):
    images = [make_image(60, 64, name=f"{i}.png") for i in range(4)]
    one, same = (validation_arrays(images, 48, 4, 4, REAL, seed=1)[0] for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, validation_arrays(images, 48, 4, 4, REAL, seed=2)[0])
    assert not np.array_equal(one, validation_arrays(images, 48, 4, 4)[0])


@pytest.mark.slow
@pytest.mark.parametrize("scale", [4, 1])
def test_a_run_of_minutes_on_the_embedded_radiograph_beats_bicubic_under_its_own_degradation(scale, tmp_path):
    import json

    from keras_srgan.train.__main__ import main

    flags = f"--recipe xray-real --scale {scale} --filters 24 --blocks 4 --patches-per-epoch 384 --epochs 0"
    assert main(["--out", str(tmp_path / "run"), *flags.split(), "--pretrain-epochs", "8"]) == 0
    bicubic, ours = json.loads((tmp_path / "run" / "xray-real.json").read_text())["figures"]["table"]
    assert ours["psnr"] > bicubic["psnr"] + 0.3 and ours["ssim"] > bicubic["ssim"]
