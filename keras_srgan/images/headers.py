"""What is known of an image before it is decoded, and the error for one that cannot be used."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from keras_srgan.images import tiff

MAX_PIXELS = 2**28  # larger images are refused before they are decoded: a small file can claim any size


class ImageError(ValueError):
    """An image that cannot be used. The message is one line: which file, what was found, what to do.

    Example:

    >>> _ = open("empty.png", "wb").close()
    >>> try:
    ...     keras_srgan.read_image("empty.png")
    ... except ImageError as error:
    ...     print(error)
    empty.png: ...
    """


class Facts(NamedTuple):
    """What the header says of one image, before decoding."""

    format: str
    height: int
    width: int
    maybe_gray: bool = False  # OpenCV gives colour for a palette or for gray with alpha
    orientation: int = 1  # as EXIF counts it
    bits: int = 8
    palette: bool = False
    page: tiff.Directory | None = None
    clear: tuple[int, ...] = ()  # PNG's one value, or colour, that is transparent


def one_line(error: object, limit: int = 200) -> str:
    """The text of an error on one line.

    Args:
        error: An exception or anything with a text.
        limit: Longest text returned, in characters.

    Returns:
        The text, its white space and what cannot be printed collapsed, cut to `limit`.
    """
    shown = "".join(each if each.isprintable() else " " for each in str(error))
    text = " ".join(shown.split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."


@contextlib.contextmanager
def naming(path: str | os.PathLike, describe: Callable[[Exception], str], *passed: type[Exception]) -> Iterator[None]:
    """Makes every error inside an ImageError that names the file.

    Args:
        path: The file.
        describe: Function from another error than ImageError to what is said of it.
        passed: Kinds of errors that stay what they are.
    """
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{path}: {one_line(error, 400)}") from None
    except passed:
        raise
    except Exception as error:
        raise ImageError(f"{path}: {describe(error)}") from error


def check_size(height: int, width: int, max_pixels: int | None = None) -> None:
    """Refuse an image that is empty or larger than a limit.

    Args:
        height: Rows.
        width: Columns.
        max_pixels: The limit. Defaults to `MAX_PIXELS`.

    Raises:
        ImageError: If it is.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    if height <= 0 or width <= 0:
        raise ImageError(f"the header gives {height}x{width} pixels; the file is damaged, get it again")
    if height * width > limit:
        raise ImageError(
            f"{height}x{width} pixels, more than the limit of {limit}; raise it or cut the image into parts"
        )
