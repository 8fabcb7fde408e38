"""One rule for 12 bits in 16: of evaluations, tables, pairs and training."""

import cv2
import numpy as np
import pytest

from keras_srgan.data.folder import load_folder
from keras_srgan.data.paired import load_pairs
from keras_srgan.evaluate.__main__ import main
from keras_srgan.evaluate.evaluation import compare
from keras_srgan.evaluate.protocols import find_protocol
from keras_srgan.images import write_image
from keras_srgan.images.depth import describe_depths
from keras_srgan.resampling import reduce_image

RNG = np.random.default_rng(3)


def deep(white, most=None):
    """A 96x112 image in 16 bits whose brightest pixel is `most`."""
    noise = cv2.GaussianBlur(RNG.random((96, 112)).astype("float32"), (0, 0), 1.5)
    unit = (noise - noise.min()) / np.ptp(noise)
    return np.rint(unit * (most or white)).astype(np.uint16)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_the_range_of_a_figure_is_the_depth_that_the_values_use_and_the_table_says_so(tmp_path, bits):
    write_image(tmp_path / "a.png", deep(2**bits - 1))
    found = compare(tmp_path, [], metrics=["psnr"])
    assert f"{bits} bits" in found.protocol["text"] and "brightest pixel" in found.protocol["text"]
    whole = compare(tmp_path, [], find_protocol("cxr").replace(bits=16), metrics=["psnr"])
    gain = whole.summary[0]["psnr"]["mean"] - found.summary[0]["psnr"]["mean"]
    assert gain == pytest.approx(20 * np.log10(65535 / (2**bits - 1)), abs=0.02)


def test_tables_of_8_bit_files_say_nothing_of_it(tmp_path):
    write_image(tmp_path / "a.png", (deep(65535) // 257).astype(np.uint8))
    assert "brightest" not in compare(tmp_path, [], metrics=["psnr"]).protocol["text"]
    assert describe_depths([(np.dtype("uint8"), 255)]) == ""


def test_the_command_takes_bits_and_names_values_that_have_more(tmp_path, capsys):
    write_image(tmp_path / "a.png", deep(4095))
    write_image(tmp_path / "b.png", deep(16383))
    assert main(["--data", str(tmp_path), "--metrics", "psnr", "--bits", "12"]) == 0
    out = capsys.readouterr()
    assert "b.png" in out.err and "more than 12 bits" in out.err and "said to be 12" in out.out


def test_a_pair_has_one_depth(tmp_path):
    hr = deep(4095)
    hr[5:8, 5:8] = 4200  # a few pixels are brighter, and LR has none of them
    lr = np.minimum(reduce_image(hr, 4, 65535), 4095)
    write_image(tmp_path / "hr" / "a.png", hr)
    write_image(tmp_path / "lr" / "a.png", lr)
    assert compare(None, [], hr=tmp_path / "hr", lr=tmp_path / "lr", metrics=["psnr"]).provenance["images"] == 1
    (image,) = load_pairs(tmp_path / "hr", tmp_path / "lr", 4, min_size=32)
    assert image.max_value == 16383


def test_training_reads_by_the_same_rule(tmp_path):
    write_image(tmp_path / "a.png", deep(4095))
    assert [image.max_value for image in load_folder(tmp_path, min_size=32)] == [4095]
    assert [image.max_value for image in load_folder(tmp_path, min_size=32, bits=14)] == [16383]
