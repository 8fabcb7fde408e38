import numpy as np
import pytest

from keras_srgan.data.sample import sample_radiograph
from keras_srgan.metrics import ImageTooSmall, grid
from keras_srgan.resampling import resize

SCALES = (2, 3, 4, 8)


def batch(plane):
    return np.asarray(plane, "float32")[None, ..., None]


def figure(plane, scale, white=255):
    return float(grid(batch(plane), scale, white)[0])


def pattern(side, scale):
    """Bright pixels every `scale`, from -1 to 1."""
    dots = np.full((side, side), -1.0)
    dots[::scale, ::scale] = 1
    return dots


@pytest.fixture(scope="module")
def radiograph():
    image = sample_radiograph(reduce=2)
    return image.pixels[-420:, 200:620] * (255 / image.max_value)


@pytest.mark.parametrize("scale", SCALES)
def test_noise_and_a_radiograph_have_no_grid(radiograph, scale, rng):
    assert abs(figure(rng.normal(120, 3, (420, 420)), scale) - 1) < 0.12
    assert abs(figure(radiograph, scale) - 1) < 0.25
    assert abs(figure(np.zeros((128, 200)), scale) - 1) < 1e-6


@pytest.mark.parametrize("scale", SCALES)
def test_it_rises_with_a_pattern_of_lr_s_period(radiograph, scale):
    found = [figure(np.round(radiograph + a * pattern(420, scale)), scale) for a in (0, 0.25, 0.5, 1, 2)]
    assert (np.diff(found) > 0).all()
    assert found[-1] > 1.7 * found[0]


def test_a_pattern_of_another_period_or_place_in_the_period(radiograph):
    plain, dotted = (figure(radiograph + a * pattern(420, 4), 4) for a in (0, 2))
    assert figure(radiograph + 2 * pattern(420, 5), 4) < plain + 0.1 < dotted - 1
    shifted = figure(radiograph + 2 * np.roll(pattern(420, 4), (1, 3), (0, 1)), 4)
    assert abs(shifted - dotted) < 0.1 * dotted


def test_every_harmonic_counts(rng):
    noise = rng.normal(120, 2, (256, 256))
    x = np.arange(256)
    plain = figure(noise, 4)
    for period in (4, 2):
        wave = np.cos(2 * np.pi * x / period)
        for part in (wave[:, None], wave[None], wave[:, None] * wave):
            assert figure(noise + 2 * part, 4) > plain + 0.5


def test_interpolation_has_no_grid_and_a_phase_that_is_brighter_has(radiograph):
    bicubic = resize(batch(radiograph[:128, :128])[0], 4)[..., 0]
    assert figure(bicubic, 4) < 1.1
    brighter = bicubic.copy()
    brighter[::4] += 0.5
    assert figure(brighter, 4) > 3


def test_range_colour_and_batch(radiograph):
    gray = radiograph + pattern(420, 4)
    assert figure(gray / 255, 4, 1) == pytest.approx(figure(gray, 4), rel=1e-4)
    colour = np.repeat(batch(gray), 3, -1)
    both = grid(np.concatenate([colour, np.repeat(batch(radiograph), 3, -1)]), 4, 255)
    np.testing.assert_allclose(both, [figure(gray, 4), figure(radiograph, 4)], rtol=1e-4)


def test_what_it_refuses():
    with pytest.raises(ImageTooSmall, match="grid needs sides of at least 64 px, got 63x80"):
        figure(np.zeros((63, 80)), 4)
    for wrong, scale in ((np.zeros((64, 64)), 4), (np.zeros((1, 64, 64, 1)), 1)):
        with pytest.raises(ValueError, match="give"):
            grid(wrong, scale)
