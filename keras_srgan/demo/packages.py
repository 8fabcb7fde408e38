"""The page's JavaScript packages: fetched by npm at the versions and hashes of `npm/`, kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

RUNTIME = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
)
MINUTES = 10  # for a slow network
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
BUNDLE = (
    "vendor.js",
    *("--bundle", "--minify", "--format=esm", "--platform=browser", "--target=es2022", "--define:window=self"),
    *("--external:fs", "--external:path", "--external:crypto", "--alias:browser-or-node=./environment.js"),
    *("--log-level=error", "--outfile=made/vendor.js"),
)


def cache_folder() -> Path:
    """The user's folder for files that can be fetched again."""
    if named := os.environ.get("KERAS_SRGAN_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "keras-srgan" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "keras-srgan"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "keras-srgan"


def fetch_packages() -> Path:
    """Gives the folder of the page's packages; fetches them when first asked.

    Returns:
        A folder with ONNX Runtime Web, `vendor.js` (DICOM and PNG) and `licences.txt`.

    Raises:
        RuntimeError: if npm is not installed or cannot fetch them, with what to do.
    """
    wanted = files("keras_srgan").joinpath("demo/npm")
    sources = {each.name: each.read_bytes() for each in wanted.iterdir()}
    digest = hashlib.sha256(repr((sorted(sources.items()), RUNTIME, BUNDLE)).encode()).hexdigest()[:16]
    target = cache_folder() / f"demo-{digest}"
    if target.is_dir():
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the page's own runtime comes from npm, which is not installed: install Node.js, then again")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=target.parent) as temporary:
        work = Path(temporary)
        for name, content in sources.items():
            (work / name).write_bytes(content)
        _call([npm, *INSTALL], work)
        modules = work / "node_modules"
        _call([shutil.which("node") or "node", str(modules / "esbuild/bin/esbuild"), *BUNDLE], work)
        for name in RUNTIME:
            shutil.copyfile(modules / "onnxruntime-web/dist" / name, work / "made" / name)
        (work / "made" / "licences.txt").write_text(_licences(modules), encoding="utf-8")
        try:
            os.replace(work / "made", target)
        except OSError:
            if not target.is_dir():  # another process was quicker
                raise
    return target


def _call(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60 * MINUTES)
        said = done.stderr.strip().splitlines() if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    if said is not None:
        why = " ".join((said or ["no reason given"])[0].split())[:200]
        raise RuntimeError(f"npm could not fetch the page's own runtime ({why}): connect to a network once, then again")


def _licences(modules: Path) -> str:
    """Every package's name, version and licence text: they travel with the page."""
    import json

    texts = []
    for manifest in sorted([*modules.glob("*/package.json"), *modules.glob("@*/*/package.json")]):
        about = json.loads(manifest.read_text(encoding="utf-8"))
        if "esbuild" in str(about.get("name")):  # it builds the page, and is no part of it
            continue
        found = [
            each for each in sorted(manifest.parent.iterdir()) if each.name.lower().startswith(("licen", "notice"))
        ]
        text = "\n".join(each.read_text(encoding="utf-8", errors="replace") for each in found if each.is_file())
        texts.append(f"{about['name']} {about['version']}: {about.get('license', 'see below')}\n\n{text}".rstrip())
    return ("\n\n" + "-" * 80 + "\n\n").join(texts) + "\n"
