import numpy as np
import pytest

from keras_srgan.evaluate.methods import bicubic
from keras_srgan.evaluate.protocols import PROTOCOLS, RESAMPLER, find_protocol
from keras_srgan.images import Image, ImageError, read_image, rgb_to_ycbcr, ycbcr_to_rgb
from keras_srgan.metrics import psnr, ssim
from keras_srgan.resampling import quantise


@pytest.mark.parametrize(
    "rgb,expected",
    [
        # BT.601's colour bars in 8 bits, and middle gray by hand: 16 + 219 * 128 / 255.
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (81, 90, 240)),
        ((0, 255, 0), (145, 54, 34)),
        ((0, 0, 255), (41, 240, 110)),
        ((128, 128, 128), (126, 128, 128)),
    ],
)
def test_rgb_to_ycbcr_gives_the_stated_values(rgb, expected):
    eight = np.array(rgb, "uint8").reshape(1, 1, 3)
    np.testing.assert_array_equal(quantise(rgb_to_ycbcr(eight), 255, "uint8")[0, 0], expected)
    sixteen = rgb_to_ycbcr(eight.astype("uint16") * 257, 65535)
    np.testing.assert_allclose(sixteen / 257, rgb_to_ycbcr(eight))


def test_ycbcr_to_rgb_is_the_inverse(rng):
    rgb = rng.uniform(0, 4095, (6, 5, 3))
    np.testing.assert_allclose(ycbcr_to_rgb(rgb_to_ycbcr(rgb, 4095), 4095), rgb, atol=1e-8)


def test_cxr_crops_reduces_and_leaves_the_border_out(make_image):
    protocol = PROTOCOLS["cxr"]
    pair = protocol.pair(make_image(66, 51, "uint16"))
    assert pair.hr.shape == (64, 48) and pair.lr.shape == (16, 12)
    assert pair.lr.dtype == np.uint16 and pair.max_value == 65535
    inner = protocol.inner(pair.hr, pair.max_value)
    np.testing.assert_allclose(inner[0, ..., 0] * 65535, pair.hr[4:-4, 4:-4], rtol=1e-6)


def test_the_real_protocols_degrade_by_seed_and_name_alone_and_say_how(make_image):
    one, other = (make_image(66, 51, name=name) for name in ("one.png", "other.png"))
    mild, hard = PROTOCOLS["cxr-real-mild"], PROTOCOLS["cxr-real-hard"]
    first = mild.pair(one).lr
    mild.pair(other)
    np.testing.assert_array_equal(mild.pair(one).lr, first)
    np.testing.assert_array_equal(mild.pair(one).hr, PROTOCOLS["cxr"].pair(one).hr)
    changed = (
        mild.pair(one, "renamed.png"),
        mild.replace(seed=1).pair(one),
        hard.pair(one),
        PROTOCOLS["cxr"].pair(one),
    )
    assert all((each.lr != first).any() for each in changed)
    text = hard.describe()["text"]
    assert "mtf 0.64, dose 3400, readout 2, codec jpeg, quality 60; seed 0" in text
    assert mild.replace(scale=1).pair(one).lr.shape == (66, 51)


def test_the_real_protocols_read_what_was_measured_with_another_program(shared):
    from keras_srgan.evaluate.evaluation import compare

    for name, expected in (("mild", (33.40, 0.8952)), ("hard", (32.63, 0.8887))):
        found = compare(shared / "chest-xray/test", protocol=f"cxr-real-{name}", metrics=["psnr", "ssim"], most=24)
        figures = [found.summary[0][metric]["mean"] for metric in ("psnr", "ssim")]
        assert abs(figures[0] - expected[0]) < 0.1 and abs(figures[1] - expected[1]) < 0.003


def test_cxr96_crops_by_seed_and_name_alone(make_image):
    protocol = PROTOCOLS["cxr96"]
    one, other = make_image(150, 130, name="one.png"), make_image(150, 130, name="other.png")
    first = protocol.pair(one)
    assert first.hr.shape == (96, 96) and first.lr.shape == (24, 24)
    protocol.pair(other)
    np.testing.assert_array_equal(protocol.pair(one).hr, first.hr)
    assert (protocol.replace(seed=1).pair(one).hr != first.hr).any()
    assert (protocol.pair(one, "renamed.png").hr != first.hr).any()


def test_cxr720_is_the_frame_of_cxr96_whole(make_image):
    whole, image = PROTOCOLS["cxr720"], make_image(90, 160)
    crop, hr = PROTOCOLS["cxr96"].pair(image).hr, whole.pair(image).hr
    assert hr.shape == (720, 1280)
    corners = np.argwhere(hr[: 720 - 95, : 1280 - 95] == crop[0, 0])
    assert any((hr[top : top + 96, left : left + 96] == crop).all() for top, left in corners)
    flat = Image(np.full((50, 70), 77, "uint8"), 255, make_image().path)
    assert (whole.pair(flat).hr == 77).all()


def test_natural_y_compares_rounded_luma_and_keeps_gray_as_it_is(rng):
    protocol = PROTOCOLS["natural-y"]
    colour = rng.integers(0, 256, (40, 40, 3)).astype("uint8")
    plane = protocol.plane(colour, 255)
    assert plane.shape == (40, 40) and plane.min() >= 16 and plane.max() <= 235
    np.testing.assert_array_equal(protocol.plane(colour[..., 0], 255), colour[..., 0])
    assert PROTOCOLS["rgb"].plane(colour, 255) is colour


@pytest.mark.parametrize(
    "folder,published_psnr,published_ssim",
    # Bicubic x4 as in the tables of VDSR, LapSRN, EDSR and later; Set5's SSIM is given as 0.8104.
    [("set5", 28.42, 0.8104), ("set14", 26.00, 0.7027), ("bsd100", 25.96, 0.6675)],
)
def test_natural_y_reads_published_bicubic(folder, published_psnr, published_ssim, shared):
    protocol, figures = PROTOCOLS["natural-y"], []
    for path in sorted((shared / "natural" / folder).iterdir()):
        pair = protocol.pair(read_image(path))
        planes = (protocol.plane(each, 255) for each in (pair.hr, bicubic(pair.lr, 255)))
        hr, sr = (protocol.inner(each, 255) for each in planes)
        figures.append((float(psnr(hr, sr)[0]), float(ssim(hr, sr)[0])))
    assert np.mean(figures, axis=0)[0] == pytest.approx(published_psnr, abs=0.01)
    assert np.mean(figures, axis=0)[1] == pytest.approx(published_ssim, abs=5e-4)
    if folder == "set5":
        assert "28.42 0.810" == "{:.2f} {:.3f}".format(*np.mean(figures, axis=0))


def test_pairs_that_do_not_fit_are_named(make_image):
    protocol = PROTOCOLS["cxr"]
    hr, lr = make_image(66, 51, name="hr.png"), make_image(16, 12, name="lr.png")
    assert protocol.given(hr, lr, "a").hr.shape == (64, 48)
    with pytest.raises(ImageError, match="a: HR hr.png of 51x66 is not 4 times LR lr.png of 12x17"):
        protocol.given(hr, make_image(17, 12, name="lr.png"), "a")
    with pytest.raises(ImageError, match="a: white is 255 in hr.png, but 65535 in lr.png"):
        protocol.given(hr, make_image(16, 12, "uint16", "lr.png"), "a")
    with pytest.raises(ImageError, match="a.png: 30x18; protocol cxr needs HR of 19x19 px"):
        protocol.pair(make_image(18, 30))
    with pytest.raises(ImageError, match="a.png: 95x120; protocol cxr96 needs HR of 96x96 px"):
        PROTOCOLS["cxr96"].replace(image_size=None).pair(make_image(120, 95))
    with pytest.raises(ImageError, match="a.png: 8x4; protocol cxr needs HR of 19x19 px"):
        protocol.alone(make_image(4, 8), "a")


def test_a_given_lr_is_compared_with_the_protocols_own(make_image):
    protocol, hr = PROTOCOLS["cxr"], make_image(64, 48)
    own = protocol.pair(hr).lr
    assert protocol.given(hr, Image(own, 255, hr.path), "a").deviation == 0
    shifted = Image(np.clip(own.astype(int) + 3, 0, 255).astype("uint8"), 255, hr.path)
    assert protocol.given(hr, shifted, "a").deviation == pytest.approx(3, abs=0.1)


def test_files_become_what_a_protocol_gives_its_networks(make_image):
    gray = make_image(48, 52)
    colour = Image(np.repeat(gray.pixels[..., None], 3, axis=2), 255, gray.path)
    for protocol, shape in (("cxr", (12, 13)), ("rgb", (12, 13, 3))):
        np.testing.assert_array_equal(PROTOCOLS[protocol].pair(gray).lr, PROTOCOLS[protocol].pair(colour).lr)
        assert PROTOCOLS[protocol].pair(gray).lr.shape == shape
    assert [PROTOCOLS["natural-y"].pair(each).lr.ndim for each in (gray, colour)] == [2, 3]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_says_what_it_does(name):
    about = find_protocol(name).replace(scale=2).describe()
    assert set(about) == {"name", "text", "scale", "border", "channel", "range", "resampler", "rounding"}
    assert about["border"] == about["scale"] == 2
    lr = RESAMPLER if "real" not in name else "degradation mtf"
    for part in (name, "multiple of 2", "2 px left out", lr, "rounded", "255 for 8 bit"):
        assert part in about["text"]


def test_an_unknown_protocol_is_named():
    with pytest.raises(ValueError, match="'cxr-512' is not known: choose one of cxr, cxr96, cxr720, .*natural-y, rgb"):
        find_protocol("cxr-512")
