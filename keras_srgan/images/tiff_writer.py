"""Writes the pages of a TIFF as they come, by tifffile."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_srgan.images.frame import Frame
from keras_srgan.images.metadata import fit, text_tags

_BIG_FROM = 2**32 - 2**25  # bytes; tifffile keeps 32 MB for what is not pixels
_STRIP_BYTES = 2**20


def write_tiff(path: Path, frames: Iterable[Frame], pages_bytes: int = 0) -> None:
    """Writes pages as they come, each compressed without loss (deflate).

    Args:
        path: the file.
        frames: the pages; the pixels are uint8, uint16, float32 or float64. Where they are `associated`, they are
            written so: no brighter than alpha.
        pages_bytes: an upper limit of the size of all pixels, in bytes; from about 4 GB on the file is a
            BigTIFF.
    """
    import tifffile  # a tenth of a second, for those who write one

    with tifffile.TiffWriter(path, bigtiff=pages_bytes > _BIG_FROM, byteorder="<") as writer:
        for frame in frames:
            page, colour = frame.pixels, frame.pixels.ndim == 3
            if frame.alpha is not None:
                alpha = frame.alpha[..., None]
                page = np.concatenate([page.reshape(*page.shape[:2], -1), alpha], axis=2)
                if frame.associated:
                    page = np.minimum(page, alpha)
            metadata, _ = fit(frame.metadata, ".tif", frame.colours)
            x, y, unit = metadata.resolution.as_tags() if metadata.resolution else (1, 1, None)
            row = page.nbytes // len(page)
            writer.write(
                page,
                photometric="rgb" if colour else "minisblack",
                planarconfig="contig" if page.ndim == 3 else None,
                extrasamples=None if frame.alpha is None else ["assocalpha" if frame.associated else "unassalpha"],
                compression="zlib",
                predictor=page.dtype.kind == "u",  # differences of neighbours pack better
                rowsperstrip=max(1, min(len(page), _STRIP_BYTES // row)),
                resolution=(x, y) if unit else None,
                resolutionunit=unit,
                iccprofile=metadata.icc,
                extratags=[(tag, 2, 0, words.encode(), True) for tag, words in text_tags(metadata.text).items()],
                contiguous=False,
                metadata=None,
                software=False,
            )
