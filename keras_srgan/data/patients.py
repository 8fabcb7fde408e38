"""Whose image it is: by a table, by a pattern, by the DICOM header, or by the layout of a public set."""

import csv
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath, PurePosixPath
from typing import Any

from pydicom.dataset import Dataset

from keras_srgan.images.dicom import patient_id

# How public sets put the patient into a file's name, without its extension.
_NAMES = (
    re.compile(r"(\d{8})_\d{3}$"),  # NIH ChestX-ray14: 00000310_001
    re.compile(r"(person\d+)_(?:bacteria|virus)_\d+$"),  # Kermany et al., pneumonia
    re.compile(r"((?:NORMAL2-)?IM-\d+)-\d+(?:-\d+)?$"),  # Kermany et al., normal
    re.compile(r"((?:CXR)?\d+)_(?:\d+_)?IM-\d+-\d+(?:\.dcm)?$"),  # Indiana (Open-i): CXR12_IM-0253-1001
    re.compile(r"((?:CHN|MCU)CXR_\d{4})_[01]$"),  # Shenzhen and Montgomery, one view a patient
    re.compile(r"(JPC[LN]N\d{3})$"),  # JSRT, one view a patient
    re.compile(r"(p1\d{7})[_-]s\d{8}(?:[_-].*)?$"),  # MIMIC-CXR, with its folders in the name
    re.compile(r"\d{8}_([0-9a-f]{16})_MG_[LR]_"),  # INbreast
    re.compile(r"(?:Mass|Calc)-(?:Training|Test)_(P_\d{5})_"),  # CBIS-DDSM
    re.compile(r"(9\d{6})_?[LR]?(?:_\d)?$"),  # Osteoarthritis Initiative: 9000099L
    re.compile(r"(LIDC-IDRI-\d{4})"),
    re.compile(r"((?:patient|subject|sub)[-_ ]?\d+)(?:[-_ ].*)?$", re.IGNORECASE),
    re.compile(r"(sub-[A-Za-z0-9]+)_"),  # BIDS
)

# How they put it into the name of a folder above; the nearest to the file counts.
_FOLDERS = (
    re.compile(r"((?:patient|subject|pat|subj|sub|pt)[-_ ]?\d+)$", re.IGNORECASE),  # CheXpert, MURA: patient00001
    re.compile(r"(p1\d{7})$"),  # MIMIC-CXR: p10/p10000032/s50414267
    re.compile(r"(sub-[A-Za-z0-9]+)$"),  # BIDS, BIMCV-COVID19
    re.compile(r"(id_[0-9a-f]{8}-[0-9a-f-]{27})$"),  # BRAX
    re.compile(r"(LIDC-IDRI-\d{4})$"),
    re.compile(r"(?:Mass|Calc)-(?:Training|Test)_(P_\d{5})_"),  # CBIS-DDSM
)

# Column titles, letters only, of the tables that public sets come with.
_FILE = ("imageindex", "image", "file", "filename", "path", "imageid", "imagepath", "name", "dicomid", "img")
_PATIENT = ("patientid", "patient", "subjectid", "subject", "personid", "person", "participantid", "participant", "pid")


def patient_of(path: str | os.PathLike, dicom_header: Dataset | None = None) -> str | None:
    """The patient an image belongs to, as far as its header, its name or its folders tell.

    Args:
        path: The file, as it lies below the folder of images: the folders above that one tell nothing.
        dicom_header: Its DICOM header, which goes first.

    Returns:
        An identifier, or `None` where unknown.

    Example:

    >>> patient_of("train/patient00007/study1/view1_frontal.jpg")
    'patient00007'
    """
    if dicom_header is not None and (patient := patient_id(dicom_header)):
        return patient
    place = PurePath(path)
    if match := next((match for name in _NAMES if (match := name.match(place.stem))), None):
        return match[1].lower() if match.re.flags & re.IGNORECASE else match[1]
    for folder in reversed(place.parts[:-1]):
        if match := next((match for name in _FOLDERS if (match := name.match(folder))), None):
            return match[1].lower() if match.re.flags & re.IGNORECASE else match[1]
    return None


class Patients:
    """Finds the patients of a folder's images.

    Args:
        table: A CSV file of images and patients: with titles, as the tables of public sets have them (`Image Index`
            and `Patient ID`; `path` and `patient`), or without, the image first. An image is named by its path, by the
            end of it, or by its name, with or without extension.
        pattern: A regular expression that is searched in the path below the folder, with `/` between parts; its first
            group, or all that it matches, is the patient.

    The table goes first, then the pattern, then `patient_of`.

    Raises:
        OSError: If the table can't be read.
        ValueError: If it is no such table, or the pattern is none.
    """

    def __init__(self, table: str | os.PathLike | None = None, pattern: str | None = None):
        self.table, self._known = table, _read_table(table) if table else {}
        self.matched = 0
        try:
            self.pattern = re.compile(pattern) if pattern else None
        except re.error as error:
            raise ValueError(f"--group {pattern}: not a regular expression ({error})") from None

    def of(self, path: PurePath, dicom_header: Dataset | None = None) -> str | None:
        """The patient of an image.

        Args:
            path: Its path below the folder of images.
            dicom_header: Its DICOM header.
        """
        place = PurePosixPath(path.as_posix())
        if found := self._of_table(place):
            self.matched += 1
            return found
        if self.pattern and (match := self.pattern.search(place.as_posix())):
            self.matched += 1
            return next((each for each in match.groups() if each), match[0])
        return patient_of(path, dicom_header)

    def _of_table(self, place: PurePosixPath) -> str | None:
        for key in tails(place):
            if key in self._known:
                return self._known[key]  # `None`: the name alone does not tell
        return None

    def check(self, images: int) -> None:
        """Refuses a table or a pattern that said nothing of any image.

        Args:
            images: How many there were.
        """
        what = f"--patients {self.table}" if self.table else f"--group {self.pattern.pattern}" if self.pattern else ""
        if what and not self.matched:
            raise ValueError(f"{what}: fits none of {images} images; it is compared with their paths below the folder")


def tails(place: PurePosixPath) -> Iterable[str]:
    """A path and its ends, longest first, each with and without extension: what a table may call it."""
    for start in range(len(place.parts)):
        tail = PurePosixPath(*place.parts[start:])
        yield tail.as_posix()
        yield tail.with_suffix("").as_posix()


def _read_table(path: str | os.PathLike) -> dict[str, str | None]:
    """Patients by every end of their images' paths; `None` where an end is that of two patients."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        text = file.read()
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4096], ",;\t")
    except csv.Error:
        dialect = csv.excel
    rows = [row for row in csv.reader(text.splitlines(), dialect) if any(each.strip() for each in row)]
    if not rows or min(map(len, rows)) < 2:
        raise ValueError(f"{path}: not a table of images and patients; give two columns, with or without titles")
    titles = ["".join(each.lower() for each in title if each.isalnum()) for title in rows[0]]
    image, patient = _column(titles, _FILE), _column(titles, _PATIENT)
    if (image is None) != (patient is None) or (image is None and len(rows[0]) > 2):
        raise ValueError(
            f"{path}: the columns {', '.join(rows[0][:6])} name no image and patient; title them path and patient"
        )
    known: dict[str, str | None] = {}
    for row in rows[0 if image is None else 1 :]:
        name, who = row[image or 0].strip(), row[1 if patient is None else patient].strip()
        if name and who:
            for key in tails(PurePosixPath(name.replace("\\", "/").lstrip("/"))):
                known[key] = who if known.get(key, who) == who else None
    return known


def _column(titles: Sequence[str], names: Sequence[str]) -> int | None:
    return next((titles.index(name) for name in names if name in titles), None)
