"""Lengths and places in a header: each one is true of the enlarged grid, or refused by name."""

import numpy as np
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from keras_srgan.images import ImageError
from keras_srgan.images.dicom import derive, derived_header
from keras_srgan.images.dicom.geometry import actions

from .conftest import back, enlarged, radiograph

STORED = np.random.default_rng(5).integers(0, 4096, (20, 30), dtype=np.uint16)
WORDS = "Spacing Position Pixel Row Column Shift Size Vertices Edge Center Radius Delta".split()
KNOWN = "divide times first last annotation position value drop refuse other writer keep".split()


def item(**elements) -> Dataset:
    dataset = Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


def sequence(**elements) -> Sequence:
    return Sequence([item(**elements)])


@pytest.fixture
def moved(tmp_path):
    """The derived object of a source with these elements, four times larger."""
    return lambda scale=4, **elements: back(tmp_path, radiograph(STORED, 12, **elements), scale)[1]


def test_every_attribute_of_the_standard_that_sounds_like_a_place_is_decided():
    names = {keyword for _, _, _, _, keyword in DicomDictionary.values() if any(word in keyword for word in WORDS)}
    assert sorted(names - set(actions())) == []


def test_the_table_names_attributes_of_the_standard_and_known_actions():
    standard = {keyword for _, _, _, _, keyword in DicomDictionary.values()}
    assert set(actions()) <= standard and set(actions().values()) <= set(KNOWN)


def test_numbers_alone_are_scaled():
    numeric = ("DS", "IS", "FL", "FD", "US", "SS", "UL", "SL")
    kinds = {keyword: vr for vr, _, _, _, keyword in DicomDictionary.values()}
    scaled = [name for name, action in actions().items() if action in KNOWN[:7]]
    assert [name for name in scaled if kinds[name] not in numeric] == []


def test_rt_image_spacing_and_position_follow(moved):
    written = moved(ImagePlanePixelSpacing=[0.4, 0.4], RTImagePosition=[-4, 5])
    assert [float(v) for v in written.ImagePlanePixelSpacing] == pytest.approx([0.1, 0.1])
    assert [float(v) for v in written.RTImagePosition] == pytest.approx([-4.15, 5.15])


def test_rt_image_position_goes_by_its_orientation(moved):
    written = moved(ImagePlanePixelSpacing=[0.4, 0.8], RTImagePosition=[0, 0], RTImageOrientation=[0, 1, 0, 1, 0, 0])
    assert [float(v) for v in written.RTImagePosition] == pytest.approx([-0.15, -0.3])


def test_functional_groups_of_enhanced_angiography_follow(moved):
    shutter = item(ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge=3, ShutterRightVerticalEdge=28)
    group = item(
        FramePixelDataPropertiesSequence=sequence(ImagerPixelSpacing=[0.2, 0.4]),
        FrameDisplayShutterSequence=Sequence([shutter]),
        FramePixelShiftSequence=sequence(MaskSubPixelShift=[0.5, -1.25]),
        ProjectionPixelCalibrationSequence=sequence(ObjectPixelSpacingInCenterOfBeam=[0.2, 0.2]),
    )
    written = moved(SharedFunctionalGroupsSequence=[item()], PerFrameFunctionalGroupsSequence=[group])
    after = written.PerFrameFunctionalGroupsSequence[0]
    assert list(after.FramePixelDataPropertiesSequence[0].ImagerPixelSpacing) == [0.05, 0.1]
    assert after.FrameDisplayShutterSequence[0].ShutterLeftVerticalEdge == 12
    assert after.FrameDisplayShutterSequence[0].ShutterRightVerticalEdge == 112
    assert list(after.FramePixelShiftSequence[0].MaskSubPixelShift) == [2, -5]
    calibrated = after.ProjectionPixelCalibrationSequence[0].ObjectPixelSpacingInCenterOfBeam
    assert list(calibrated) == pytest.approx([0.05, 0.05])


def test_volume_position_of_enhanced_ultrasound_moves(moved):
    written = moved(
        SharedFunctionalGroupsSequence=[
            item(
                PixelMeasuresSequence=sequence(PixelSpacing=[0.4, 0.8]),
                PlaneOrientationVolumeSequence=sequence(ImageOrientationVolume=[1, 0, 0, 0, 1, 0]),
            )
        ],
        PerFrameFunctionalGroupsSequence=[item(PlanePositionVolumeSequence=sequence(ImagePositionVolume=[1, 2, 3]))],
    )
    place = written.PerFrameFunctionalGroupsSequence[0].PlanePositionVolumeSequence[0].ImagePositionVolume
    assert list(place) == pytest.approx([1 - 0.3, 2 - 0.15, 3])


def test_detector_positions_of_nuclear_medicine_move_by_the_spacing_outside(moved):
    detector = item(ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    written = moved(PixelSpacing=[4, 4], DetectorInformationSequence=[detector])
    place = written.DetectorInformationSequence[0].ImagePositionPatient
    assert [float(v) for v in place] == [-1.5, -1.5, 0]


def test_ultrasound_regions_keep_what_they_measure(moved):
    region = item(
        RegionLocationMinX0=2,
        RegionLocationMinY0=0,
        RegionLocationMaxX1=29,
        RegionLocationMaxY1=19,
        PhysicalUnitsXDirection=3,
        PhysicalDeltaX=0.04,
        PhysicalDeltaY=-0.02,
        ReferencePixelX0=10,
        ReferencePixelY0=5,
        ReferencePixelPhysicalValueX=1.0,
        ReferencePixelPhysicalValueY=2.0,
    )
    after = moved(SequenceOfUltrasoundRegions=[region]).SequenceOfUltrasoundRegions[0]
    assert (after.RegionLocationMinX0, after.RegionLocationMinY0) == (8, 0)
    assert (after.RegionLocationMaxX1, after.RegionLocationMaxY1) == (119, 79)
    assert (after.PhysicalDeltaX, after.PhysicalDeltaY) == pytest.approx((0.01, -0.005))

    def corner(one, axis):  # of the image
        delta = one[f"PhysicalDelta{axis}"].value
        return one[f"ReferencePixelPhysicalValue{axis}"].value - (one[f"ReferencePixel{axis}0"].value + 0.5) * delta

    assert [corner(after, axis) for axis in "XY"] == pytest.approx([corner(region, axis) for axis in "XY"])


def test_graphic_annotations_in_pixels_follow_and_others_stay(moved):
    pixels = item(GraphicAnnotationUnits="PIXEL", GraphicData=[1.5, 2, 3, 4])
    display = item(GraphicAnnotationUnits="DISPLAY", GraphicData=[0.25, 0.5])
    text = item(AnchorPointAnnotationUnits="PIXEL", AnchorPoint=[2, 3])
    annotation = item(GraphicObjectSequence=[pixels, display], TextObjectSequence=[text])
    after = moved(GraphicAnnotationSequence=[annotation]).GraphicAnnotationSequence[0]
    assert list(after.GraphicObjectSequence[0].GraphicData) == [6, 8, 12, 16]
    assert list(after.GraphicObjectSequence[1].GraphicData) == [0.25, 0.5]
    assert list(after.TextObjectSequence[0].AnchorPoint) == [8, 12]


def test_what_tells_of_another_object_stays(moved):
    before = item(ModifiedAttributesSequence=sequence(PixelSpacing=[1, 1]))
    after = moved(PixelSpacing=[2, 2], OriginalAttributesSequence=[before])
    assert list(after.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PixelSpacing) == [1, 1]
    assert list(after.PixelSpacing) == [0.5, 0.5]


def test_position_without_orientation_stays_and_is_named(moved):
    written = moved(ImagePositionPatient=[1, 2, 3], PixelSpacing=[1, 1])
    assert list(written.ImagePositionPatient) == [1, 2, 3]
    assert any("ImagePositionPatient stays" in note for note in written.notes)


def test_numbers_that_outgrow_their_kind_are_refused_by_name():
    for name, value in (("VerticesOfTheRegion", [9000, 9000]), ("SubjectLocation", [2**30, 1])):
        with pytest.raises(ImageError, match=name):
            derived_header(radiograph(STORED, 12, **{name: value}), 4)


def test_maps_from_single_pixels_are_refused_by_name():
    nested = item(TwoDimensionalToThreeDimensionalMapSequence=[Dataset()])
    with pytest.raises(ImageError, match="TwoDimensionalToThreeDimensionalMapSequence"):
        derived_header(radiograph(STORED, 12, OphthalmicFrameLocationSequence=[nested]), 4)


def with_overlay(dataset: Dataset, bits: np.ndarray, origin, group: int = 0x6000) -> Dataset:
    packed = np.packbits(bits, bitorder="little").tobytes()
    dataset.add_new((group, 0x0010), "US", bits.shape[0])
    dataset.add_new((group, 0x0011), "US", bits.shape[1])
    dataset.add_new((group, 0x0040), "CS", "G")
    dataset.add_new((group, 0x0050), "SS", origin)
    dataset.add_new((group, 0x0100), "US", 1)
    dataset.add_new((group, 0x0102), "US", 0)
    dataset.add_new((group, 0x1301), "IS", int(bits.sum()))
    dataset.add_new((group, 0x1302), "DS", 5)
    dataset.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
    return dataset


@pytest.mark.parametrize("scale", [2, 3])
def test_overlays_are_enlarged_with_the_image(scale):
    bits = np.random.default_rng(2).integers(0, 2, (7, 9), dtype=np.uint8)
    source = with_overlay(radiograph(STORED, 12), bits, [3, -1], 0x6002)
    written = derive(source, [enlarged(STORED, scale)])
    np.testing.assert_array_equal(written.overlay_array(0x6002), enlarged(bits, scale))
    assert list(written[0x6002, 0x0050].value) == [2 * scale + 1, -2 * scale + 1]
    assert written[0x6002, 0x1301].value == bits.sum() * scale**2 and (0x6002, 0x1302) not in written


def test_overlay_in_the_upper_bits_of_the_pixels_is_dropped_by_name():
    source, notes = radiograph(STORED, 12), []
    source.add_new(0x60000010, "US", 20)
    source.add_new(0x60000011, "US", 30)
    source.add_new(0x60000100, "US", 16)
    source.add_new(0x60000102, "US", 12)
    assert 0x60000010 not in derived_header(source, 4, notes=notes)
    assert any("overlay 6000" in note for note in notes)


def test_curves_on_the_image_are_dropped_by_name_and_signals_stay():
    source, notes = radiograph(STORED, 12), []
    for group, kind in ((0x5000, "POLY"), (0x5002, "ECG")):
        source.add_new((group, 0x0020), "CS", kind)
        source.add_new((group, 0x3000), "OW", b"\1\0\2\0")
    written = derived_header(source, 4, notes=notes)
    assert (0x5000, 0x3000) not in written and (0x5002, 0x3000) in written
    assert any("curve 5000 (POLY)" in note for note in notes)


def test_dropped_statements_are_named():
    notes: list[str] = []
    derived_header(radiograph(STORED, 12, SmallestImagePixelValue=0, HistogramSequence=[Dataset()]), 4, notes=notes)
    assert notes == ["dropped, untrue of the new pixels: SmallestImagePixelValue, HistogramSequence"]
