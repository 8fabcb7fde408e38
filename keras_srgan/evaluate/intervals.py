"""Calibrates the intervals of a network's pixels, and measures how often they hold the true value."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.data.patients import patient_of
from keras_srgan.evaluate.protocols import Pair, Protocol
from keras_srgan.evaluate.summary import mean_interval
from keras_srgan.evaluate.test_set import items_of, read_ahead
from keras_srgan.images import ImageError
from keras_srgan.inference import Options, Upscaler, load
from keras_srgan.inference.intervals import Calibration, edge_strength, interval_path
from keras_srgan.markdown import markdown_table
from keras_srgan.weights import find_weights

TENTHS = 10
Warn = Callable[[str], object]
Progress = Callable[[int, int], object]


def calibrate(
    data: str | Path,
    weights: str | Path,
    protocol: Protocol,
    coverage: float = 0.9,
    warn: Warn = lambda text: None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Calibrates weights on images with originals, of patients whom the network was not trained on.

    Args:
        data: a folder of HR images.
        weights: name, file or run folder.
        protocol: `Protocol` that makes LR.
        coverage: float, the share of true values that intervals are to hold.
        warn: function of a line for each image left out.
        progress: function of the number of images done and of all.

    Returns:
        The file, `NAME.interval.json` beside the weights.

    Raises:
        OSError, ValueError: as `items_of` and `load`; for a network of colours.
    """
    upscaler = load(weights)
    _check(upscaler, protocol)
    pixels, patients, images = Calibration(upscaler.scale, coverage), set(), 0
    for pair in _pairs(data, protocol, warn, progress):
        unit = 255 / pair.max_value
        sr = upscaler.run(pair.lr.astype("float32"), pair.max_value).pixels
        assert pair.hr is not None
        patient = patient_of(pair.name) or pair.name
        pixels.add(pair.lr * unit, sr * unit, pair.hr * unit, protocol.border, patient)
        patients.add(patient)
        images += 1
    about = {"sha256": upscaler.card["sha256"], "protocol": protocol.describe()["text"]}
    found = pixels.intervals({**about, "images": images, "patients": len(patients)})
    return found.save(interval_path(find_weights(weights)))


def coverage_markdown(
    data: str | Path,
    weights: Sequence[str | Path],
    protocol: Protocol,
    seed: int = 0,
    warn: Warn = lambda text: None,
    progress: Progress = lambda done, total: None,
) -> str:
    """How often intervals hold the true value, in all and in each tenth of the pixels by edge strength, as Markdown.

    Args:
        data: a folder of HR images, of other patients than those that calibrated.
        weights: names, files or run folders of calibrated weights.
        protocol: `Protocol` that makes LR.
        seed: integer, of the bootstrap over patients.
        warn, progress: as for `calibrate`.

    Raises:
        OSError, ValueError: as `calibrate`; for weights that are not calibrated.
    """
    parts = []
    for name in weights:
        upscaler = load(name)
        _check(upscaler, protocol)
        rows = [measure(upscaler, pair, protocol) for pair in _pairs(data, protocol, warn, progress)]
        parts.append(_tables(str(name), upscaler, rows, seed))
    return "\n\n".join(parts)


def measure(upscaler: Upscaler, pair: Pair, protocol: Protocol) -> dict[str, Any]:
    """Of one image: whether each pixel is within, half-widths and edge strengths of SR and HR, grey levels of 255."""
    unit, b = 255 / pair.max_value, protocol.border
    result = upscaler.run(pair.lr, pair.max_value, Options(interval=True))
    assert pair.hr is not None and result.lower is not None and result.upper is not None
    within = (pair.hr >= result.lower) & (pair.hr <= result.upper)
    planes = {
        "within": within,
        "half": (result.upper - result.lower) * (unit / 2),
        "sr": edge_strength((result.lower + result.upper) * (unit / 2)),
        "hr": edge_strength(pair.hr * unit),
    }
    inner = {key: plane[b:-b, b:-b].ravel() for key, plane in planes.items()}
    return {"patient": patient_of(pair.name) or pair.name, **inner}


def _tables(name: str, upscaler: Upscaler, rows: list[dict[str, Any]], seed: int) -> str:
    assert upscaler.intervals is not None
    by_patient: dict[str, list[float]] = {}
    for row in rows:
        by_patient.setdefault(row["patient"], []).append(row["within"].mean())
    share = mean_interval([float(np.mean(each)) for each in by_patient.values()], seed=seed)
    each = [row["within"].mean() for row in rows]
    within, half = (np.concatenate([row[key] for row in rows]) for key in ("within", "half"))
    quantiles = np.quantile(half, (0.1, 0.5, 0.9, 0.99))
    words = (
        f"{name}: {within.mean():.1%} of the pixels of {len(rows)} images are within their interval, which is to hold "
        f"{upscaler.intervals.coverage:.0%}; {share['mean']:.1%} [{share['low']:.1%}, {share['high']:.1%}] a patient "
        f"(95 %, bootstrap over {len(by_patient)} patients); image by image {min(each):.1%} to {max(each):.1%}. "
        f"Half-width, grey levels of 255: mean {half.mean():.2f}; of 10 % of the pixels below {quantiles[0]:.2f}, "
        f"50 % {quantiles[1]:.2f}, 90 % {quantiles[2]:.2f}, 99 % {quantiles[3]:.2f}."
    )
    cells = [[str(tenth + 1)] for tenth in range(TENTHS)]
    for key in ("sr", "hr"):
        edges = np.concatenate([row[key] for row in rows])
        for tenth, members in enumerate(np.array_split(np.argsort(edges, kind="stable"), TENTHS)):
            cells[tenth] += [
                f"{edges[members].max():.2f}",
                f"{within[members].mean():.1%}",
                f"{half[members].mean():.2f}",
            ]
    head = ["tenth"]
    for label in ("SR", "HR"):
        head += [f"edge strength of {label} up to", "within", "half-width"]
    return f"{words}\n\n{markdown_table(head, cells)}"


def _check(upscaler: Upscaler, protocol: Protocol) -> None:
    if upscaler.channels != 1 or protocol.channel != "gray":
        raise ValueError("intervals are of gray images: give weights of one channel, and a protocol of gray images")
    if upscaler.scale != protocol.scale:
        raise ValueError(f"weights of scale {upscaler.scale}; this evaluation is of scale {protocol.scale}")


def _pairs(data: str | Path, protocol: Protocol, warn: Warn, progress: Progress) -> Iterator[Pair]:
    items, used = items_of(protocol, data), 0
    for done, pair in enumerate(read_ahead(items), 1):
        if isinstance(pair, ImageError):
            warn(f"left out: {pair}")
        else:
            used += 1
            yield pair
        progress(done, len(items))
    if not used:
        raise ImageError(f"none of {len(items)} image(s) can be used")
