"""A folder of images to compare networks on."""

import pytest

from keras_srgan.images import write_image


@pytest.fixture
def folder(make_image, tmp_path):
    for i in range(3):
        write_image(tmp_path / "hr" / f"{i}.png", make_image(52, 60).pixels)
    return tmp_path / "hr"
