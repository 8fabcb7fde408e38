"""DICOM: read the pixels as plain numbers, and derive an enlarged object from its source."""

from keras_srgan.images.dicom.derived import derived_dataset, write_dicom
from keras_srgan.images.dicom.read import DicomFrames, open_dicom, patient_id, read_dicom

__all__ = ["DicomFrames", "derived_dataset", "open_dicom", "patient_id", "read_dicom", "write_dicom"]
