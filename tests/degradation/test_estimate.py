"""What an image shows of its degradation."""

import numpy as np
import pytest

from keras_srgan.degradation.estimate import examine, noise_level
from keras_srgan.degradation.model import degrade
from keras_srgan.degradation.settings import BICUBIC
from keras_srgan.resampling import quantise, resize


@pytest.fixture
def radiograph():
    from keras_srgan.data.sample import sample_radiograph

    image = sample_radiograph(reduce=2)
    return image.pixels[200:712, 200:712], image.max_value


def lr(radiograph, **fields):
    return degrade(*radiograph[:1], 4, radiograph[1], BICUBIC.replace(**fields), np.random.default_rng(0))


def test_the_noise_found_is_the_noise_added(radiograph, rng):
    assert examine(lr(radiograph), radiograph[1]).noise < 1
    for asked in (2, 4, 8):
        assert examine(lr(radiograph, readout=asked), radiograph[1]).noise == pytest.approx(asked, rel=0.12)
    assert noise_level(rng.normal(0, 3, (200, 200))) == pytest.approx(3, rel=0.03)


@pytest.mark.parametrize("quality", [95, 75, 40])
@pytest.mark.parametrize("shift", [0, 3])
def test_jpeg_is_found_wherever_its_blocks_lie(radiograph, quality, shift):
    for readout in (0, 3):
        fields = {"readout": readout, "codec": "jpeg", "quality": quality, "shift": shift}
        assert examine(lr(radiograph, **fields), radiograph[1]).compressed


def test_what_never_was_jpeg_is_not_taken_for_it(radiograph, rng):
    for fields in ({}, {"readout": 3}, {"mtf": 0.4}, {"codec": "jpeg2000", "rate": 12}):
        assert not examine(lr(radiograph, **fields), radiograph[1]).compressed
    for side in (16, 40, 100, 300):
        assert not any(examine(rng.integers(0, 256, (side, side + 5)), 255).compressed for _ in range(5))
    assert not examine(np.full((64, 64), 7, "uint8"), 255).compressed


def test_an_image_that_was_enlarged_ends_below_the_sampling_limit(radiograph):
    pixels, white = radiograph
    small = lr(radiograph)
    twice = quantise(resize(small, 4), white, small.dtype)
    assert examine(twice, white).cutoff < 0.6 < examine(small, white).cutoff


def test_depth_and_colour_do_not_matter(radiograph):
    pixels, white = lr(radiograph, readout=3), radiograph[1]
    eight = quantise(pixels * (255 / white), 255, "uint8")
    gray, colour = examine(eight, 255), examine(np.repeat(eight[..., None], 3, axis=2), 255)
    assert gray == colour
    assert gray.noise == pytest.approx(examine(pixels, white).noise, rel=0.05)
    with pytest.raises(ValueError, match="12x40 px: at least 16x16"):
        examine(np.zeros((40, 12), "uint8"), 255)
