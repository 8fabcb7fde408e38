from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_srgan.data.disk_cache import Spool
from keras_srgan.data.patches import PatchSampler
from keras_srgan.data.pipeline import training_dataset, validation_arrays
from keras_srgan.images import Image


@pytest.fixture
def images(make_image):
    return [make_image(50 + 3 * i, 64 - i, name=f"{i}.png") for i in range(6)]


def sampler(images, **changes):
    options = dict(patch=32, batch=4, seed=1) | changes
    return PatchSampler(images, **options)


def test_a_step_draws_the_same_batch_whenever_it_is_asked(images):
    first, second = sampler(images), sampler(images)
    for step in (7, 0, 3, 7):
        np.testing.assert_array_equal(first.draw(step)[0], second.draw(step)[0])
    assert not np.array_equal(first.draw(0)[0], first.draw(1)[0])
    assert not np.array_equal(first.draw(0)[0], sampler(images, seed=2).draw(0)[0])


def test_the_pipeline_gives_the_samplers_batches_and_starts_anywhere(images):
    draw = sampler(images)
    for start in (0, 5):
        for step, (lr, hr) in enumerate(training_dataset(sampler(images), 4, start).take(3), start):
            np.testing.assert_array_equal(hr.numpy(), draw.draw(step)[0])
            assert lr.shape == (4, 8, 8, 1) and hr.shape == (4, 32, 32, 1)
            grey = (lr.numpy() + 1) * 127.5
            np.testing.assert_allclose(grey, np.rint(grey), atol=1e-4)


def test_patches_of_a_batch_come_from_different_images(images, make_image):
    flat = [type(i)(np.full_like(i.pixels, 10 * n), 255, i.path) for n, i in enumerate(images)]
    draw = sampler(flat, batch=6)
    for step in range(10):
        values = {float(patch.mean()) for patch in draw.draw(step)[0]}
        assert len(values) == 6


def test_every_image_is_visited_equally_often(images):
    draw = sampler(images, batch=4)
    visits = np.bincount([draw._image_of(n) for n in range(6 * 20)])
    assert (visits == 20).all()


def test_flat_patches_are_redrawn(make_image):
    image = make_image(128, 256)
    image.pixels[:, :192] = 17  # three quarters flat
    plain = sampler([image], batch=64, flat=0.0).draw(0)[0]
    picky = sampler([image], batch=64, flat=0.05).draw(0)[0]
    assert (picky.std(axis=(1, 2, 3)) < 0.1).mean() < 0.5 * (plain.std(axis=(1, 2, 3)) < 0.1).mean()


def test_a_share_of_the_patches_seeks_edges(make_image):
    image = make_image(128, 256)
    image.pixels[:] = image.pixels // 8
    image.pixels[60:68, 120:128] = 255  # a letter, as on the film
    share = {
        edges: (sampler([image], batch=200, edges=edges).draw(0)[0].max(axis=(1, 2, 3)) == 1).mean()
        for edges in (0, 0.5, 1)
    }
    assert share[0] < 0.13 and 0.15 < share[0.5] < 0.35 < share[1]


def test_augmentation_draws_all_eight_orientations(make_image):
    image = make_image(32, 32)
    seen = {sampler([image], batch=1, augment=True).draw(step)[0].tobytes() for step in range(100)}
    assert len(seen) == 8
    plain = {sampler([image], batch=1, augment=False).draw(step)[0].tobytes() for step in range(10)}
    assert len(plain) == 1


def test_a_batch_larger_than_the_data_is_named(make_image):
    with pytest.raises(ValueError, match="batch of 4 is larger than the data.*1 image.*1 different.*--batch"):
        sampler([make_image(32, 32)])


def test_large_data_go_through_a_file_and_give_the_same_patches(images):
    spool = Spool(memory_gb=8000 / 2**30)  # the first two images fit
    kept = [spool.keep(image) for image in images]
    assert [isinstance(image.pixels, np.memmap) for image in kept] == [False, False] + [True] * 4
    for image, original in zip(kept, images, strict=True):
        np.testing.assert_array_equal(image.pixels, original.pixels)
    for step in range(3):
        np.testing.assert_array_equal(sampler(kept).draw(step)[0], sampler(images).draw(step)[0])


def test_sixteen_bit_images_keep_their_grey_levels(make_image):
    image = make_image(64, 64, "uint16", max_value=65535)
    lr, hr = next(iter(training_dataset(sampler([image]), 4)))
    for values in (lr, hr):
        grey = (values.numpy().astype("float64") + 1) * 32767.5
        np.testing.assert_allclose(grey, np.rint(grey), atol=0.02)
    assert len(np.unique(hr)) > 300


def test_validation_crops_are_central_and_fixed(images):
    lr, hr = validation_arrays(images, 48, 4, 4)
    assert hr.shape == (4, 48, 48, 1) and lr.shape == (4, 12, 12, 1)
    first = images[0].pixels
    np.testing.assert_allclose((hr[0, ..., 0] + 1) * 127.5, first[1:49, 8:56], atol=1e-4)
    assert validation_arrays(images, 1000, 4, 2)[1].shape[1] == 48


def disc(size=64):
    """A bright disc off the middle, and its image's centre."""
    y, x = np.mgrid[:size, :size]
    return (np.hypot(y - 30, x - 34) < 9).astype("uint8") * 200


def test_free_rotations_turn_patches_about_their_middle():
    y, x = np.mgrid[:96, :96]
    stripes = (127 + 100 * np.sin(x / 3)).astype("uint8")
    images = [Image(stripes, 255, Path("a.png"))]
    plain = PatchSampler(images, 32, 8, augment=False).draw(0)[0]
    turned = PatchSampler(images, 32, 8, augment=False, rotate=30).draw(0)[0]
    assert np.abs(np.diff(plain, axis=1)).max() < 1e-6  # upright stripes
    slant = np.abs(np.diff(turned, axis=1)).mean(axis=(1, 2, 3))
    assert (slant > 0.01).sum() >= 6 and turned.shape == plain.shape
    # A turned patch is the same texture: no border, no other contrast.
    np.testing.assert_allclose(turned.std(axis=(1, 2, 3)), plain.std(axis=(1, 2, 3)), rtol=0.15)


def test_zooming_in_enlarges_and_images_too_small_to_turn_stay_upright(rng):
    y, x = np.mgrid[:96, :96]
    images = [Image((127 + 100 * np.sin(x / 2)).astype("uint8"), 255, Path("a.png"))]
    plain = PatchSampler(images, 32, 16, augment=False).draw(0)[0]
    larger = PatchSampler(images, 32, 16, augment=False, zoom_in=3.0).draw(0)[0]
    steps = [np.abs(np.diff(each, axis=2)).mean(axis=(1, 2, 3)) for each in (plain, larger)]
    assert steps[1].min() < 0.6 * steps[0].min()
    small = [Image(rng.integers(0, 255, (33, 33)).astype("uint8"), 255, Path("b.png"))]
    one, other = (PatchSampler(small, 32, 2, augment=False, rotate=angle).draw(0)[0] for angle in (0, 45))
    assert one.shape == other.shape == (2, 32, 32, 1)


def test_pairs_are_turned_and_zoomed_alike():
    hr = cv2.GaussianBlur(disc(128), (0, 0), 3)
    lr = cv2.resize(hr, (32, 32), interpolation=cv2.INTER_AREA)
    images = [Image(hr, 255, Path("a.png"), lr=lr)]
    sampler = PatchSampler(images, 64, 16, scale=4, rotate=40, zoom_in=1.5, zoom=1.2)
    high, low = sampler.draw(0)
    again = np.stack([cv2.resize(each, (16, 16), interpolation=cv2.INTER_AREA) for each in high])
    assert high.std() > 0.05
    assert np.abs(again - low[..., 0]).mean() < 0.01


def test_without_the_new_options_batches_are_what_they_were(make_image):
    images = [make_image()]
    kept, new = (PatchSampler(images, 32, 4, zoom=1.5, **o).draw(3)[0] for o in ({}, {"rotate": 0.0, "zoom_in": 1.0}))
    np.testing.assert_array_equal(kept, new)
