import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_srgan.inference import Options, Upscaler
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.networks.generators.unet import unet
from keras_srgan.resampling import quantise, resize


@pytest.fixture(scope="session")
def network(shaken):
    def make(scale=4, channels=1, **changes):
        options = dict(filters=4, blocks=1, norm="none", skip="bicubic") | changes
        return shaken(srresnet(scale=scale, channels=channels, **options))

    return make


@pytest.fixture(scope="module")
def bicubic():
    """An untrained network with the bicubic skip is the bicubic enlargement."""
    return Upscaler(srresnet(filters=4, blocks=1, norm="none", skip="bicubic"), 4, 1)


@pytest.fixture(scope="module")
def upscaler(network):
    return Upscaler(network(), 4, 1)


@pytest.mark.parametrize("dtype,white", [("uint8", 255), ("uint16", 65535), ("uint16", 4095), ("uint16", 32767)])
def test_the_array_comes_back_in_its_dtype_and_range(bicubic, dtype, white, rng):
    image = rng.integers(0, white + 1, (11, 14)).astype(dtype)
    sr = bicubic.upscale(image, white)
    assert sr.dtype == image.dtype and sr.shape == (44, 56) and sr.max() <= white
    expected = quantise(resize(image, 4), white, dtype)
    assert np.abs(sr.astype(int) - expected.astype(int)).max() <= 1


side = st.integers(1, 9)
shapes = st.one_of(
    st.tuples(side, side), st.tuples(side, side, st.integers(1, 4)), st.tuples(st.just(2), side, side, st.just(1))
)
DTYPES = ["uint8", "uint16", ">u2", "float16", "float32", "float64"]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_shape_and_dtype_gives_finite_values_in_range(bicubic, data):
    dtype, shape = np.dtype(data.draw(st.sampled_from(DTYPES))), data.draw(shapes)
    white = data.draw(st.integers(1, 255)) if dtype.kind == "u" else data.draw(st.sampled_from([1.0, 100.0]))
    values = st.integers(0, white) if dtype.kind == "u" else st.floats(0, white, width=16)
    image = data.draw(hnp.arrays(dtype, shape, elements=values))
    sr = bicubic.upscale(image, white)
    at = 1 if len(shape) == 4 else 0
    assert sr.shape == shape[:at] + (4 * shape[at], 4 * shape[at + 1]) + shape[at + 2 :] and sr.dtype == dtype
    assert np.isfinite(sr.astype("float64")).all() and sr.min() >= 0 and sr.max() <= white
    assert sr.tobytes() == bicubic.upscale(image, white).tobytes()


@pytest.mark.parametrize(
    "scale,norm,skip", [(2, "none", "bicubic"), (3, "batch", "none"), (4, "none", "none"), (8, "batch", "bicubic")]
)
def test_tiles_give_the_whole_image(network, scale, norm, skip, rng):
    upscaler = Upscaler(network(scale, norm=norm, skip=skip), scale, 1, engine="keras")
    image = rng.integers(0, 65536, (61, 47)).astype("uint16")
    whole, tiled = (upscaler.run(image, options=Options(tile=tile)) for tile in (0, 9))
    assert (whole.tiles, whole.exact, tiled.exact) == (1, True, True) and tiled.tiles > 4
    assert np.abs(tiled.pixels.astype(int) - whole.pixels).max() <= 1
    upscaler.halo = 3  # too little: the proof can fail
    assert np.abs(upscaler.upscale(image, tile=9).astype(int) - whole.pixels).max() > 10


def test_tiles_of_a_network_that_reduces_keep_to_its_grid(shaken, rng):
    upscaler = Upscaler(shaken(unet(filters=2)), 4, 1)
    image = rng.uniform(size=(131, 126)).astype("float32")
    tiled = upscaler.run(image, options=Options(tile=16))
    assert tiled.tiles > 1 and tiled.exact
    np.testing.assert_allclose(tiled.pixels, upscaler.upscale(image, tile=0), atol=2e-6)


def test_tiles_of_whole_image_statistics_say_so(network, rng):
    upscaler = Upscaler(network(norm="instance"), 4, 1)
    image = rng.uniform(size=(40, 40)).astype("float32")
    assert upscaler.run(image, options=Options(tile=0)).exact
    tiled = upscaler.run(image, options=Options(tile=5))
    assert not tiled.exact and "statistics" in tiled.note


@pytest.mark.parametrize("blend", ["gaussian", "linear"])
def test_less_overlap_is_blended_and_near(upscaler, blend, rng):
    image = np.clip(np.cumsum(rng.normal(size=(60, 50)), axis=1) / 30 + 0.5, 0, 1).astype("float32")
    whole = upscaler.upscale(image, tile=0)
    blended = upscaler.run(image, options=Options(tile=16, overlap=4, blend=blend))
    assert not blended.exact and "4 px" in blended.note
    assert 1e-5 < np.abs(blended.pixels - whole).max()
    hard = upscaler.upscale(image, tile=16, overlap=0)
    rms = [np.sqrt(np.mean((each - whole) ** 2)) for each in (blended.pixels, hard)]
    assert rms[0] < rms[1]


def test_the_self_ensemble_turns_with_the_image(upscaler, rng):
    image = rng.uniform(size=(13, 18)).astype("float32")
    sr = upscaler.upscale(image, self_ensemble=True)
    for turn in (np.flipud, np.rot90):
        np.testing.assert_allclose(upscaler.upscale(turn(image), self_ensemble=True), turn(sr), atol=2e-6)
    assert np.abs(upscaler.upscale(np.rot90(image)) - np.rot90(upscaler.upscale(image))).max() > 1e-4


def test_the_spread_is_the_ensembles_standard_deviation(upscaler, rng):
    image = rng.uniform(0.3, 0.7, (9, 12)).astype("float32")
    result = upscaler.run(image, options=Options(self_ensemble=True, map=True))
    each = []
    for k in range(8):
        turned = np.rot90(image.T if k >= 4 else image, k)
        sr = np.rot90(upscaler.upscale(turned), -k)
        each.append(sr.T if k >= 4 else sr)
    np.testing.assert_allclose(result.spread, np.std(each, axis=0), atol=1e-5)
    np.testing.assert_allclose(result.pixels, np.mean(each, axis=0), atol=1e-5)


def test_a_stretched_image_goes_through_as_if_it_filled_its_range(upscaler, rng):
    image = rng.uniform(size=(20, 17)).astype("float32")
    image = (image - image.min()) / np.ptp(image)
    faint = (0.4 + 0.02 * image).astype("float32")
    expected = 0.4 + 0.02 * upscaler.run(image, options=Options()).pixels
    whole, tiled = (upscaler.upscale(faint, stretch=True, tile=tile) for tile in (0, 9))
    inside = (expected > 0.4) & (expected < 0.42)  # the first result was clipped to [0, 1]
    assert np.abs(whole - expected)[inside].max() < 1e-6
    np.testing.assert_allclose(tiled, whole, atol=1e-6)
    assert np.abs(upscaler.upscale(faint) - expected).max() > 1e-4
    flat = np.full((6, 5), 0.3, "float32")
    np.testing.assert_allclose(upscaler.upscale(flat, stretch=True), 0.3, atol=1e-5)


def test_progress_counts_every_tile(upscaler, rng):
    seen = []
    image = rng.uniform(size=(2, 24, 20, 1)).astype("float32")
    result = upscaler.run(image, options=Options(tile=12), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, result.tiles) for i in range(1, result.tiles + 1)]


def test_added_is_what_bicubic_lacks(upscaler, rng):
    image = rng.integers(20000, 40000, (30, 24)).astype("uint16")
    result = upscaler.run(image, options=Options(map=True, tile=10))
    assert result.added.dtype == np.float32 and result.spread is None
    np.testing.assert_allclose(result.added, result.pixels - resize(image, 4), atol=0.6)


def test_back_projection_brings_the_reduced_image_to_the_input(upscaler, rng):
    image = rng.uniform(0.3, 0.7, (24, 20)).astype("float32")
    result = upscaler.run(image, options=Options(back_project=6))
    before, after = result.consistency
    assert after < 0.3 * before
    for pixels, stated in ((upscaler.upscale(image), before), (result.pixels, after)):
        assert np.sqrt(np.mean((resize(pixels, 1 / 4) - image) ** 2)) == pytest.approx(stated, rel=0.01, abs=1e-6)
    tiled = upscaler.run(np.tile(image, (3, 3)), options=Options(back_project=2, tile=12))
    whole = upscaler.run(np.tile(image, (3, 3)), options=Options(back_project=2, tile=0))
    assert tiled.tiles > 1 and tiled.exact
    np.testing.assert_allclose(tiled.pixels, whole.pixels, atol=3e-6)
    assert tiled.consistency == pytest.approx(whole.consistency, rel=1e-3)


def test_colour_through_a_gray_network_keeps_the_bicubic_chroma(upscaler, rng):
    rgb = rng.uniform(0.3, 0.7, (12, 10, 3)).astype("float32")
    weights = np.array([0.299, 0.587, 0.114])
    sr, plain = upscaler.upscale(rgb).astype("float64"), resize(rgb, 4)
    luma = upscaler.upscale((rgb @ weights).astype("float32"))
    np.testing.assert_allclose(sr @ weights, luma, atol=1e-5)
    np.testing.assert_allclose(sr - (sr @ weights)[..., None], plain - (plain @ weights)[..., None], atol=1e-5)
    apart = upscaler.upscale(rgb, colour="channels")
    np.testing.assert_allclose(apart[..., 1], upscaler.upscale(rgb[..., 1]), atol=1e-6)
    gray = np.repeat(rgb[..., :1], 3, axis=-1)
    np.testing.assert_allclose(upscaler.upscale(gray)[..., 2], upscaler.upscale(gray[..., 0]), atol=1e-5)


@pytest.mark.parametrize(
    "image,message",
    [
        (np.full((4, 4), np.nan), "NaN"),
        (np.full((4, 4), np.inf), "NaN or inf"),
        (np.full((4, 4), 2.0), "leave"),
        (np.full((4, 4), -0.1), "leave"),
        (np.zeros((4, 4), "int32"), "int32"),
        (np.zeros((4, 4), bool), "bool"),
        (np.zeros((0, 4), "uint8"), "shape"),
        (np.zeros(4, "uint8"), "shape"),
    ],
)
def test_what_can_not_be_enlarged_is_named(bicubic, image, message):
    with pytest.raises(ValueError, match=f"upscale.*{message}"):
        bicubic.upscale(image)


def test_channels_and_white_that_do_not_fit_are_named(network, bicubic):
    colour = Upscaler(network(channels=3), 4, 3)
    with pytest.raises(ValueError, match="1 channel.* for a network of 3"):
        colour.upscale(np.zeros((4, 4), "uint8"))
    for white in (0, 256, np.nan):
        with pytest.raises(ValueError, match="max_value"):
            bicubic.upscale(np.zeros((4, 4), "uint8"), white)


@pytest.mark.parametrize(
    "options",
    [{"tile": -1}, {"tile": "big"}, {"overlap": 1.5}, {"blend": "x"}, {"colour": "x"}, {"back_project": True}],
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} "):
        Options(**options)


def test_a_used_upscaler_can_be_pickled_and_copied(rng):
    import copy
    import pickle

    from keras_srgan.networks import build_generator
    from keras_srgan.recipes import Recipe

    used = Upscaler(build_generator(Recipe().replace(filters=8, blocks=1)), 4, 1, {"name": "x"})
    image = rng.integers(0, 255, (12, 15), "uint8")
    expected = used.upscale(image)
    for other in (pickle.loads(pickle.dumps(used)), copy.deepcopy(used)):
        np.testing.assert_array_equal(other.upscale(image), expected)
        assert other.card == {"name": "x"}
