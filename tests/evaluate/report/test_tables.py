import csv
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from skimage.metrics import peak_signal_noise_ratio

from keras_srgan.evaluate.evaluation import compare
from keras_srgan.evaluate.methods import lanczos
from keras_srgan.evaluate.report.tables import evaluation_markdown, write_report
from keras_srgan.images import Image, read_image
from keras_srgan.images.display import MARGIN
from keras_srgan.networks.discriminators.strided import strided_discriminator
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.networks.graph.cost import forward_cost
from keras_srgan.resampling import quantise, reduce_image, resize
from keras_srgan.train.callbacks import pictures
from keras_srgan.train.results import closing_table, score


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
    text = closing_table(table)
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
    assert picture.ndim == 3 and picture.shape[1] == 4 * (64 + MARGIN) + MARGIN
    cells = [picture[40:80, MARGIN + c * (64 + MARGIN) :][:, :64].mean() for c in range(4)]
    assert cells[0] < cells[1] < cells[2] and cells[3] < 30
    pictures.save_picture(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, picture)


def test_curves_take_a_history_of_two_stages(tmp_path, monkeypatch):
    figures, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *given, **more: figures.append(self) or save(self, *given, **more)
    )
    rows = [{"stage": "pretrain", "loss": 0.5, "val_psnr": 30.0, "bicubic_psnr": 29.0}]
    rows.append({"stage": "adversarial", "loss": float("nan"), "content": 0.1, "d_real": 0.6, "val_psnr": 31.0})
    pictures.curves(rows, tmp_path / "curves.png")
    assert read_image(tmp_path / "curves.png").pixels.std() > 5
    assert [axis.get_yscale() for axis in figures[0].axes] == ["log", "log", *["linear"] * 4]


def chequers(step):
    """A picture that is the same on every machine."""
    y, x = np.mgrid[:40, :44]
    pixels = ((x // step + y // (step + 2)) % 2 * 120 + x * y // 20 + 10).astype("uint8")
    return Image(pixels, 255, Path(f"{step}.png"))


GOLDEN = """\
| method | PSNR, dB | SSIM | LR consistency, grey levels | sharpness, of HR's |
| --- | --- | --- | --- | --- |
| bicubic | 15.87 [14.85, 16.88] | 0.5136 [0.4417, 0.5855] | 12.37 [10.10, 14.65] | 0.535 [0.384, 0.686] |
| lanczos3 | 16.45 [15.54, 17.36] | 0.5944 [0.5473, 0.6415] | 8.83 [6.09, 11.57] | 0.627 [0.467, 0.786] |

Mean over 2 image(s) [95 % interval, bootstrap]. Lower is better: LR consistency.

Difference from bicubic on the same images, mean [95 % interval], share of images improved:

| method | PSNR | SSIM | LR consistency | sharpness |
| --- | --- | --- | --- | --- |
| lanczos3 | +0.58 [+0.48, +0.68] 100% | +0.0808 [+0.0560, +0.1056] 100% | -3.54 [-4.01, -3.07] 100% | +0.092 \
[+0.083, +0.100] 100% |

PSNR gain over bicubic, lanczos3: best: 5.png, 7.png; worst: 7.png, 5.png.

Protocol cxr, x4: whole radiographs, one channel, cropped to a multiple of 4. LR: antialiased bicubic (MATLAB's \
imresize, a = -0.5). Rounding: LR and SR rounded to the bit depth of the file. Border: 4 px left out on each side. \
Channel: gray; colour files through BT.601 luma. Range: full range of the bit depth (255 for 8 bit).

- lanczos3: sha256 not known
- images: 2, sha256 of their list 4fffa6a1a7b1b5be90f5940634c7ff3968ece311a79731a10db73a87f8319fa7
- keras_srgan 1
- command: the command"""


def test_a_report_on_two_tiny_images_is_the_golden_one(tmp_path):
    found = compare(
        [chequers(i) for i in (5, 7)],
        {"lanczos3": lanczos},
        metrics=["psnr", "ssim", "consistency", "sharpness"],
        command="the command",
    )
    found.provenance["versions"], found.provenance["date"] = {"keras_srgan": "1"}, "today"
    assert evaluation_markdown(found) == GOLDEN
    names = {path.name for path in write_report(found, tmp_path / "out")}
    assert names == {
        "report.md",
        "report.html",
        "report.json",
        "figures.csv",
        "summary.csv",
        "scatter.png",
        "violin.png",
    }
    assert GOLDEN in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    with open(tmp_path / "out" / "figures.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["psnr"]) for row in rows] == [row["psnr"] for row in found.rows]
    with open(tmp_path / "out" / "summary.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 4 + 4 and rows[-1]["against"] == "bicubic" and rows[-1]["improved"]
    saved = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert saved["summary"] == found.summary and "versions" not in saved["gallery"][0]
