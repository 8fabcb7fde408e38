"""The page as static files: its sources, the networks as ONNX, and what npm gave."""

import hashlib
import json
import os
import shutil
import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from keras_srgan.demo.networks import describe, export_network
from keras_srgan.version import __version__

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)
# With them a browser lets WebAssembly use threads, and refuses every other address.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
EXAMPLE = 6  # the embedded radiograph is reduced by it
GENERATED = ("index.html", "sw.js")


def write_site(folder: str | Path, weights: list[str], packages: Path | None) -> list[Path]:
    """Writes the page's files, whole or not at all.

    Args:
        folder: where; one that exists must be empty, or hold an earlier page, which is replaced.
        weights: names or files of gray networks of one scale.
        packages: what `fetch_packages` gave; `None` for a page whose network runs in the Python process that serves it.

    Returns:
        The files.

    Raises:
        ValueError: for a folder that holds something else, or networks that do not fit.
        OSError: if a file can't be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not _ours(folder):
        raise ValueError(f"{folder}: holds something else; give an empty or a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".keras-srgan-", dir=folder.parent) as temporary:
        made = Path(temporary) / "new"
        _fill(made, weights, packages)
        if folder.exists():
            os.replace(folder, Path(temporary) / "old")
        os.replace(made, folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _ours(folder: Path) -> bool:
    try:
        return "keras-srgan" in json.loads((folder / "settings.json").read_text(encoding="utf-8"))["program"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fill(made: Path, weights: list[str], packages: Path | None) -> None:
    with as_file(files("keras_srgan").joinpath("demo/page")) as page:
        shutil.copytree(page, made)
    networks = [describe(each) for each in weights]
    if len({network["scale"] for network in networks}) != 1:
        found = ", ".join(f"{network['name']} x{network['scale']}" for network in networks)
        raise ValueError(f"weights of one scale are needed; received {found}")
    if packages is not None:
        shutil.copytree(packages, made / "vendor")
        (made / "networks").mkdir()
        for given, network in zip(weights, networks, strict=True):
            network["file"] = f"networks/{network['name']}.onnx"
            (made / network["file"]).write_bytes(export_network(given))
    settings: dict[str, Any] = {
        "program": f"keras-srgan {__version__}",
        "engine": "python" if packages is None else "page",
        "networks": networks,
        "example": _example(made),
        "program_version": __version__,
        "dicom": dicom_tables(),
    }
    (made / "settings.json").write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    names = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    content = hashlib.sha256(b"".join((made / name).read_bytes() for name in names)).hexdigest()[:12]
    kept = ["./", *(name for name in names if name not in ("sw.js", "vendor/licences.txt"))]
    values = {
        "__POLICY__": POLICY,
        "__PAGE__": f"keras-srgan-{content}",
        "__FILES__": json.dumps(kept),
        "__HEADERS__": json.dumps(HEADERS),
    }
    for name in GENERATED:
        text = (made / name).read_text(encoding="utf-8")
        for mark, value in values.items():
            text = text.replace(mark, value)
        (made / name).write_text(text, encoding="utf-8")
    # For hosts that read it (Netlify, Cloudflare Pages); others do without, by the service worker.
    lines = "".join(f"  {name}: {value}\n" for name, value in HEADERS.items())
    (made / "_headers").write_text(f"/*\n{lines}", encoding="utf-8")


def dicom_tables() -> dict[str, Any]:
    """What the page must know of DICOM, from the package's own tables: attributes by tag, and classes by UID."""
    from pydicom.datadict import tag_for_keyword

    from keras_srgan.images.dicom.classes import (
        PICTURE,
        has_common_reference,
        held,
        is_enhanced,
        known_classes,
    )
    from keras_srgan.images.dicom.geometry import actions

    tags = {f"{tag_for_keyword(keyword):08X}": action for keyword, action in actions().items() if action != "keep"}
    others = {uid: what for uid in known_classes() if (what := held(uid)) != PICTURE}
    beyond = [uid for uid in known_classes() if is_enhanced(uid) or has_common_reference(uid) or not _is_secondary(uid)]
    return {"actions": tags, "others": others, "beyond": sorted(set(beyond) - set(others))}


def _is_secondary(uid: str) -> bool:
    """Whether a derived image of the class is called SECONDARY."""
    from pydicom.dataset import Dataset

    from keras_srgan.images.dicom.image_type import mark_type

    dataset = Dataset()
    dataset.SOPClassUID, dataset.ImageType = uid, ["ORIGINAL", "PRIMARY"]
    mark_type(dataset)
    return list(dataset.ImageType) == ["DERIVED", "SECONDARY"]


def _example(made: Path) -> str | None:
    """The embedded radiograph, small; nothing where pydicom-data is not installed."""
    from keras_srgan.data.sample import sample_radiograph
    from keras_srgan.images import write_image

    try:
        image = sample_radiograph(reduce=EXAMPLE)
    except FileNotFoundError:
        return None
    # Its 15 bits fill those of a PNG file, or the page would show it dark.
    write_image(made / "example.png", image.pixels * 2)
    return "example.png"
