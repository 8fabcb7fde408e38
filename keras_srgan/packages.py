"""Optional packages: whether they are there, and what to install."""

import importlib.util
import sys


def installed(*packages: str) -> bool:
    """Whether all these packages are there; nothing is imported."""
    return all(sys.modules.get(each) or importlib.util.find_spec(each) for each in packages)


def require(what: str, extra: str, *packages: str) -> None:
    """Checks that packages are installed.

    Args:
        what: what needs them, as `"--ray"`.
        extra: the extra of keras-srgan that brings them.
        packages: names that are imported.

    Raises:
        ValueError: naming all of them, whichever is missing, and what to install.
    """
    if not installed(*packages):
        raise ValueError(f"{what} needs {' and '.join(packages)}: pip install 'keras-srgan[{extra}]'")
