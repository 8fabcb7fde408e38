"""DICOM: read the pixels as plain numbers, and derive an enlarged object from its source."""

from keras_srgan.images.dicom.derived import derive, derived_header, write_derived, write_dicom
from keras_srgan.images.dicom.identity import Network
from keras_srgan.images.dicom.read import DicomFrames, open_dicom, patient_id, read_dicom

__all__ = [
    "DicomFrames",
    "Network",
    "derive",
    "derived_header",
    "open_dicom",
    "patient_id",
    "read_dicom",
    "write_derived",
    "write_dicom",
]
