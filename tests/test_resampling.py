import numpy as np
import pytest

from keras_srgan.resampling import crop_to_multiple, quantise, reduce_batch, reduce_image, resize, resize_matrix


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_reduction_equals_pillows_antialiased_bicubic_inside(scale, rng):
    image = pytest.importorskip("PIL.Image")
    hr = rng.uniform(0, 255, (120, 96)).astype("float32")
    size = (96 // scale, 120 // scale)
    pillow = np.asarray(image.fromarray(hr).resize(size, image.Resampling.BICUBIC))
    ours = resize(hr, 1 / scale)
    np.testing.assert_allclose(ours[2:-2, 2:-2], pillow[2:-2, 2:-2], atol=1e-3)


def test_reduction_without_antialiasing_would_differ(rng):
    cv2 = pytest.importorskip("cv2")
    hr = rng.uniform(0, 255, (96, 96)).astype("float32")
    plain = cv2.resize(hr, (24, 24), interpolation=cv2.INTER_CUBIC)
    assert np.abs(resize(hr, 1 / 4) - plain).mean() > 10


def test_matlab_values():
    # imresize of a ramp at 0.5 and of an impulse at 2, by hand from its documented kernel.
    down = resize_matrix(16, 0.5) @ np.arange(16.0)
    np.testing.assert_allclose(down[2:-2], [4.5, 6.5, 8.5, 10.5], atol=1e-12)
    np.testing.assert_allclose(down, 15 - down[::-1], atol=1e-12)
    taps = np.array([-0.0703125, 0.2265625, 0.8671875, 0.8671875])
    up = resize_matrix(4, 2) @ np.array([0.0, 0, 1, 0])
    np.testing.assert_allclose(up[2:6], taps, atol=1e-12)


@pytest.mark.parametrize("size,scale", [(7, 4), (96, 0.25), (10, 1 / 3), (3, 8), (2, 0.5), (1, 4)])
def test_rows_sum_to_one_and_constants_stay(size, scale):
    matrix = resize_matrix(size, scale)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert matrix.shape == (int(np.ceil(size * scale)), size)


@pytest.mark.parametrize("max_value,dtype", [(255, "uint8"), (32767, "uint16")])
def test_lr_of_the_pipeline_equals_the_files_lr_to_rounding(max_value, dtype, rng):
    hr = quantise(rng.uniform(0, max_value, (4, 96, 96, 1)), max_value, dtype)
    levels = np.full(4, max_value, "float32")
    lr = np.asarray(reduce_batch(hr.astype("float32") * np.float32(2 / max_value) - 1, 4, levels))
    grey = np.rint((lr + 1) / 2 * max_value)
    expected = np.stack([reduce_image(each, 4, max_value) for each in hr])
    assert np.abs(grey - expected).max() <= 1
    assert (grey == expected).mean() > 0.99
    np.testing.assert_allclose((lr + 1) / 2 * max_value, grey, atol=max_value * 1e-6)


def test_sides_that_do_not_divide_are_named_or_cropped():
    hr = np.zeros((50, 41), "uint8")
    with pytest.raises(ValueError, match="41x50.*multiple of 4"):
        reduce_image(hr, 4, 255)
    assert crop_to_multiple(hr, 4).shape == (48, 40)


def test_bicubic_on_set5_reads_the_published_figure(shared):
    cv2 = pytest.importorskip("cv2")
    from keras_srgan.metrics import psnr

    def luma(rgb):
        return np.rint((rgb @ [65.481, 128.553, 24.966]) / 255 + 16)

    figures = []
    for path in sorted((shared / "natural" / "set5").rglob("*.png")):
        hr = crop_to_multiple(cv2.imread(str(path))[..., ::-1], 4)
        sr = quantise(resize(reduce_image(hr, 4, 255), 4), 255, "uint8")
        a, b = (luma(x)[None, 4:-4, 4:-4, None] for x in (hr, sr))
        figures.append(float(psnr(a, b, 255)[0]))
    assert len(figures) == 5
    assert 28.41 < np.mean(figures) < 28.435
