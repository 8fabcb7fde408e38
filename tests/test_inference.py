import numpy as np
import pytest

from keras_srgan import inference
from keras_srgan.inference import Upscaler, receptive_radius
from keras_srgan.networks.srresnet import srresnet
from keras_srgan.resample import quantise, resize


def network(scale=4, channels=1, **changes):
    options = dict(filters=4, blocks=2, norm="none", skip="bicubic") | changes
    generator = srresnet(scale=scale, channels=channels, **options)
    rng = np.random.default_rng(0)
    tail = generator.get_layer("tail")
    tail.kernel.assign(rng.normal(size=tail.kernel.shape) * 0.05)
    return generator


@pytest.fixture
def bicubic():
    """An untrained network with the bicubic skip is the bicubic enlargement."""
    return Upscaler(srresnet(filters=4, blocks=1, norm="none", skip="bicubic"), 4, 1)


@pytest.mark.parametrize("dtype,white", [("uint8", 255), ("uint16", 65535), ("uint16", 4095), ("uint16", 32767)])
def test_the_array_comes_back_in_its_dtype_and_range(bicubic, dtype, white, rng):
    image = rng.integers(0, white + 1, (11, 14)).astype(dtype)
    sr = bicubic.upscale(image, white)
    assert sr.dtype == image.dtype and sr.shape == (44, 56) and sr.max() <= white
    expected = quantise(resize(image, 4), white, dtype)
    assert np.abs(sr.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 1), (8, 9, 3), (2, 8, 9, 1), (3, 6, 5, 3), (1, 1), (1, 7), (7, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_any_number_of_axes_and_any_size(bicubic, shape, dtype, rng):
    image = rng.uniform(size=shape).astype(dtype) if "float" in dtype else rng.integers(0, 255, shape).astype(dtype)
    sr = bicubic.upscale(image)
    spatial = 0 if len(shape) < 4 else 1
    expected = list(shape)
    expected[spatial] *= 4
    expected[spatial + 1] *= 4
    assert list(sr.shape) == expected and sr.dtype == image.dtype


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_give_the_whole_image(scale, monkeypatch, rng):
    upscaler = Upscaler(network(scale), scale, 1)
    image = rng.uniform(size=(61, 47)).astype("float32")
    whole = upscaler.upscale(image)
    monkeypatch.setattr(inference, "TILE", 20)
    np.testing.assert_allclose(upscaler.upscale(image), whole, atol=2e-6)
    upscaler.halo = 3  # too little: the proof can fail
    assert np.abs(upscaler.upscale(image) - whole).max() > 1e-4


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_receptive_radius_covers_every_pixel_that_matters(scale, rng):
    generator = network(scale, blocks=1)
    radius = receptive_radius(generator)
    lr = rng.uniform(-1, 1, (1, 61, 61, 1)).astype("float32")
    changed = lr.copy()
    changed[0, 30, 30] += 1
    difference = np.abs(np.asarray(generator(changed)) - np.asarray(generator(lr)))[0, ..., 0]
    rows = np.flatnonzero(difference.max(axis=1) > 1e-9) // scale
    reach = max(30 - rows.min(), rows.max() - 30)
    assert reach <= radius <= reach + 2


@pytest.mark.parametrize(
    "image,message",
    [
        (np.full((4, 4), np.nan), "NaN"),
        (np.full((4, 4), 2.0), "leave"),
        (np.zeros((4, 4), "int32"), "int32"),
        (np.zeros((0, 4), "uint8"), "shape"),
        (np.zeros(4, "uint8"), "shape"),
    ],
)
def test_what_can_not_be_enlarged_is_named(bicubic, image, message):
    with pytest.raises(ValueError, match=f"upscale.*{message}"):
        bicubic.upscale(image)
