import numpy as np
import pytest

from keras_srgan.demo import gradio_app
from keras_srgan.images import read_image, write_image
from keras_srgan.inference import load

gradio = pytest.importorskip("gradio")


def test_an_upload_becomes_a_pair_a_map_a_file_and_figures(make_image, tmp_path):
    lr = make_image(40, 50, dtype="uint16").pixels
    path = write_image(tmp_path / "chest.png", lr)
    pair, added, result, words = gradio_app.enlarge_upload(str(path), load("xray-fast"), tmp_path / "out")
    assert [each.shape for each in pair] == [(160, 200), (160, 200)] and {each.dtype.name for each in pair} == {"uint8"}
    assert not np.array_equal(*pair) and added.shape[0] > 160
    np.testing.assert_array_equal(read_image(result).pixels, load("xray-fast").upscale(lr))
    assert "50 x 40 to 200 x 160 px" in words


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(gradio_app, "MEGABYTES", 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"12")
    with pytest.raises(ValueError, match="MB"):
        gradio_app.enlarge_upload(str(path), None, tmp_path)


def test_the_app_queues_one_image_at_a_time_and_says_what_is_wrong(tmp_path):
    app = gradio_app.make_app(["xray-fast"])
    (work,) = [each for each in app.fns.values() if each.fn.__name__ == "work"]
    assert work.concurrency_limit == 1 and work.queue is not False
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"nothing")
    with pytest.raises(gradio.Error) as said:
        work.fn(str(bad), "xray-fast")
    assert str(tmp_path) not in str(said.value) and len(str(said.value)) > 15
