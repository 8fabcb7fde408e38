"""Objects that hold pictures, and those that do not."""

import numpy as np
import pytest
from pydicom.uid import UID, UID_dictionary, generate_uid

from keras_srgan.images import ImageError, read_image
from keras_srgan.images.dicom.classes import held, is_enhanced
from keras_srgan.images.frames import open_frames

from .conftest import radiograph, saved

LABELS = np.random.default_rng(5).choice(np.array([0, 1, 5], np.uint8), (8, 9))


def storage_classes() -> dict[str, str]:
    storage = {uid: row[4] for uid, row in UID_dictionary.items() if row[1] == "SOP Class" and "Storage" in row[0]}
    return {uid: name for uid, name in storage.items() if "StorageCommitment" not in name}


def test_every_storage_class_of_the_standard_is_decided():
    assert [name for uid, name in storage_classes().items() if held(uid) is None] == []


@pytest.mark.parametrize(
    "name, word",
    [
        ("SegmentationStorage", "labels"),
        ("RTDoseStorage", "doses"),
        ("ParametricMapStorage", "a map"),
        ("TwelveLeadECGWaveformStorage", "waveforms"),
        ("EncapsulatedPDFStorage", "a document"),
        ("GrayscaleSoftcopyPresentationStateStorage", "a presentation state"),
        ("VLWholeSlideMicroscopyImageStorage", "tiles"),
    ],
)
def test_objects_that_are_no_pictures_are_refused_with_what_they_hold(tmp_path, name, word):
    uid = next(uid for uid, keyword in storage_classes().items() if keyword == name)
    path = saved(tmp_path, radiograph(LABELS, 8, SOPClassUID=uid))
    for read in (read_image, open_frames):
        with pytest.raises(ImageError, match=word) as caught:
            read(path)
        assert name.removesuffix("Storage") in str(caught.value) and str(path) in str(caught.value)


def test_pictures_are_read_without_a_word(tmp_path):
    for uid, name in storage_classes().items():
        if held(uid) == "picture":
            frames = open_frames(saved(tmp_path, radiograph(LABELS, 8, SOPClassUID=uid)))
            assert len(list(frames)) == 1 and not frames.notes, name


def test_unknown_class_is_read_with_a_note(tmp_path):
    frames = open_frames(saved(tmp_path, radiograph(LABELS, 8, SOPClassUID=generate_uid())))
    assert len(list(frames)) == 1 and "class that is not known" in frames.notes[0]


def test_enhanced_classes_are_those_with_functional_groups():
    assert is_enhanced(UID("1.2.840.10008.5.1.4.1.1.4.1")) and is_enhanced("1.2.840.10008.5.1.4.1.1.13.1.3")
    assert not is_enhanced("1.2.840.10008.5.1.4.1.1.4") and not is_enhanced("1.2.3")
