"""Images in TFRecord shards, as `keras-srgan prepare` writes them: each is read and decoded when it is drawn."""

import dataclasses
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.data.shards.stores import Store
from keras_srgan.data.shards.tfrecord import decode_example, unwrap_record
from keras_srgan.images import Image, ImageError
from keras_srgan.images.headers import Facts, one_line
from keras_srgan.images.rasters import decode
from keras_srgan.recipes.recipe import renamed

FORMAT, VERSION = "keras-srgan shards", 1
MANIFEST, PLAN = "manifest.json", "prepare.json"
PARTS = ("train", "val")
COLUMNS = ("name", "patient", "sha256", "offset", "length", "height", "width", "bits", "max_value")


"""What an index says of each record; offset and length, in bytes, are those of the framed record."""


KINDS = dict.fromkeys((*COLUMNS, "shard", "place"), "int64") | {"name": "O", "patient": "O", "sha256": "S64"}
_AT_LEAST = 4  # images that the cache keeps, whatever its bound: the pipeline draws from several threads
_REMEDY = "copy it again, or delete it and run keras-srgan prepare again"


class StoredPixels:
    """The pixels of an image in a shard, as an array that is read when its values are asked for.

    Args:
        read: function that returns the array.
        shape: of the array.
        dtype: of the array.
    """

    def __init__(self, read: Callable[[], np.ndarray], shape: tuple[int, ...], dtype: np.dtype):
        self._read, self.shape, self.dtype, self.ndim = read, shape, dtype, len(shape)

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __getitem__(self, key) -> np.ndarray:
        return self._read()[key]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        pixels = self._read()
        return pixels.astype(dtype) if dtype not in (None, pixels.dtype) or copy else pixels


@dataclasses.dataclass(frozen=True, eq=False)
class StoredImage(Image):
    """An `Image` of a shard.

    Args:
        digest: names its pixels without reading them: the sha256 of the source file, and what was done to it.
    """

    digest: str = ""


class Shards(Sequence[Image]):
    """The images of one part of a prepared set, in the order of their names.

    Args:
        store: `Store` of the set.
        part: `"train"` or `"val"`.
        manifest: what `read_manifest` gave.
        memory_gb: decoded gigabytes that are kept; the image that was not used for longest goes first.

    Raises:
        ImageError: for a shard or index that is missing or is not the manifest's.
    """

    def __init__(self, store: Store, part: str, manifest: dict[str, Any], memory_gb: float = 2.0):
        self.store, self.part = store, part
        self.failure: ImageError | None = None
        settings = manifest["settings"]
        self.channels, self._made = settings["channels"], f"{settings['channels']} channel(s), {settings['image_size']}"
        mine = [shard for shard in manifest["shards"] if shard["part"] == part]
        self.files = [shard["file"] for shard in mine]
        columns: dict[str, list] = {name: [np.empty(0, kind)] for name, kind in KINDS.items()}
        for number, shard in enumerate(mine):
            count = shard["records"]
            index = self._index(shard) | {"shard": [number] * count, "place": range(count)}
            for name, kind in KINDS.items():
                columns[name].append(np.array(index[name], kind))
        self._rows = {name: np.concatenate(arrays) for name, arrays in columns.items()}
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._free, self._lock = memory_gb * 2**30, threading.Lock()

    def _index(self, shard: dict[str, Any]) -> dict[str, list]:
        """The index of a shard, once both are known to be whole."""
        where = f"{self.store.root}/{shard['file']}"
        try:
            size = self.store.size(shard["file"])
            data = self.store.read(shard["index"])
        except FileNotFoundError as error:
            missing = error.filename or one_line(error)
            raise ImageError(f"{missing}: missing, but the manifest names it; {_REMEDY}") from None
        if size != shard["bytes"]:
            raise ImageError(f"{where}: {size} bytes, but {shard['bytes']} in the manifest; {_REMEDY}")
        if hashlib.sha256(data).hexdigest() != shard["index_sha256"]:
            raise ImageError(f"{self.store.root}/{shard['index']}: not the index in the manifest; {_REMEDY}")
        return json.loads(data)["records"]

    def at_least(self, side: int) -> int:
        """Leaves out the images that are lower or narrower than `side` pixels; returns how many."""
        kept = np.minimum(self._rows["height"], self._rows["width"]) >= side
        self._rows = {name: values[kept] for name, values in self._rows.items()}
        return int((~kept).sum())

    def __len__(self) -> int:
        return len(self._rows["offset"])

    def __getitem__(self, key):
        if isinstance(key, slice):
            return [self[i] for i in range(*key.indices(len(self)))]
        i = range(len(self))[key]
        row = {name: values[i] for name, values in self._rows.items()}
        white = int(row["max_value"])
        shape = (int(row["height"]), int(row["width"]), *[3] * (self.channels == 3))
        pixels: Any = StoredPixels(lambda: self.read(i), shape, np.dtype(f"uint{row['bits']}"))
        return StoredImage(
            pixels, white, Path(row["name"]), row["patient"], digest=f"{row['sha256'].decode()}, {self._made}"
        )

    def read(self, i: int) -> np.ndarray:
        """The pixels of image `i`, decoded unless they are still kept. Safe in threads.

        Raises:
            ImageError: naming shard and record, if it can't be read or is not what was written. It stays in `failure`,
                since TensorFlow's pipelines wrap an error beyond recognition.
        """
        with self._lock:
            if (pixels := self._kept.get(i)) is not None:
                self._kept.move_to_end(i)
                return pixels
        row = {name: values[i] for name, values in self._rows.items()}
        try:
            pixels = self._decode(row)
        except (ValueError, KeyError, OSError) as error:
            shard = f"{self.store.root}/{self.files[row['shard']]}"
            missing, passing = isinstance(error, FileNotFoundError), isinstance(error, OSError)
            what = "the shard is missing" if missing else one_line(error)
            remedy = "see that it can be read, then --resume the run" if passing and not missing else _REMEDY
            self.failure = ImageError(f"{shard}: record {row['place']} ({row['name']}): {what}; {remedy}")
            raise self.failure from None
        with self._lock:
            if i not in self._kept:
                self._kept[i] = pixels
                self._free -= pixels.nbytes
            while self._free < 0 and len(self._kept) > _AT_LEAST:
                self._free += self._kept.popitem(last=False)[1].nbytes
        return pixels

    def _decode(self, row: dict[str, Any]) -> np.ndarray:
        record = self.store.read(self.files[row["shard"]], int(row["offset"]), int(row["length"]))
        if len(record) < row["length"]:
            raise ValueError("cut short")
        example: dict[str, Any] = decode_example(unwrap_record(record))
        if bytes(example["name"]).decode(errors="surrogateescape") != row["name"]:
            raise ValueError("another image than the index says")
        pixels = decode(bytearray(example["image"]), Facts("png", int(row["height"]), int(row["width"]))).pixels
        pixels.flags.writeable = False  # the cache's own
        return pixels


def locate(where: str) -> tuple[str, str | None]:
    """The set that a path or URL means, and the part, if its last step is one: `SET`, `SET/train`, `SET/val`."""
    where = where if "://" in where else Path(where).as_posix()
    top, _, last = where.rstrip("/").rpartition("/")
    if last in PARTS and top and not _ours(where, MANIFEST):
        return top, last
    return where, None


def _ours(root: str, name: str) -> bool:
    try:
        return json.loads(Store(root).read(name)).get("format") == FORMAT
    except (FileNotFoundError, NotADirectoryError, ValueError, AttributeError):
        return False


def holds_shards(where: str) -> bool:
    """Whether a path is of a prepared set, finished or not. A URL can be nothing else."""
    root, _ = locate(where)
    return "://" in where or any(_ours(root, name) for name in (MANIFEST, PLAN))


def read_manifest(store: Store) -> dict[str, Any]:
    """The manifest of a prepared set.

    Raises:
        ImageError: if there is none, or it is damaged or of a newer format.
    """
    path = f"{store.root}/{MANIFEST}"
    try:
        manifest = json.loads(store.read(MANIFEST))
    except FileNotFoundError:
        unfinished = _ours(store.root, PLAN)
        advice = "prepare has not finished: run it again" if unfinished else "give a folder that prepare has written"
        raise ImageError(f"{path}: no such file; {advice}") from None
    except ValueError:
        raise ImageError(f"{path}: damaged (not JSON); delete it and run keras-srgan prepare again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ImageError(f"{path}: not written by keras-srgan prepare; give a folder that is")
    if manifest["version"] > VERSION:
        raise ImageError(
            f"{path}: format {manifest['version']}, and this program reads up to {VERSION}; update keras-srgan"
        )
    return manifest | {"settings": renamed(manifest["settings"])}


def load_shards(
    where: str,
    part: str,
    channels: int = 1,
    min_size: int = 96,
    strict: bool = False,
    warn: Callable[[str], object] = print,
    memory_gb: float = 2.0,
    image_size: tuple[int, int] | None = None,
) -> Shards:
    """Opens a part of a prepared set; no image is decoded before it is drawn.

    Args:
        where: folder or URL of the set, or of that part of it.
        part: `"train"` or `"val"`.
        channels, min_size, strict, warn: as for `load_folder`.
        memory_gb: as for `Shards`.
        image_size: the `(height, width)` that images must have been resized to, or `None` for any.

    Returns:
        `Shards`.

    Raises:
        ImageError: if the set is not whole, was prepared otherwise, or has no such part.
    """
    root, own = locate(where)
    if own not in (None, part):
        raise ImageError(f"{where}: the {own} part; --data takes SHARDS or SHARDS/train, --val SHARDS or SHARDS/val")
    store = Store(root)
    manifest = read_manifest(store)
    settings = manifest["settings"]
    wanted: dict[str, Any] = {"channels": channels}
    if image_size:
        wanted["image_size"] = f"{image_size[0]}x{image_size[1]}"
    for name, value in wanted.items():
        if settings[name] != value:
            raise ImageError(
                f"{root}: prepared with --{name.replace('_', '-')} {settings[name] or 'none'}, and the recipe "
                f"has {value}; prepare it again, or change the recipe"
            )
    images = Shards(store, part, manifest, memory_gb)
    count = len(images)
    if left_out := images.at_least(min_size):
        line = f"{left_out} of {count} images under {root} are smaller than {min_size}x{min_size} pixels"
        if strict:
            raise ImageError(line)
        warn(f"left out: {line}")
    if not len(images):
        raise ImageError(f"{root}: no image in part {images.part!r}; give --val, or prepare with --val-fraction")
    return images
