"""What a derived object says of itself: its UIDs, its source, what made it, and that it is synthetic."""

import datetime
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from keras_srgan.images.dicom.classes import has_common_reference, has_general_image, is_enhanced
from keras_srgan.images.dicom.image_type import mark_type
from keras_srgan.images.dicom.repair import usable_uid
from keras_srgan.version import __version__

UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_NOTE = "Enlarged {scale:g} times by keras-srgan; fine detail is estimated; not for diagnostic use"


@dataclass(frozen=True)
class Network:
    """What enlarged the pixels. It is written into the object, and its UIDs are made from it.

    Args:
        weights: Name of the weights.
        sha256: Their sha256; what `keras_srgan.weights.identity(card)` gives.
        settings: Whatever else decides the pixels, as a text; empty for the defaults.

    Example:

    >>> Network("xray-srgan-plus", "0" * 64, "ensemble").settings
    'ensemble'
    """

    weights: str
    sha256: str
    settings: str = ""


def code(value: str, meaning: str) -> Dataset:
    """An item of a code sequence, from DICOM's own codes (PS3.16)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def mark_derived(dataset: Dataset, scale: float, network: Network | None, digest: str | None) -> list[str]:
    """Gives a copy of a source's header the identity and the provenance of the enlarged object, in place.

    UIDs are made from the source's and the network's, so that the same work done twice gives the same object. A
    source UID that is empty or no UID at all, as in de-identified files, is replaced by one made from the source's
    digest, and is not referred to.

    Args:
        dataset: A header, repaired.
        scale: How many times larger.
        network: What enlarged it; `None` gives an instance UID of its own each time.
        digest: A hash of the whole source; `None` where it is not known: what it replaces then differs each time.

    Returns:
        Notes, one line each.
    """
    notes = []
    note, resampled = _NOTE.format(scale=scale), [code("113085", "Spatial resampling")]
    if usable_uid(dataset.get("SOPClassUID")) is None:
        dataset.SOPClassUID = SecondaryCaptureImageStorage
        dataset.setdefault("ConversionType", "WSD")
        notes.append("a Secondary Capture, for the source names no SOP class")
    lacking = [name for name in UIDS if usable_uid(dataset.get(name)) is None]
    if lacking:
        notes.append(f"{', '.join(lacking)} of the source: nothing that names it; made anew")
    reference = None
    if "SOPInstanceUID" in lacking:
        notes.append("no reference to the source, which has no SOPInstanceUID")
    else:
        reference = _reference(dataset)
    uid = str(dataset.SOPClassUID)
    groups = is_enhanced(uid) and bool(dataset.get("SharedFunctionalGroupsSequence"))
    if groups:
        _mark_groups(dataset, reference, resampled, note)
        dataset.pop("SourceImageEvidenceSequence", None)
        if not lacking:
            dataset.SourceImageEvidenceSequence = [_evidence(dataset)]
    if not groups or has_general_image(uid):
        dataset.DerivationCodeSequence = resampled
        dataset.pop("SourceImageSequence", None)
        if reference is not None:
            dataset.SourceImageSequence = [reference]
    if has_common_reference(uid) and not lacking:
        _add_common_reference(dataset)
    notes += mark_type(dataset)
    _give_uids(dataset, scale, network, digest)
    earlier = str(dataset.get("DerivationDescription") or "")
    dataset.DerivationDescription = "; ".join(filter(None, (note, earlier)))[:1024]
    dataset.SyntheticData = "YES"
    dataset.pop("InstanceCreatorUID", None)  # the device that made the source
    described = str(dataset.get("SeriesDescription") or "").strip()
    ending = f"x{scale:g} keras-srgan"
    dataset.SeriesDescription = f"{described[: 63 - len(ending)]} {ending}".strip()
    number = dataset.get("SeriesNumber")
    if isinstance(number, int) and 0 <= number < 10**8:  # 504 is series 5, four times larger
        dataset.SeriesNumber = 100 * number + round(scale)
    _add_equipment(dataset, note, network)
    now = datetime.datetime.now()
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    return notes


def _give_uids(dataset: Dataset, scale: float, network: Network | None, digest: str | None) -> None:
    """One series a source series, network and scale; the study stays."""
    source, study, series = (usable_uid(dataset.get(name)) for name in UIDS)
    content = digest or generate_uid()
    if study is None:
        dataset.StudyInstanceUID = generate_uid(entropy_srcs=["keras-srgan", "study", content])
    # Patient and study tell series apart whose UIDs were all replaced by one, and numbers their images.
    origin = [str(dataset.get("PatientID") or ""), str(dataset.StudyInstanceUID), str(series or content), f"{scale:g}"]
    made = ["", "", ""] if network is None else [network.weights, network.sha256, network.settings]
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["keras-srgan", "series", *origin, *made])
    number = str(dataset.get("InstanceNumber") or "")
    instance = ["keras-srgan", "instance", str(source or content), number, *origin, *made]
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=None if network is None else instance)


def _add_equipment(dataset: Dataset, note: str, network: Network | None) -> None:
    """What changed the image, after whatever changed it before (PS3.3, C.12.1; PS3.16, CID 7005)."""
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [code("109102", "Processing Equipment")]
    item.Manufacturer, item.ManufacturerModelName = "The keras-srgan authors", "keras-srgan"
    versions = [f"keras-srgan {__version__}"]
    if network is not None:
        # A sha256 fills the 64 characters of a value.
        versions += [network.weights[:64], network.sha256[:64]]
        made = f"weights {network.weights}, sha256 {network.sha256}"
        note = "; ".join(filter(None, (note, made, network.settings)))
    item.SoftwareVersions = versions
    item.ContributionDateTime = datetime.datetime.now().strftime("%Y%m%d%H%M%S")
    item.ContributionDescription = note[:1024]
    earlier = dataset.get("ContributingEquipmentSequence") or []
    dataset.ContributingEquipmentSequence = [*earlier, item]


def _reference(dataset: Dataset) -> Dataset:
    source = Dataset()
    source.ReferencedSOPClassUID = dataset.SOPClassUID
    source.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    source.PurposeOfReferenceCodeSequence = [code("121322", "Source image for image processing operation")]
    return source


def _mark_groups(dataset: Dataset, source: Dataset | None, resampled: list[Dataset], note: str) -> None:
    """The same for an enhanced multi-frame object, which says it in its functional groups."""
    derivation = Dataset()
    derivation.DerivationDescription = note
    derivation.DerivationCodeSequence = resampled
    derivation.SourceImageSequence = [] if source is None else [source]
    for group in dataset.get("PerFrameFunctionalGroupsSequence") or []:
        group.pop("DerivationImageSequence", None)
    dataset.SharedFunctionalGroupsSequence[0].DerivationImageSequence = [derivation]


def _evidence(dataset: Dataset) -> Dataset:
    """The source by its study and series."""
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID = dataset.SOPClassUID
    instance.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    series.ReferencedSOPSequence = [instance]
    series.SeriesInstanceUID = dataset.SeriesInstanceUID
    study.ReferencedSeriesSequence = [series]
    study.StudyInstanceUID = dataset.StudyInstanceUID
    return study


def _add_common_reference(dataset: Dataset) -> None:
    """The source among the instances of its own study that are referred to (C.12.2)."""
    instance, series = Dataset(), Dataset()
    instance.ReferencedSOPClassUID = dataset.SOPClassUID
    instance.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    series.ReferencedInstanceSequence = [instance]
    series.SeriesInstanceUID = dataset.SeriesInstanceUID
    dataset.ReferencedSeriesSequence = [*(dataset.get("ReferencedSeriesSequence") or []), series]
