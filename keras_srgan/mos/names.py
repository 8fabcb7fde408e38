"""The files of a judging page, checked before any work."""

from pathlib import Path


def check_names(out: str | Path, overwrite: bool = False) -> None:
    """Refuses a page's name that is none, or one where ratings may belong to the page that is there.

    Args:
        out: the page, `FILE.html`; its key goes to `FILE.key.json`.
        overwrite: whether files that exist may be replaced.

    Raises:
        ValueError: with what to give instead.
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out {out}: give a name that ends in .html")
    for each in (out, out.with_suffix(".key.json")):
        if each.exists() and not overwrite:
            raise ValueError(f"{each}: exists, and ratings may belong to it; give --overwrite or another --out")
