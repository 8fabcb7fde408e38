"""What the page makes is what Python makes: pixels, DICOM objects, what is read."""

import base64

import numpy as np
import pydicom
import pytest

from keras_srgan.images import ImageError, read_image, write_image
from keras_srgan.images.dicom import Network, derive, read_dicom
from keras_srgan.inference import load
from keras_srgan.metrics.fidelity import consistency

from .conftest import DICOM_OF_PYDICOM, Page, serving

SOFTWARE_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")


def within(found, expected, level):
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= level


@pytest.mark.parametrize(
    ("dtype", "shape", "network"),
    [
        ("uint8", (61, 75), "xray-fast"),
        ("uint8", (3, 1), "xray-fast"),
        ("uint16", (45, 52), "xray-srgan-plus"),
        ("uint16", (41, 401), "xray-fast"),  # two tiles
    ],
)
def test_the_page_gives_pythons_pixels_within_a_grey_level(page, rng, make_image, tmp_path, dtype, shape, network):
    path = write_image(tmp_path / "chest.png", make_image(*shape, dtype=dtype).pixels)
    lr = read_image(path)
    page.js("document.getElementById('network').value = arguments[0]", network)
    figures = page.take(path)
    sr = load(network).upscale(lr.pixels, lr.max_value)
    within(read_image(page.save()).pixels, sr, 1)
    assert figures["tiles"] == (2 if shape[1] > 320 else 1)
    expected = consistency(lr.pixels[None, ..., None], sr[None, ..., None], lr.max_value)
    assert figures["consistency"] == pytest.approx(float(expected[0]), rel=1e-2, abs=1e-3)
    page.js("document.getElementById('network').value = 'xray-fast'")


@pytest.fixture(scope="module")
def light_site(packages, tmp_path_factory):
    """The page with one light network: a GPU in software is slow."""
    from keras_srgan.demo.static_site import write_site

    folder = tmp_path_factory.mktemp("light") / "page"
    write_site(folder, ["xray-fast"], packages)
    return folder


def test_a_gpu_in_software_is_left_for_the_processor(browse, light_site, make_image, tmp_path):
    with serving(light_site) as server:
        page = Page(browse(tmp_path, *SOFTWARE_GPU), server.address, tmp_path)
        assert page.driver.execute_async_script("navigator.gpu.requestAdapter().then((a) => arguments[0](!!a))")
        assert "processor" in page.js("return window.page.ready")
        page.take(write_image(tmp_path / "chest.png", make_image(20, 24).pixels))


def test_colour_keeps_its_bicubic_chroma(page, rng, make_image, tmp_path):
    gray = make_image(40, 33).pixels
    path = write_image(tmp_path / "colour.png", np.stack([gray, gray[::-1], 255 - gray], axis=-1))
    page.take(path)
    within(read_image(page.save()).pixels, load("xray-fast").upscale(read_image(path).pixels), 1)


def test_a_faint_16_bit_image_is_stretched_as_in_python(page, make_image, tmp_path):
    faint = make_image(40, 33, dtype="uint16").pixels // 50 + 1000
    path = write_image(tmp_path / "faint.png", faint)
    assert page.take(path)["stretched"] and "stretched" in page.message
    within(read_image(page.save()).pixels, load("xray-fast").upscale(faint, stretch=True), 1)


@pytest.fixture
def inverted(tmp_path):
    """A MONOCHROME1 radiograph with a shutter, three spacings and an odd number of bytes."""
    dataset = pydicom.dcmread(DICOM_OF_PYDICOM / "examples_overlay.dcm")
    pixels = np.ascontiguousarray(dataset.pixel_array[:33, :35])
    dataset.PhotometricInterpretation, (dataset.Rows, dataset.Columns) = "MONOCHROME1", pixels.shape
    dataset.PixelData = pixels.tobytes()
    for tag in [tag for tag in dataset.keys() if tag.group == 0x6000]:  # overlays
        del dataset[tag]
    dataset.PixelSpacing, dataset.ImagerPixelSpacing = [0.1 / 3, 0.2 / 3], [0.143, 0.143]
    dataset.ShutterShape, dataset.ShutterLeftVerticalEdge, dataset.CenterOfCircularShutter = "CIRCULAR", 7, [12, 13]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-10.5, 20, 1 / 3], [1, 0, 0, 0, 0.8, 0.6]
    dataset.DerivationDescription, dataset.ImageType = "cut", ["ORIGINAL", "PRIMARY", "AXIAL"]
    path = tmp_path / "inverted.dcm"
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_RLE.dcm", "SC_rgb_small_odd.dcm", "inverted"])
def test_a_dicom_file_becomes_the_derived_object_that_python_makes(page, inverted, name):
    source = inverted if name == "inverted" else DICOM_OF_PYDICOM / name
    pixels, white, header, _ = read_dicom(source)
    page.take(source)
    made = pydicom.dcmread(page.save("dcm"))
    upscaler = load("xray-fast")
    faint = pixels.dtype.itemsize > 1 and np.ptp(pixels) / white < 0.25
    network = Network("xray-fast", upscaler.card["sha256"], "in a browser")
    expected = derive(header, [upscaler.upscale(pixels, white, stretch=faint)], network)
    within(read_again(made), read_again(expected), 1)
    equal(made, expected)
    assert made.SOPInstanceUID != header.SOPInstanceUID


NEW = {"InstanceCreationDate", "InstanceCreationTime", "ContributionDateTime", "PixelData", "SpecificCharacterSet"}


def equal(made, expected):
    """Every element says what Python's says, but the time of day and the character set."""
    assert {e.keyword for e in made} - NEW == {e.keyword for e in expected} - NEW
    for element in expected:
        if element.keyword in NEW or element.tag.is_private:
            continue
        ours = made[element.tag]
        if element.VR == "SQ":
            assert len(ours.value) == len(element.value)
            for pair in zip(ours.value, element.value, strict=True):
                equal(*pair)
        else:
            assert same(ours.value, element.value), (ours, element)


def same(found, wanted):
    if isinstance(wanted, int | float) or isinstance(wanted, pydicom.multival.MultiValue):
        try:
            return np.allclose(np.asarray(found, float), np.asarray(wanted, float), rtol=1e-9)
        except (TypeError, ValueError):
            return list(found) == list(wanted)
    return (found or "") == (wanted or "") or str(found).strip() == str(wanted).strip()


def read_again(dataset):
    """The stored numbers as they are."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        dataset.save_as(Path(folder) / "a.dcm", enforce_file_format=True)
        pixels, _, _, _ = read_dicom(Path(folder) / "a.dcm")
        return pixels


FILES = sorted(each.name for each in DICOM_OF_PYDICOM.glob("*.dcm"))
# The page's codecs know fewer forms than Python's.
REFUSED_HERE_ONLY = {
    "JPEG-lossy.dcm",
    "JPGExtended.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_jpeg.dcm",
    "SC_rgb_rle_16bit.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_the_page_reads_a_dicom_file_as_python_does_or_says_why_not(page, name):
    try:
        pixels, white, _, padding = read_dicom(DICOM_OF_PYDICOM / name)
        if padding is not None:
            pixels = padding.put_back(pixels)  # which the page leaves where it is
    except ImageError as error:
        pixels, white = None, str(error)
    found = page.read(DICOM_OF_PYDICOM / name)
    if "text" in found:
        assert found["refused"] and len(found["text"]) > 20, found
        assert pixels is None or name in REFUSED_HERE_ONLY or "codec" in str(white), found["text"]
        return
    read = np.frombuffer(base64.b64decode(found["pixels"]), f"uint{8 * found['size']}")
    shape = (found["height"], found["width"]) + ((3,) if found["channels"] == 3 else ())
    if pixels is None:
        assert "not installed" in white, white  # the page brings its codecs along
        return
    assert found["white"] == white and shape == pixels.shape
    lossy = any(each in name.lower() for each in ("jpeg", "jpg", "j2k", "jls", "dcmtk", "gdcm"))
    difference = np.abs(read.reshape(shape).astype(int) - pixels)
    assert difference.mean() <= (2 if lossy else 0), difference.max()
