"""What logs and pages may say of an instance: a hash of its UID, and a reason without values from its header."""

import hashlib
import logging
import os
import sys
import warnings

from keras_srgan.images import ImageError

LOG = logging.getLogger("keras_srgan.pacs")


def pseudonym(uid: str) -> str:
    """A short name for a UID: 12 hexadecimal digits of its sha256.

    Args:
        uid: a DICOM UID.

    Returns:
        The name. The same UID has the same name; who knows a UID can compute its name, not the other way round.
    """
    return hashlib.sha256(str(uid).strip("\0 ").encode("utf-8", "replace")).hexdigest()[:12]


def reason(error: BaseException, *paths: str | os.PathLike) -> str:
    """Why an instance failed, in words that hold nothing from its header.

    Args:
        error: what was raised. An error of a DICOM reader or codec may quote the header: only its kind is named.
        paths: files whose names are left out.

    Returns:
        One line.
    """
    if isinstance(error, ImageError) and error.__cause__ is not None:
        return f"unreadable DICOM ({type(error.__cause__).__name__})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if not isinstance(error, (ImageError, OSError)):
        return type(error).__name__
    text = " ".join(str(error).split())
    for path in paths:
        text = text.removeprefix(f"{path}: ").replace(str(path), "the file")
    return text


def log_to_stderr(verbose: bool) -> None:
    """Sends the command's log to standard error and keeps the libraries, which name UIDs and values, out of it.

    Args:
        verbose: also what names UIDs and quotes errors.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.DEBUG if verbose else logging.INFO)
    if not verbose:
        for name in ("pydicom", "pynetdicom", "dicomweb_client", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        warnings.simplefilter("ignore")
