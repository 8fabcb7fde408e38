import numpy as np
import pytest

from keras_srgan.train.schedule import LearningRate


def course(*arguments):
    rate = LearningRate(*arguments)
    return np.array([float(rate(step)) for step in range(120)])


def test_the_start_is_linear_and_reaches_the_peak():
    rates = course(2e-4, "constant", 100, 10)
    np.testing.assert_allclose(rates[:10], 2e-5 * np.arange(1, 11), rtol=1e-5)
    np.testing.assert_allclose(rates[10:], 2e-4, rtol=1e-5)


def test_cosine_ends_at_a_hundredth_and_stays():
    rates = course(1.0, "cosine", 100, 0)
    assert rates[0] == 1 and rates[50] == pytest.approx(0.505) and rates[100] == pytest.approx(0.01)
    assert (np.diff(rates[:100]) < 0).all() and rates[119] == rates[100]


def test_halving_happens_at_a_half_three_quarters_and_nine_tenths():
    rates = course(1.0, "halve", 100, 0)
    assert [rates[i] for i in (0, 49, 50, 74, 75, 89, 90, 119)] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_it_survives_its_config_and_refuses_other_words():
    rate = LearningRate(1e-3, "halve", 50, 5)
    assert LearningRate.from_config(rate.get_config()).get_config() == rate.get_config()
    with pytest.raises(ValueError, match="choose one of"):
        LearningRate(1e-3, "linear")
