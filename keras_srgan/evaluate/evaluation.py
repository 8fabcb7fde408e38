"""An evaluation: every method's figures on every image, means with intervals, differences from bicubic."""

import importlib.metadata
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_srgan.evaluate.crops import crop, pick_images
from keras_srgan.evaluate.discriminator import DiscriminatorTest
from keras_srgan.evaluate.extra_metrics import PREFIX, pyiqa_metric
from keras_srgan.evaluate.measure import ALONE, METRICS, measure
from keras_srgan.evaluate.methods import Method, baselines, networks
from keras_srgan.evaluate.protocols import Pair, Protocol, digest, find_protocol
from keras_srgan.evaluate.summary import RESAMPLES, summarise
from keras_srgan.evaluate.test_set import Item, items_of, read_ahead
from keras_srgan.files import json_text
from keras_srgan.images import Image, ImageError
from keras_srgan.images.depth import describe_depths
from keras_srgan.inference.choice import choose_weights
from keras_srgan.version import __version__


@dataclass
class Evaluation:
    """What `compare` found; a report is written from it alone.

    Args:
        protocol: `Protocol.describe`.
        methods: names, bicubic first, then other baselines, then networks.
        metrics: the figures computed, name to `label`, `unit`, `better` (`"higher"` or `"lower"`), `digits`.
        rows: a dictionary for each image and method: `image`, `method` and the figures. NaN where a figure cannot
            be computed.
        summary: a dictionary for each method: `method`, each figure's `mean`, `low`, `high` (95 % bootstrap
            interval) and `n`, and in `against_bicubic` the same of the paired difference with `improved`, the
            share of images that are better. An image without a finite figure for one method is left out of
            that figure for all.
        extremes: method to `worst` and `best` five images by PSNR gain over bicubic.
        gallery: crops: `image`, `crop` `[top, left, height, width]`, `versions` (name to uint8 array).
        classifier: see `keras_srgan.evaluate.discriminator`.
        provenance: command, versions, hashes, number of images, what was skipped, date.
    """

    protocol: dict[str, Any]
    methods: list[str]
    metrics: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]]
    summary: list[dict[str, Any]]
    extremes: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    gallery: list[dict[str, Any]] = field(default_factory=list)
    classifier: list[dict[str, Any]] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Everything but the gallery's pixels, as JSON; NaN and infinite become `null`."""
        shown = {**vars(self), "gallery": [{k: v for k, v in each.items() if k != "versions"} for each in self.gallery]}
        return json_text(shown)


def compare(
    data: str | Path | Sequence[Image] | None = None,
    weights: Sequence[str | Path] | Mapping[str, Any] = (),
    protocol: str | Protocol = "cxr",
    *,
    hr: str | Path | None = None,
    lr: str | Path | None = None,
    baseline: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    most: int | None = None,
    discriminators: Sequence[str | Path] = (),
    crops: int = 3,
    seed: int = 0,
    workers: int = 2,
    command: str = "",
    warn: Callable[[str], object] = lambda text: None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Evaluation:
    """Measures networks beside bicubic on the same images.

    Images are read as they are needed, so memory does not grow with their number. One that cannot be used is
    named, left out and counted.

    Args:
        data: a folder of HR images, or a list of `Image`.
        weights: names, files or run folders for `keras_srgan.load`; or a dictionary from names in the table to
            these, or to any function `(lr, max_value) -> sr` that keeps the dtype, so that a network of
            another program can be compared.
        protocol: `"cxr"`, `"cxr96"`, `"cxr720"`, `"cxr-real-mild"`, `"cxr-real-hard"`, `"natural-y"`, `"rgb"`, or a
            `Protocol`.
        hr, lr: instead of `data`, two folders whose files match by name; or `lr` alone, without originals.
        baseline: other interpolations beside bicubic: `"nearest"`, `"lanczos"`, `"nlm"` (non-local means first).
        metrics: names of `METRICS`; all by default. `pyiqa:NAME` is one of IQA-PyTorch, where that is installed.
        most: integer, take only so many images, the first by name.
        discriminators: run folders or files of `discriminator.weights.h5`, judged as classifiers.
        crops: integer, how many images the gallery shows: evenly from the worst to the best gain.
        seed: integer, of the bootstrap and of random patches.
        workers: integer, threads that read images ahead.
        command: what to state as the command.
        warn: function of a line for each image left out.
        progress: function of the number of images done and of all.

    Returns:
        An `Evaluation`.

    Raises:
        OSError: for a missing folder or unknown weights.
        ValueError: for arguments that don't fit each other, or no usable image.

    Example:

    >>> found = compare("images", ["xray-fast"], metrics=["psnr"])
    >>> found.methods
    ['bicubic', 'xray-fast']
    """
    protocol = find_protocol(protocol) if isinstance(protocol, str) else protocol
    items = items_of(protocol, data, hr, lr)[:most]
    originals = data is not None or hr is not None
    extra = {name: pyiqa_metric(name) for name in metrics or () if name.startswith(PREFIX)}
    if extra and not originals:
        raise ValueError(f"metric {next(iter(extra))} compares with an original image: give HR images too")
    about = {name: entry for name, (_, entry) in extra.items()}
    chosen = _choose(metrics, METRICS | about if originals else ALONE)
    interpolations, rated = baselines(baseline, protocol.scale), networks(weights, protocol.scale)
    if discriminators and not (originals and rated):
        missing = "generated images: give weights too" if originals else "original images: give HR images too"
        raise ValueError(f"a discriminator needs {missing}")
    tests = [DiscriminatorTest(each, seed=seed) for each in discriminators]
    found = _Findings(protocol, interpolations, rated, tests, list(chosen), {name: f for name, (f, _) in extra.items()})
    for done, (item, pair) in enumerate(zip(items, read_ahead(items, workers), strict=True), 1):
        if isinstance(pair, ImageError):
            found.skipped.append(str(pair))
            warn(f"left out: {pair}")
        else:
            found.add(item, pair)
        progress(done, len(items))
    if not found.used:
        raise ImageError(f"none of {len(items)} image(s) can be used; the first: {found.skipped[0]}")
    for test in tests:
        if not test.real:
            warn(f"{test.name}: no image is as large as the discriminator's patches of {test.recipe.patch} px")
    summary, extremes = summarise(found.rows, found.names, chosen, seed)
    return Evaluation(
        protocol=protocol.describe(
            found.origin() if originals else "the files, without originals", describe_depths(found.depths)
        ),
        methods=found.names,
        metrics=chosen,
        rows=found.rows,
        summary=summary,
        extremes=extremes,
        gallery=found.gallery(crops),
        classifier=[result for test in tests for result in test.results()],
        provenance={
            "command": command,
            **found.provenance(),
            "intervals": f"95 %, percentile bootstrap over images, {RESAMPLES} resamples, seed {seed}",
            "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        },
    )


def _choose(metrics: Sequence[str] | None, known: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The metrics wanted, of those that can be computed."""
    if odd := [name for name in metrics or () if name not in known]:
        raise ValueError(f"metric {odd[0]!r} is not known here: choose of {', '.join(known)}")
    return {name: about for name, about in known.items() if not metrics or name in metrics}


@dataclass
class _Findings:
    """What the images give, one after the other.

    Args:
        protocol: `Protocol`.
        interpolations, rated: lists of `Method`, baselines and networks.
        tests: the discriminators.
        metrics: names of the figures.
        extra: those that another package computes.
        used: the images that were measured.
        rows: see `Evaluation`.
        digests: a line for each image, which names its pixels.
        deviations: how far given LR images are from reduced HR, grey levels of 255.
        skipped: a line for each image left out.
        depths: the dtype and the value of white of each image.
        suited: without originals, what was found in each image and which weights suit it.
    """

    protocol: Protocol
    interpolations: list[Method]
    rated: list[Method]
    tests: list[DiscriminatorTest]
    metrics: list[str]
    extra: dict[str, Callable] = field(default_factory=dict)
    used: list[Item] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    deviations: list[float] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    depths: list[tuple[np.dtype, int]] = field(default_factory=list)
    suited: dict[str, str] = field(default_factory=dict)

    @property
    def methods(self) -> list[Method]:
        return [*self.interpolations, *self.rated]

    @property
    def names(self) -> list[str]:
        return [method.name for method in self.methods]

    def add(self, item: Item, pair: Pair) -> None:
        """Measures every method on an image, and shows the results to the discriminators."""
        if not self.used:  # the first call of a network is no measure of its time
            for method in self.rated:
                method(pair, self.protocol)
        rows, enlarged = measure(pair, self.protocol, self.methods, self.metrics, self.extra)
        self.rows += rows
        for test in self.tests:
            test.update(pair, {method.name: enlarged[method.name] for method in self.rated})
        if pair.hr is None:
            self.suited[pair.name] = str(choose_weights(pair.lr, pair.max_value))
        self.used.append(item)
        self.depths.append((pair.lr.dtype, pair.max_value))
        self.digests.append(f"{pair.digest}  {pair.name}\n")
        self.deviations += [] if pair.deviation is None else [pair.deviation]

    def origin(self) -> str | None:
        """Where LR comes from, if not from HR."""
        if not self.deviations:
            return None
        return f"files, {np.mean(self.deviations):.2f} grey levels of 255 (RMS) from antialiased bicubic of HR"

    def gallery(self, crops: int) -> list[dict[str, Any]]:
        chosen = pick_images(self.rows, self.names, len(self.interpolations), crops)
        return [crop(self.used[i].load(), self.protocol, self.methods) for i in chosen]

    def provenance(self) -> dict[str, Any]:
        """What was compared, on what, by which programs."""
        judges = {"discriminators": {test.name: test.sha256 for test in self.tests}} if self.tests else {}
        return {
            "versions": versions(),
            "weights": {method.name: method.sha256 for method in self.rated},
            **judges,
            "images": len(self.used),
            "skipped": self.skipped,
            **({"suited": self.suited} if self.suited else {}),
            "image_list_sha256": digest("".join(self.digests).encode(errors="surrogateescape")),
        }


def versions() -> dict[str, str]:
    """The programs that made the figures."""
    backend = keras.backend.backend()
    packages = {"keras": "keras", backend: backend, "numpy": "numpy", "opencv": "opencv-python-headless"}
    found = {"keras_srgan": __version__, "python": platform.python_version()}
    for name, package in packages.items():
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # installed under another name
            pass
    return found
