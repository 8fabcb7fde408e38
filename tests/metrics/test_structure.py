import cv2
import numpy as np
import pytest

from keras_srgan.metrics import invented_structure, lost_structure
from keras_srgan.metrics.structure import Structures, absent, detail


@pytest.fixture
def ground(rng):
    """Faint mottle with some structures of its own, grey levels of 255."""
    noise = cv2.GaussianBlur(rng.normal(size=(160, 160)).astype("float32"), (0, 0), 3)
    image = 120 + 2 * noise / noise.std()
    for x in (30, 70, 110):
        cv2.circle(image, (x, 130), 3, 160, -1)
    return image


def batch(image):
    return image.astype("float32")[None, ..., None]


def rates(hr, sr, **rule):
    return [float(f(batch(hr), batch(sr), 255, Structures(**rule))[0]) for f in (invented_structure, lost_structure)]


def test_nothing_is_invented_or_lost_in_an_equal_image_a_noisy_one_or_one_that_is_a_pixel_off(ground, rng):
    assert rates(ground, ground) == [0, 0]
    assert max(rates(ground, ground + rng.normal(size=ground.shape) * 0.5)) < 0.02
    assert max(rates(ground, np.roll(ground, 1, axis=1))) < 0.05


@pytest.mark.parametrize("kind", ["V of two lines", "dark line", "blob"])
def test_a_planted_structure_is_invented_and_an_erased_one_is_lost(ground, kind):
    planted = ground.copy()
    if kind == "V of two lines":
        cv2.polylines(planted, [np.array([[40, 30], [60, 70], [80, 30]])], False, 175, 1)
    elif kind == "dark line":
        cv2.line(planted, (20, 60), (90, 50), 70, 1)
    else:
        cv2.circle(planted, (80, 60), 3, 170, -1)
    own, (more, invented) = absent(detail(ground), detail(ground)), absent(detail(planted), detail(ground))
    assert own[1] == 0 and more > own[0] and invented == more - own[0]  # the planted, and no other
    assert absent(detail(ground), detail(planted)) == own
    assert rates(ground, planted) == [invented / more, 0] and rates(planted, ground) == [0, invented / more]


def test_mottle_beside_a_line_does_not_stand_for_it(rng):
    # What `xray-srgan-plus` once drew into 00000310_001 of NIH ChestX-ray14: a V of two lines; HR has dots of noise.
    hr = 120 + cv2.GaussianBlur(rng.normal(size=(160, 160)).astype("float32"), (0, 0), 0.8) * 12
    v = cv2.polylines(np.zeros_like(hr), [np.array([[40, 30], [60, 70], [80, 30]])], False, 20, 1, cv2.LINE_AA)
    sr = cv2.GaussianBlur(hr, (0, 0), 2) + v
    mottle = cv2.dilate(detail(hr), np.ones((5, 5), "uint8"))
    assert (mottle[v > 15] > 1.5).mean() > 0.9  # its dots are nearly everywhere within 2 px of the lines
    (before, none), (after, invented) = absent(detail(sr - v), detail(hr)), absent(detail(sr), detail(hr))
    assert none == 0 and invented >= 1 and after - before <= invented + 1
    assert absent(detail(hr + v), detail(sr))[1] < absent(detail(hr + v), detail(sr - v))[1]  # else it would be lost


def test_structures_fainter_or_smaller_than_the_rule_says_do_not_count(ground):
    planted = ground.copy()
    cv2.circle(planted, (80, 60), 2, 170, -1)
    smooth = cv2.GaussianBlur(ground, (0, 0), 6)
    marked = smooth.copy()
    cv2.circle(marked, (80, 60), 2, 170, -1)
    assert rates(smooth, marked)[0] == 1
    assert np.isnan(rates(smooth, marked, contrast=60)[0]) and np.isnan(rates(smooth, marked, area=400)[0])


def test_the_range_and_colours_do_not_matter(ground):
    sr = ground.copy()
    cv2.line(sr, (20, 60), (90, 50), 70, 1)
    plain = invented_structure(batch(ground), batch(sr), 255)
    colour = [np.repeat(batch(each) / 255, 3, axis=-1) for each in (ground, sr)]
    np.testing.assert_allclose(invented_structure(*colour), plain)
    with pytest.raises(ValueError, match="one shape"):
        invented_structure(batch(ground), batch(sr)[:, :-1])
