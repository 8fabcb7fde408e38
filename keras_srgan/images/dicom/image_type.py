"""Image Type and Frame Type of a derived image, and what goes with them."""

from pydicom.dataset import Dataset

from keras_srgan.images.dicom.classes import is_enhanced, is_primary, needs_third_value

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
# The standard lets these stand in a derived image since 2020; validators of before that refuse them.
_PULSE_SEQUENCE = (
    "BulkMotionCompensationTechnique",
    "PulseSequenceName",
    "MRAcquisitionType",
    "EchoPulseSequence",
    "MultipleSpinEcho",
    "MultiPlanarExcitation",
    "PhaseContrast",
    "TimeOfFlightContrast",
    "SteadyStatePulseSequence",
    "EchoPlanarPulseSequence",
    "SaturationRecovery",
    "SpectrallySelectedSuppression",
    "OversamplingPhase",
    "GeometryOfKSpaceTraversal",
    "RectilinearPhaseEncodeReordering",
    "SegmentedKSpaceTraversal",
    "CoverageOfKSpace",
    "NumberOfKSpaceTrajectories",
)


def derived_type(kind, primary: bool) -> list[str]:
    """The type of the derived image: its second value where a SOP class knows PRIMARY only, and its own otherwise."""
    kinds = [kind] if isinstance(kind, str) else list(kind or [])
    return ["DERIVED", "PRIMARY" if primary else "SECONDARY", *kinds[2:]]


def mark_type(dataset: Dataset) -> list[str]:
    """Gives a header the type of a derived image, in place.

    Args:
        dataset: The header.

    Returns:
        Notes on what such an image cannot say.
    """
    uid = str(dataset.SOPClassUID)
    kinds = derived_type(dataset.get("ImageType"), is_primary(uid))
    if len(kinds) == 2 and needs_third_value(uid):
        kinds.append("RESAMPLED")
    original = "DERIVED" not in (dataset.get("ImageType") or [])
    dataset.ImageType = kinds
    if not is_enhanced(uid):
        return []
    # What kind of frame it is stands in a sequence of its group, named after the modality.
    groups = [group for name in _GROUPS for group in dataset.get(name) or []]
    for item in [item for group in groups for each in group if each.VR == "SQ" for item in each.value]:
        if "FrameType" in item:
            item.FrameType = derived_type(item.FrameType, True)
    dropped = [name for name in _PULSE_SEQUENCE if name in dataset and original]
    for name in dropped:
        del dataset[name]
    return [f"dropped, for original images only: {', '.join(dropped)}"] if dropped else []
