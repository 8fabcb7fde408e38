"""Two devices in one process follow one: `two_devices.py` is run on each backend."""

from pathlib import Path

import numpy as np
import pytest

from .conftest import BACKENDS, start


@pytest.fixture(scope="module", params=BACKENDS)
def found(request, tmp_path_factory):
    if request.param == "jax":
        pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp(request.param)
    process = start(request.param, Path(__file__).with_name("two_devices.py"), folder)
    _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors[-3000:]
    with np.load(folder / "found.npz") as file:
        return {"backend": request.param, **file}


@pytest.mark.parametrize("case", ("BN over the batch", "XLA without BN", "XLA with BN over the batch"))
def test_two_devices_follow_one(found, case):
    for what, near in (("logs", 1e-4), ("weights", 5e-5)):
        one, two = (found[f"{case} {who} {what}"] for who in ("one", "two"))
        assert np.ptp(one) > 1e-3
        np.testing.assert_allclose(two, one, atol=near, rtol=near)


def test_bn_over_each_part_is_something_else(found):
    one, two = (found[f"BN over each part {who} logs"] for who in ("one", "two"))
    assert np.isfinite(two).all()
    assert np.abs(two - one).max() > 1e-3


@pytest.mark.parametrize("half", ("float16", "bfloat16"))
def test_half_precision_on_two_devices(found, half):
    one, two = (found[f"{half} {who} logs"] for who in ("one", "two"))
    np.testing.assert_allclose(two, one, atol=0.02, rtol=0.02)


def test_a_checkpoint_is_good_for_any_number_of_devices(found):
    for what, near in (("logs", 1e-4), ("weights", 1e-4)):
        one, two = (found[f"resumed {who} {what}"] for who in ("one", "two"))
        np.testing.assert_allclose(two, one, atol=near, rtol=near)
