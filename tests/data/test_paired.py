"""Folders of pairs, from the files to the batches."""

import cv2
import numpy as np
import pytest

from keras_srgan.data.paired import load_pairs
from keras_srgan.data.patches import PatchSampler
from keras_srgan.data.pipeline import training_dataset, validation_arrays
from keras_srgan.images import ImageError, write_image


@pytest.fixture
def folders(make_image, tmp_path):
    """Five good pairs of scale 2: LR is HR's every second pixel, so that any shift shows."""
    hr, lr = tmp_path / "hr", tmp_path / "lr"
    for folder in (hr, lr):
        folder.mkdir()
    for i in range(5):
        pixels = make_image(80 + 2 * i, 96).pixels
        write_image(hr / f"{i}.png", pixels)
        write_image(lr / f"{i}.bmp", pixels[::2, ::2].copy())
    return hr, lr


@pytest.fixture
def images(folders):
    return load_pairs(*folders, 2, min_size=32)


def test_pairs_are_matched_by_name_whatever_the_format(images):
    assert [image.path.name for image in images] == [f"{i}.png" for i in range(5)]
    for image in images:
        np.testing.assert_array_equal(image.lr, image.pixels[::2, ::2])


def test_what_does_not_fit_is_left_out_and_named(folders, make_image):
    hr, lr = folders
    (hr / "0.png").write_bytes((hr / "0.png").read_bytes()[:-40])  # cut short
    (lr / "1.bmp").write_bytes(b"")
    write_image(lr / "2.bmp", make_image(30, 30).pixels)
    (lr / "3.bmp").unlink()
    write_image(lr / "more.png", make_image(40, 40).pixels)
    lines = []
    images = load_pairs(hr, lr, 2, min_size=32, warn=lines.append)
    assert [image.path.name for image in images] == ["4.png"]
    text = "\n".join(lines)
    for part in ("0.png", "1.bmp", "96x84 is not 2 times", "3.png: no partner", "more.png: no partner"):
        assert part in text
    with pytest.raises(ImageError, match="5 of 6 images cannot be used"):
        load_pairs(hr, lr, 2, min_size=32, strict=True)


def test_depths_must_agree_and_two_files_of_one_name_are_refused(folders, make_image):
    hr, lr = folders
    (lr / "0.bmp").unlink()
    write_image(lr / "0.png", make_image(40, 48, "uint16").pixels)
    lines = []
    assert len(load_pairs(hr, lr, 2, min_size=32, warn=lines.append)) == 4
    assert "white is 255" in lines[0] and "65535" in lines[0]
    write_image(hr / "1.tif", make_image(80, 96).pixels)
    with pytest.raises(ImageError, match="have one name"):
        load_pairs(hr, lr, 2)


@pytest.mark.parametrize("zoom", [1.0, 1.5])
def test_patches_of_a_pair_show_the_same_place_in_the_same_turn(images, zoom):
    if zoom > 1:  # reduced alike, so compare pairs whose LR is the blocks' mean
        images = [
            type(i)(i.pixels, 255, i.path, lr=cv2.resize(i.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
            for i in images
        ]
    sampler = PatchSampler(images, 32, 4, flat=0.0, zoom=zoom, scale=2)
    for step in range(6):
        hr, lr = sampler.draw(step)
        assert hr.shape == (4, 32, 32, 1) and lr.shape == (4, 16, 16, 1)
        if zoom == 1:
            corners = {(a, b) for a in (0, 1) for b in (0, 1)}  # a turn moves the kept pixel of each block
            for h, low in zip(hr, lr, strict=True):
                assert any(np.array_equal(h[a::2, b::2], low) for a, b in corners)
        else:
            blocks = hr.reshape(4, 16, 2, 16, 2, 1).mean(axis=(2, 4))
            assert np.abs(blocks - lr).mean() < 0.05 and np.abs(np.roll(blocks, 2, 1) - lr).mean() > 0.1


def test_the_pipeline_and_the_validation_take_the_given_lr(images):
    sampler = PatchSampler(images, 32, 4, flat=0.0, scale=2)
    lr, hr = next(iter(training_dataset(sampler, 2, 3)))
    np.testing.assert_array_equal(hr.numpy(), sampler.draw(3)[0])
    np.testing.assert_array_equal(lr.numpy(), sampler.draw(3)[1])
    lr, hr = validation_arrays(images, 40, 2, 3)
    np.testing.assert_array_equal(hr[:, ::2, ::2], lr)


def test_zoom_reduces_larger_squares(make_image):
    image = make_image(128, 128)
    image.pixels[:] = np.arange(128)  # a ramp: a patch's range is the width that it was cut at

    def widths(zoom):
        hr = PatchSampler([image], 32, 16, flat=0.0, augment=False, zoom=zoom).draw(0)[0]
        return np.ptp(hr, axis=(1, 2, 3)) * 127.5 + 1

    assert np.allclose(widths(1.0), 32)
    assert 32 <= widths(3.0).min() < widths(3.0).max() <= 96 and widths(3.0).mean() > 48
    assert widths(100.0).max() <= 128
