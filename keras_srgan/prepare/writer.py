"""Writes a prepared set: a folder of images, checked and decoded once, as TFRecord shards (`shards.py` reads them).

Which image goes into which shard follows from the names and the settings alone. So a killed run goes on with the shards
that it has not finished, and several machines can each write their share.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from keras_srgan.data.folder import refuse
from keras_srgan.data.patients import Patients
from keras_srgan.data.shards.reader import COLUMNS, FORMAT, MANIFEST, PARTS, PLAN, VERSION
from keras_srgan.data.shards.tfrecord import encode_example, wrap_record
from keras_srgan.files import sha256, write_atomically, write_text
from keras_srgan.images import ImageError, find_images, read_image
from keras_srgan.images.frame import Frame
from keras_srgan.images.rasters import encode
from keras_srgan.prepare.division import Shard, ShardOptions, divide, in_order
from keras_srgan.recipes.recipe import renamed
from keras_srgan.resampling import quantise, resize_to


class Outcome(NamedTuple):
    """What a run of `prepare` did.

    Args:
        written, kept: shards.
        images: of each part, in all shards that are finished.
        left_out: a line for each image that can't be used.
        missing: shards of other runs that are not finished; without any, the manifest is written.
    """

    written: int
    kept: int
    images: dict[str, int]
    left_out: list[str]
    missing: int


def prepare(
    data: str | os.PathLike,
    out: str | os.PathLike,
    settings: ShardOptions,
    workers: int | None = None,
    strict: bool = False,
    share: tuple[int, int] = (0, 1),
    log: Callable[[str], object] = print,
) -> Outcome:
    """Writes the shards of a folder that are not finished yet, then the manifest.

    Args:
        data: folder, as for `find_images`.
        out: folder of the set; new, empty, or of an earlier run with the same images and settings.
        settings: `ShardOptions`.
        workers: threads. Defaults to the number of processors.
        strict: whether one unusable file is an error. Otherwise it is left out.
        share: `(k, n)`: write the shards whose number modulo `n` is `k`.
        log: called with a line per shard.

    Returns:
        `Outcome`.

    Raises:
        ImageError: if `out` is something else, no image is usable, or `strict` and one is not.
        OSError: if something can't be written; nothing half-written has a final name.
    """
    data, out = Path(data), Path(out)
    known = Patients(settings.patients or None, settings.group or None)
    paths = find_images(data, refuse if strict else None)
    names = [path.relative_to(data).as_posix() for path in paths]
    listing = json.dumps([names, [os.path.getsize(path) if path.exists() else None for path in paths]])
    plan = {
        "format": FORMAT,
        "version": VERSION,
        "settings": dataclasses.asdict(settings),
        "source": {"set": data.resolve().name, "files": len(names), "listing": _sha256(listing)},
    }
    _check(out, plan, data)
    if (out / MANIFEST).is_file() and (whole := _finished(out)):
        return whole
    (out / MANIFEST).unlink(missing_ok=True)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        shards = divide(data, names, settings, pool, known, log)
        if not (out / PLAN).is_file():
            write_text(out / PLAN, json.dumps(plan, indent=2) + "\n")
        mine = shards[share[0] :: share[1]]
        written = 0
        for shard in mine:
            index = _index_of(out, shard)
            if index is None or sha256(out / f"{shard.stem}.tfrecord") != index["sha256"]:
                index = _write(data, out, shard, settings, strict, pool, known)
                written += 1
                count = len(index["records"]["name"])
                log(f"{shard.stem}.tfrecord: {count} images, {index['bytes'] / 1e6:.1f} MB")
            elif strict and index["left_out"]:
                raise ImageError(index["left_out"][0])
    indices = [_index_of(out, shard) for shard in shards]
    missing = sum(index is None for index in indices)
    done = [(shard, index) for shard, index in zip(shards, indices, strict=True) if index]
    images = {part: sum(len(index["records"]["name"]) for shard, index in done if shard.part == part) for part in PARTS}
    left_out = [line for _, index in done for line in index["left_out"]]
    if not missing:
        if not any(images.values()):
            raise ImageError(f"none of {len(names)} images under {data} can be used; the first: {left_out[0]}")
        _write_manifest(out, plan | {"images": images, "left_out": left_out}, done)
    return Outcome(written, len(mine) - written, images, left_out, missing)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check(out: Path, plan: dict[str, Any], data: Path) -> None:
    """Refuses a folder that holds something else than this plan."""
    path = out / PLAN
    if not path.is_file():
        if out.exists() and (not out.is_dir() or any(each.suffix != ".tmp" for each in out.iterdir())):
            raise ImageError(f"{out}: exists and is no prepared set; give another --out")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        settings = {"bits": 0, **renamed(before["settings"])}
        source, version = before["source"], before["version"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ImageError(f"{path}: damaged; give another --out") from None
    if version != VERSION:
        raise ImageError(f"{path}: format {version}, and this program writes {VERSION}; give another --out")
    for name, value in plan["settings"].items():
        if settings.get(name, getattr(ShardOptions(), name)) != value:
            flag = f"--{name.replace('_', '-')}"
            raise ImageError(f"{out}: began with {flag} {settings.get(name)!r}, not {value!r}; give another --out")
    if source != plan["source"] | {"set": source["set"]}:
        raise ImageError(
            f"{out}: began with other images than those under {data} ({source['files']}, here "
            f"{plan['source']['files']}; names or sizes differ); give another --out"
        )


def _finished(out: Path) -> Outcome | None:
    """What an earlier run left, if every shard is there, of the size that the manifest says, with its index."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        shards = manifest["shards"]
        whole = all(os.path.getsize(out / shard["file"]) == shard["bytes"] for shard in shards)
        whole = whole and all((out / shard["index"]).is_file() for shard in shards)
        return Outcome(0, len(shards), manifest["images"], manifest["left_out"], 0) if whole else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _index_of(out: Path, shard: Shard) -> dict[str, Any] | None:
    """The index of a finished shard: it is of these images, and the shard has its size."""
    try:
        index = json.loads((out / f"{shard.stem}.json").read_text(encoding="utf-8"))
        same = index["of"] == _sha256(json.dumps(shard.names))
        return index if same and os.path.getsize(out / f"{shard.stem}.tfrecord") == index["bytes"] else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _record(data: Path, name: str, settings: ShardOptions, known: Patients) -> tuple[dict[str, Any], bytes]:
    """The row of the index, and the framed record, of an image, read as `load_folder` does."""
    path = data / name
    image = read_image(path, settings.channels, bits=settings.bits or None)
    pixels = image.pixels
    if settings.image_size:
        h, w = map(int, settings.image_size.split("x"))
        pixels = quantise(resize_to(pixels, (h, w)), image.max_value, pixels.dtype)
    height, width = pixels.shape[:2]
    if min(height, width) < settings.min_size:
        least = settings.min_size
        raise ImageError(f"{path}: {height}x{width} pixels; at least {least}x{least} are needed")
    facts = {"name": name, "height": height, "width": width, "max_value": image.max_value, "sha256": sha256(path)}
    patient = known.of(Path(name), image.dicom)
    png = encode(".png", Frame(pixels, image.max_value))
    features = facts | {"patient": patient or "", "channels": settings.channels, "image": png}
    return facts | {"patient": patient, "bits": 8 * pixels.itemsize}, wrap_record(encode_example(features))


def _write(
    data: Path,
    out: Path,
    shard: Shard,
    settings: ShardOptions,
    strict: bool,
    pool: ThreadPoolExecutor,
    known: Patients,
) -> dict[str, Any]:
    """Writes a shard, then its index; returns the index."""
    rows: dict[str, list] = {name: [] for name in COLUMNS}
    left_out: list[str] = []
    size, digest = 0, hashlib.sha256()

    def attempt(name: str) -> tuple[dict[str, Any], bytes] | ImageError:
        try:
            return _record(data, name, settings, known)
        except (ImageError, OSError) as error:
            return ImageError(str(error))

    def write(temporary: Path) -> None:
        nonlocal size
        with open(temporary, "wb") as file:
            for result in in_order(pool, attempt, shard.names, 4 * pool._max_workers):
                if isinstance(result, ImageError):
                    if strict:
                        raise result
                    left_out.append(str(result))
                    continue
                row, record = result
                file.write(record)
                digest.update(record)
                for name, value in (row | {"offset": size, "length": len(record)}).items():
                    rows[name].append(value)
                size += len(record)

    write_atomically(out / f"{shard.stem}.tfrecord", write)
    of = _sha256(json.dumps(shard.names))
    index = {"of": of, "sha256": digest.hexdigest(), "bytes": size, "left_out": left_out, "records": rows}
    write_text(out / f"{shard.stem}.json", json.dumps(index))
    return index


def _write_manifest(out: Path, facts: dict[str, Any], done: list[tuple[Shard, dict[str, Any]]]) -> None:
    entries = [
        {
            "file": f"{shard.stem}.tfrecord",
            "part": shard.part,
            "records": len(index["records"]["name"]),
            "bytes": index["bytes"],
            "sha256": index["sha256"],
            "index": f"{shard.stem}.json",
            "index_sha256": sha256(out / f"{shard.stem}.json"),
        }
        for shard, index in done
    ]
    for part in PARTS:  # what a killed run left
        for stale in (out / part).glob(".keras-srgan-*.tmp"):
            stale.unlink(missing_ok=True)
    write_text(out / MANIFEST, json.dumps(facts | {"shards": entries}, indent=2) + "\n")
