"""`python -m keras_srgan.upscale`: enlarges image files with trained weights."""

import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from keras_srgan.cli import Parser, positive, run_safely, start_quietly
from keras_srgan.files import json_text
from keras_srgan.terminal import StatusLine
from keras_srgan.version import __version__

if TYPE_CHECKING:
    from keras_srgan.upscale.record import Record

PROGRAM = "keras-srgan upscale"


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog=PROGRAM,
        description="Enlarges PNG, JPEG, TIFF, BMP, WebP and DICOM images; keeps bit depth and meaning. "
        "Not for diagnostic use.",
    )
    parse.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder (searched to any depth) or pattern")
    parse.add_argument("--out", required=True, metavar="DIR", help="folder of the results; folders keep their form")
    parse.add_argument("--weights", default="xray-srgan-plus", help="name, file, run folder, or auto [xray-srgan-plus]")
    files = parse.add_argument_group("files")
    forms = ("same", "png", "tiff", "jpeg", "bmp", "webp", "dcm")
    files.add_argument("--format", choices=forms, default="same", help="of the results [same: that of each source]")
    existing = files.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace results that exist")
    existing.add_argument("--resume", action="store_true", help="skip files whose result exists")
    files.add_argument("--map", action="store_true", help="also write what was added: picture, array, Parametric Map")
    files.add_argument("--interval", action="store_true", help="also write calibrated intervals: picture, array")
    files.add_argument("--max-pixels", type=positive, metavar="N", help="largest image read [268435456]")
    files.add_argument(
        "--bits", type=int, choices=range(8, 17), metavar="8-16", help="that 16-bit raster files use [found]"
    )
    files.add_argument("--json", action="store_true", help="a summary as JSON on standard output")
    quality = parse.add_argument_group("quality")
    quality.add_argument("--self-ensemble", action="store_true", help="mean over 8 flips and turns: 8 times as long")
    quality.add_argument("--back-project", type=_count, default=0, metavar="N", help="steps back to the source [0]")
    quality.add_argument("--colour", choices=("luma", "channels"), default="luma", help="by a gray network [luma]")
    quality.add_argument("--alpha", type=float, metavar="T", help="from pretrained (0) to adversarial (1) weights")
    engine = parse.add_argument_group("engine")
    engine.add_argument("--tile", type=_auto_or_count, default="auto", metavar="N", help="side in px; 0: whole [auto]")
    engine.add_argument("--overlap", type=_exact_or_count, default="exact", metavar="N", help="of tiles, in px [exact]")
    engine.add_argument("--blend", choices=("gaussian", "linear"), default="gaussian", help="of overlaps [gaussian]")
    engine.add_argument("--engine", default="auto", help="auto, keras, xla, onnx, openvino [auto]")
    engine.add_argument(
        "--precision", default="float32", help="of inner layers: float32, bfloat16, float16, or auto [float32]"
    )
    cluster = parse.add_argument_group("cluster")
    where = "of a Ray cluster that does the files [RAY_ADDRESS, or started here]"
    cluster.add_argument("--ray", nargs="?", const="", type=_address, metavar="ADDRESS", help=where)
    cluster.add_argument("--ray-workers", type=positive, metavar="N", help="processes [by cores, memory and GPUs]")
    return parse


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _auto_or_count(text: str) -> int | str:
    return text if text == "auto" else _count(text)


def _exact_or_count(text: str) -> int | str:
    return text if text == "exact" else _count(text)


def _address(text: str) -> str:
    # Else `--ray IN` would take the first input for a cluster.
    if text not in ("", "auto", "local") and not re.fullmatch(r"[^/\s]+:\d+", text):
        raise ValueError
    return text


# What argparse calls them in its messages.
_count.__name__ = _auto_or_count.__name__ = _exact_or_count.__name__ = "whole number"
_address.__name__ = "address (auto, local or HOST:PORT; --ray goes after the inputs)"


def main(arguments: list[str] | None = None) -> int:
    parse = parser()
    parsed = parse.parse_args(arguments)
    if parsed.ray_workers and parsed.ray is None:
        parse.error("argument --ray-workers: needs --ray")
    if parsed.weights == "auto" and parsed.alpha is not None:
        parse.error("argument --alpha: needs --weights NAME, not auto")
    return run_safely(PROGRAM, lambda: work(parsed))


def work(arguments) -> int:
    if arguments.ray is not None:
        from keras_srgan.upscale.ray_batch import require_ray

        require_ray()
    start_quietly()
    from keras_srgan.backend.arithmetic import precision_note
    from keras_srgan.files import remove_stale
    from keras_srgan.inference import Options, load
    from keras_srgan.inference.choice import AUTO, AutoUpscaler
    from keras_srgan.upscale.batch import run_batch
    from keras_srgan.upscale.jobs import plan_jobs
    from keras_srgan.upscale.outputs import dicom_endings, map_endings
    from keras_srgan.upscale.record import FileOptions

    names = ("tile", "overlap", "blend", "self_ensemble", "back_project", "colour", "map", "interval")
    options = Options(**{name: getattr(arguments, name) for name in names})
    settings = FileOptions(arguments.overwrite, arguments.resume, arguments.max_pixels, arguments.bits)
    network = {name: getattr(arguments, name) for name in ("alpha", "engine", "precision")}
    make: Callable = partial(load, arguments.weights, **network)
    if arguments.weights == AUTO:
        make = partial(AutoUpscaler, partial(load, **network))
    upscaler = make()
    if note := precision_note(arguments.precision):
        print(f"{PROGRAM}: {note}", file=sys.stderr)
    endings = map_endings(options) + dicom_endings(options)
    jobs = plan_jobs(arguments.inputs, arguments.out, upscaler.scale, arguments.format, endings)
    for folder in {job.target.parent for job in jobs if job.target}:
        remove_stale(folder)
    line = StatusLine()
    human = sys.stderr if arguments.json else sys.stdout

    def on_done(record: "Record") -> None:
        line.clear()
        if record.status != "failed":  # failures come together at the end
            print(_words(record), file=human, flush=True)

    def on_progress(done: int, total: int, text: str) -> None:
        line.show(done, total, text if len(text) <= 60 else f"...{text[-57:]}")

    run: Callable = run_batch
    if arguments.ray is not None:
        from keras_srgan.upscale.ray_batch import run_cluster

        run = partial(run_cluster, make=make, address=arguments.ray, workers=arguments.ray_workers)
    with line:
        records, interrupted = run(jobs, upscaler, options, settings, on_done, on_progress)
    if arguments.json:
        print(json_text(_summary(arguments, upscaler, options, records, interrupted)), end="")
    return _close(records, interrupted, human)


def _close(records: "list[Record]", interrupted: bool, human) -> int:
    """Counts, failures and what to do next; returns the exit status."""
    counts = {status: sum(r.status == status for r in records) for status in ("done", "skipped", "failed", "not tried")}
    if len(records) > 1:
        print(f"{len(records)} files: " + ", ".join(f"{n} {status}" for status, n in counts.items() if n), file=human)
    failed = [record for record in records if record.status == "failed"]
    if len(failed) > 1:
        print(f"{PROGRAM}: {len(failed)} of {len(records)} failed:", file=sys.stderr)
    for record in failed:
        print(f"{'  ' if len(failed) > 1 else PROGRAM + ': '}{record.error}", file=sys.stderr)
    if interrupted:
        print(f"{PROGRAM}: interrupted; the same command with --resume goes on", file=sys.stderr)
        return 130
    return 1 if failed else 0


def _words(record: "Record") -> str:
    if record.status == "skipped":
        return f"{record.input}: skipped, {record.output[-1]} exists"
    (w, h), (W, H) = record.size_in or (0, 0), record.size_out or (0, 0)
    several = f" x {record.frames}" if record.frames > 1 else ""
    last = f" to {record.output[-1]}" if len(record.output) > 1 else ""
    parts = [f"{record.input} {w}x{h}{several} -> {record.output[0]}{last} {W}x{H}{several}, {record.seconds:.1f} s"]
    if record.consistency:
        before, after = record.consistency
        parts.append(f"consistency {before:.3g} -> {after:.3g} grey levels")
    return "; ".join(parts + record.notes)


def _summary(arguments, upscaler, options, records: "list[Record]", interrupted: bool) -> dict:
    from keras_srgan.weights import identity

    return {
        "program": f"keras-srgan {__version__}",
        "weights": str(arguments.weights),
        "sha256": identity(upscaler.card),
        "scale": upscaler.scale,
        "options": {**asdict(options), "alpha": arguments.alpha, "engine": arguments.engine},
        "interrupted": interrupted,
        "failed": sum(record.status == "failed" for record in records),
        "files": [asdict(record) for record in records],
    }


if __name__ == "__main__":
    sys.exit(main())
