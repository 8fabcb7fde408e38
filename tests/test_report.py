import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from keras_srgan import pictures
from keras_srgan.cost import forward_cost
from keras_srgan.data.degrade import reduce_image
from keras_srgan.data.images import read_image
from keras_srgan.networks.srresnet import srresnet
from keras_srgan.networks.strided import strided_discriminator
from keras_srgan.report import markdown, score
from keras_srgan.resample import quantise, resize


def test_the_table_scores_whole_images_by_its_protocol(make_image):
    images = [make_image(70, 61), make_image(48, 52, "uint16")]
    perfect = {id(i): i.pixels[: i.pixels.shape[0] // 4 * 4, : i.pixels.shape[1] // 4 * 4] for i in images}
    calls = []

    def nearest(lr, max_value):
        calls.append((lr.dtype, max_value))
        return lr.repeat(4, 0).repeat(4, 1)

    table = score({"bicubic": None, "nearest": nearest}, images, 4)
    assert calls == [(np.uint8, 255), (np.uint16, 65535)]
    expected = []
    for image in images:
        hr = perfect[id(image)]
        sr = quantise(resize(reduce_image(hr, 4, image.max_value), 4), image.max_value, hr.dtype)
        inner = np.s_[4:-4, 4:-4]
        expected.append(peak_signal_noise_ratio(hr[inner], sr[inner], data_range=image.max_value))
    assert table[0]["psnr"] == pytest.approx(np.mean(expected), abs=1e-3)
    assert table[1]["psnr"] != pytest.approx(table[0]["psnr"], abs=0.05)
    text = markdown(table)
    assert "| bicubic |" in text and "+0.00" in text and len(text.splitlines()) == 4


def test_a_perfect_method_keeps_all_sharpness(make_image):
    image = make_image(64, 64)
    table = score({"bicubic": None, "perfect": lambda lr, max_value: image.pixels}, [image], 4)
    assert table[1]["sharpness"] == pytest.approx(1) and table[1]["ssim"] == pytest.approx(1, abs=1e-6)
    assert table[0]["sharpness"] < 1


def test_the_cost_counts_every_convolution():
    # 24x24 -> 96x96, one channel, by hand: a multiply-add is two operations.
    at = [24 * 24, 48 * 48, 96 * 96]
    head, trunk = 81 * 64 * at[0], 33 * 9 * 64 * 64 * at[0]
    up = 9 * 64 * 256 * (at[0] + at[1])
    tail = 81 * 64 * at[2]
    assert forward_cost(srresnet(norm="none"), (24, 24, 1))[0] == 2 * (head + trunk + up + tail)
    small = strided_discriminator(patch=32, filters=4, dense=8)
    widths, sides = [1, 4, 4, 8, 8, 16, 16, 32, 32], [32, 16, 16, 8, 8, 4, 4, 2]
    convs = sum(9 * a * b * s * s for a, b, s in zip(widths, widths[1:], sides, strict=False))
    assert forward_cost(small, (32, 32, 1))[0] == 2 * (convs + 2 * 2 * 32 * 8 + 8)


def test_pictures_show_bicubic_sr_hr_and_error_in_this_order(tmp_path):
    hr = np.linspace(-1, 1, 64 * 64, dtype="float32").reshape(1, 64, 64, 1)
    picture = pictures.comparison(hr - 0.2, hr - 0.01, hr, ["1|2"])
    assert picture.ndim == 3 and picture.shape[1] == 4 * (64 + pictures.MARGIN) + pictures.MARGIN
    cells = [picture[40:80, pictures.MARGIN + c * (64 + pictures.MARGIN) :][:, :64].mean() for c in range(4)]
    assert cells[0] < cells[1] < cells[2] and cells[3] < 30
    pictures.save_picture(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, picture)


def test_curves_take_a_history_of_two_stages(tmp_path):
    rows = [{"stage": "pretrain", "loss": 0.5, "val_psnr": 30.0, "bicubic_psnr": 29.0}]
    rows.append({"stage": "adversarial", "loss": float("nan"), "content": 0.1, "d_real": 0.6, "val_psnr": 31.0})
    pictures.curves(rows, tmp_path / "curves.png")
    assert read_image(tmp_path / "curves.png").pixels.std() > 5
