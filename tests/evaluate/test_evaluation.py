import dataclasses
import json

import cv2
import numpy as np
import pytest

from keras_srgan.evaluate import __main__ as evaluate
from keras_srgan.evaluate.crops import busiest
from keras_srgan.evaluate.evaluation import compare
from keras_srgan.evaluate.measure import METRICS
from keras_srgan.evaluate.methods import bicubic, lanczos, non_local_means
from keras_srgan.evaluate.protocols import PROTOCOLS
from keras_srgan.evaluate.report.tables import evaluation_markdown
from keras_srgan.evaluate.summary import summarise
from keras_srgan.evaluate.test_set import items_of, read_ahead
from keras_srgan.images import Image, ImageError, rgb_to_ycbcr, write_image, ycbcr_to_rgb
from keras_srgan.inference import Upscaler
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.resampling import quantise, resize
from keras_srgan.train.results import score

QUICK = ("psnr", "ssim")


def images(make_image, count=3, size=(52, 60)):
    return [make_image(*size, name=f"{i}.png") for i in range(count)]


def colour(make_image, height=48, width=56):
    pixels = np.stack([make_image(height, width).pixels for _ in range(3)], axis=-1)
    pixels[..., 1] = pixels[::-1, :, 1]
    return Image(pixels, 255, make_image(name="colour.png").path)


def sharper(lr, max_value):
    """A stand-in for a network of another program: bicubic with its detail doubled."""
    sr = bicubic(lr, max_value).astype(float)
    blurred = cv2.GaussianBlur(sr, (0, 0), 2)
    return quantise(sr + 0.5 * (sr - blurred), max_value, lr.dtype)


def test_every_metric_of_every_method_on_every_image(make_image):
    found = compare(images(make_image), {"sharper": sharper}, baseline=["nearest", "lanczos"])
    assert found.methods == ["bicubic", "nearest", "lanczos", "sharper"]
    assert list(found.metrics) == list(METRICS) == list(evaluate.METRICS)
    assert len(found.rows) == 12 and {tuple(row) for row in found.rows} == {("image", "method", *METRICS)}
    small = {"ms_ssim", "grid"}  # five scales, blocks of 64 px
    assert all(np.isfinite(row[name]) != (name in small) for row in found.rows for name in METRICS)
    by_method = {row["method"]: row for row in found.summary}
    assert by_method["lanczos"]["psnr"]["mean"] > by_method["nearest"]["psnr"]["mean"]
    assert by_method["sharper"]["sharpness"]["mean"] > by_method["bicubic"]["sharpness"]["mean"]
    psnrs = [row["psnr"] for row in found.rows if row["method"] == "sharper"]
    assert by_method["sharper"]["psnr"]["mean"] == pytest.approx(np.mean(psnrs))
    gains = np.subtract(psnrs, [row["psnr"] for row in found.rows if row["method"] == "bicubic"])
    against = by_method["sharper"]["against_bicubic"]["psnr"]
    assert against["mean"] == pytest.approx(gains.mean()) and against["improved"] == (gains > 0).mean()
    assert found.extremes["sharper"]["worst"][0] == f"{np.argmin(gains)}.png"
    assert found.provenance["images"] == 3 and found.provenance["versions"]["keras"]


def test_only_figures_of_images_too_small_are_left_out(make_image, monkeypatch):
    (row,) = compare(images(make_image, 1, (20, 24))).rows
    assert {name for name in METRICS if np.isnan(row[name])} == {"ms_ssim", "lpips", "grid"}

    def broken(hr, sr):
        raise ValueError("a fault")

    monkeypatch.setattr("keras_srgan.metrics.ssim", broken)
    with pytest.raises(ValueError, match="a fault"):
        compare(images(make_image, 1), metrics=QUICK)


def test_the_closing_table_of_a_run_is_an_evaluation_in_short(make_image):
    pictures = images(make_image)
    table = score({"bicubic": None, "sharper": sharper}, pictures, 4)
    found = compare(pictures, {"sharper": sharper}, metrics=["psnr", "ssim", "sharpness"])
    for short, row in zip(table, found.summary, strict=True):
        assert short == {"method": row["method"], **{k: row[k]["mean"] for k in ("psnr", "ssim", "sharpness")}}


def test_lr_without_antialiasing_changes_bicubic_and_is_told(folder, tmp_path):
    for path in folder.iterdir():
        hr = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:52, :60]
        aliased = cv2.resize(hr, (15, 13), interpolation=cv2.INTER_CUBIC)
        write_image(tmp_path / "lr" / path.name, aliased)
    honest = compare(folder, metrics=QUICK)
    flattering = compare(hr=folder, lr=tmp_path / "lr", metrics=QUICK)
    difference = honest.summary[0]["psnr"]["mean"] - flattering.summary[0]["psnr"]["mean"]
    assert difference > 1
    told = float(flattering.protocol["resampler"].split()[1])
    assert told > 5 and flattering.protocol["resampler"] in flattering.protocol["text"]
    for item in items_of(PROTOCOLS["cxr"], folder):
        write_image(tmp_path / "own" / item.name, item.load().lr)
    again = compare(hr=folder, lr=tmp_path / "own", metrics=QUICK)
    assert [row["psnr"] for row in again.rows] == [row["psnr"] for row in honest.rows]
    assert again.protocol["resampler"].startswith("files, 0.00 grey levels")


def test_partners_are_matched_by_name_and_missing_ones_named(folder, tmp_path, make_image):
    for name in ("0.png", "1.tif", "3.png"):
        write_image(tmp_path / "lr" / name, make_image(13, 15).pixels)
    with pytest.raises(ImageError, match=r"no partner under .*lr of .*2\.png$"):
        compare(hr=folder, lr=tmp_path / "lr")
    (tmp_path / "lr" / "3.png").rename(tmp_path / "lr" / "2.png")
    assert compare(hr=folder, lr=tmp_path / "lr", metrics=QUICK).provenance["images"] == 3
    write_image(tmp_path / "lr" / "3.png", make_image(13, 15).pixels)
    with pytest.raises(ImageError, match=r"no partner under .*hr of .*3\.png$"):
        compare(hr=folder, lr=tmp_path / "lr")
    write_image(tmp_path / "lr" / "1.png", make_image(13, 15).pixels)
    with pytest.raises(ImageError, match="have one name"):
        compare(hr=folder, lr=tmp_path / "lr")


def test_unusable_images_are_named_left_out_and_counted(folder, tmp_path, make_image):
    (folder / "4.png").write_bytes(b"not an image")
    write_image(folder / "5.png", make_image(10, 60).pixels)
    warned = []
    found = compare(folder, metrics=QUICK, warn=warned.append)
    assert found.provenance["images"] == 3 and len(found.provenance["skipped"]) == len(warned) == 2
    assert "4.png" in warned[0] and "5.png" in warned[1]
    text = evaluation_markdown(found)
    assert "Left out, not usable: 2." in text and "60x10" in text
    with pytest.raises(ImageError, match="none of 1 image"):
        compare([make_image(10, 10)])


def test_pairs_of_unequal_size_are_named_and_left_out(folder, tmp_path, make_image):
    for i in range(3):
        write_image(tmp_path / "lr" / f"{i}.png", make_image(13, 16 if i == 1 else 15).pixels)
    found = compare(hr=folder, lr=tmp_path / "lr", metrics=QUICK)
    assert found.provenance["images"] == 2
    assert "1.png of 60x52 is not 4 times LR" in found.provenance["skipped"][0]


def test_without_originals_consistency_and_sharpness_are_left(tmp_path, make_image):
    write_image(tmp_path / "lr" / "a.png", make_image(20, 24).pixels)
    found = compare(lr=tmp_path / "lr", weights={"sharper": sharper})
    assert list(found.metrics) == ["consistency", "sharpness", "grid", "seconds"] and not found.extremes
    assert "without originals" in found.protocol["text"]
    assert "original" not in found.gallery[0]["versions"] and len(found.gallery[0]["versions"]) == 2
    soft, sharp = (row["sharpness"] for row in found.rows)
    assert 1 < soft < sharp
    with pytest.raises(ValueError, match="'psnr' is not known here: choose of consistency"):
        compare(lr=tmp_path / "lr", metrics=["psnr"])


def test_a_gray_network_on_colour_enlarges_the_luma(make_image):
    picture = colour(make_image)
    network = Upscaler(srresnet(channels=1, scale=4, filters=4, blocks=1, skip="bicubic", norm="none"), 4, 1)
    pair = PROTOCOLS["rgb"].pair(picture)
    ycbcr = rgb_to_ycbcr(pair.lr)
    luma = network.upscale(quantise(ycbcr[..., 0], 255, "uint8"))
    merged = np.concatenate([luma[..., None], resize(ycbcr[..., 1:], 4)], axis=2)
    expected = quantise(ycbcr_to_rgb(merged), 255, "uint8")
    found = compare([picture], {"gray": network}, "rgb", metrics=QUICK).rows[1]["psnr"]
    error = (expected.astype(float) - pair.hr)[4:-4, 4:-4]
    assert found == pytest.approx(20 * np.log10(255 / np.sqrt(np.mean(error**2))), abs=1e-3)
    found = compare([picture], {"gray": network}, "natural-y", metrics=QUICK).rows[1]["psnr"]
    error = (luma.astype(float) - quantise(rgb_to_ycbcr(pair.hr)[..., 0], 255, "uint8"))[4:-4, 4:-4]
    assert found == pytest.approx(20 * np.log10(255 / np.sqrt(np.mean(error**2))), abs=1e-3)


def test_a_colour_network_on_gray_is_averaged(make_image):
    network = Upscaler(srresnet(channels=3, scale=4, filters=4, blocks=1, skip="bicubic", norm="none"), 4, 3)
    found = compare([make_image(48, 56)], {"colour": network}, metrics=QUICK)
    assert found.rows[1]["psnr"] == pytest.approx(found.rows[0]["psnr"], abs=1.5)
    found = compare([colour(make_image)], {"colour": network}, "natural-y", metrics=QUICK)
    assert np.isfinite(found.rows[1]["psnr"])


def test_what_does_not_fit_is_refused(make_image, tmp_path):
    pictures = images(make_image, 1)
    network = Upscaler(srresnet(channels=1, scale=2, filters=4, blocks=1), 2, 1)
    refusals = {
        "half: weights of scale 2; this evaluation is of scale 4": dict(weights={"half": network}),
        "wrong: gave uint8 of shape": dict(weights={"wrong": lambda lr, max_value: lr}),
        "xray-srgan-plus: given twice": dict(weights=["xray-srgan-plus"] * 2),
        "'bicubic': the name of a baseline": dict(weights={"bicubic": sharper}),
        "give a name, a path or a function": dict(weights={"x": 3}),
        "'nope' is not known here": dict(metrics=["nope"]),
        "baseline 'cubic' is not known": dict(baseline=["cubic"]),
        "give weights too": dict(discriminators=["run"]),
        "give one of: a folder of HR images": dict(lr="x"),
    }
    for text, options in refusals.items():
        with pytest.raises(ValueError, match=text):
            compare(pictures, **options)
    write_image(tmp_path / "a.png", pictures[0].pixels)
    with pytest.raises(ValueError, match="cxr96 makes its own LR"):
        compare(protocol="cxr96", hr=tmp_path, lr=tmp_path)


def test_infinite_figures_are_left_out_for_all_methods_and_null_in_json(make_image):
    flat = Image(np.full((52, 60), 99, "uint8"), 255, make_image(name="flat.png").path)
    found = compare([*images(make_image, 2), flat], {"sharper": sharper}, metrics=QUICK)
    assert np.isinf(found.rows[4]["psnr"])
    for row in found.summary:
        assert row["psnr"]["n"] == 2 and row["ssim"]["n"] == 3 and np.isfinite(row["psnr"]["mean"])
    assert json.loads(found.to_json())["rows"][4]["psnr"] is None
    assert "flat.png" not in found.extremes["sharper"]["worst"]
    assert "Over fewer images, where it cannot be computed: PSNR 2." in evaluation_markdown(found)


def test_the_list_of_images_is_hashed_by_content_and_name(folder):
    first = compare(folder, metrics=["psnr"]).provenance["image_list_sha256"]
    assert compare(folder, metrics=["ssim"]).provenance["image_list_sha256"] == first
    assert compare(folder, metrics=["psnr"], most=2).provenance["image_list_sha256"] != first
    (folder / "0.png").rename(folder / "00.png")
    assert compare(folder, metrics=["psnr"]).provenance["image_list_sha256"] != first


def test_images_are_read_a_few_ahead_and_in_order(make_image):
    read = []

    def item(i):
        found = items_of(PROTOCOLS["cxr"], images(make_image, 1))[0]
        return dataclasses.replace(found, load=lambda: read.append(i) or dataclasses.replace(found.load(), name=str(i)))

    stream = read_ahead([item(i) for i in range(12)], workers=2)
    assert next(stream).name == "0" and len(read) <= 3
    assert [pair.name for pair in stream] == [str(i) for i in range(1, 12)] and len(read) == 12


def test_extremes_are_the_five_largest_and_smallest_gains():
    rows = []
    for i, gain in enumerate([3, -1, 0, 7, 2, 5, 4, 9]):
        rows += [{"image": str(i), "method": m, "psnr": 30.0 + g} for m, g in (("bicubic", 0), ("net", gain))]
    _, extremes = summarise(rows, ["bicubic", "net"], {"psnr": METRICS["psnr"]})
    assert extremes == {"net": {"worst": ["1", "2", "4", "0", "6"], "best": ["7", "3", "5", "6", "0"]}}


def test_non_local_means_remove_noise_that_bicubic_keeps(make_image, rng):
    still = np.clip(make_image(96, 96).pixels // 2 + 60, 0, 255)
    noisy = np.clip(np.rint(still + rng.normal(0, 8, still.shape)), 0, 255).astype("uint8")
    smooth = np.full((48, 48), 90.0)
    grain = np.rint(smooth + rng.normal(0, 8, smooth.shape)).astype("uint8")
    clean, plain = non_local_means(grain, 255), bicubic(grain, 255)
    assert clean.shape == plain.shape == (192, 192) and clean.dtype == np.uint8
    assert clean.std() < 0.5 * plain.std()
    colour = np.repeat(noisy.astype("uint16")[..., None] * 257, 3, axis=2)
    assert non_local_means(colour, 65535, 2).shape == (192, 192, 3)


def test_lanczos_equals_pillows_inside(make_image):
    image = pytest.importorskip("PIL.Image")
    lr = make_image(20, 24).pixels
    pillow = np.asarray(image.fromarray(lr.astype("float32")).resize((96, 80), image.Resampling.LANCZOS))
    found = lanczos(lr, 255)[12:-12, 12:-12]
    np.testing.assert_allclose(found, np.clip(pillow, 0, 255)[12:-12, 12:-12], atol=0.501)


def test_the_gallery_shows_the_busiest_part_in_every_version(make_image):
    hr = np.full((200, 220), 90, "uint8")
    hr[60:124, 140:204] = make_image(64, 64).pixels
    assert busiest(hr, 64, 4) == (60, 140)
    found = compare([Image(hr, 255, make_image().path)], {"sharper": sharper}, metrics=["psnr"]).gallery[0]
    top, left, height, width = found["crop"]
    assert list(found["versions"]) == ["original", "bicubic", "sharper"]
    np.testing.assert_array_equal(found["versions"]["original"], hr[top : top + height, left : left + width])
    assert {each.shape for each in found["versions"].values()} == {(128, 128)}
