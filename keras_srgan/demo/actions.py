"""What the Python process does for a page that has no runtime of its own: open, enlarge and save a file."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_srgan.images import ImageError, write_image
from keras_srgan.images.depth import is_faint
from keras_srgan.images.frame import Frame
from keras_srgan.images.frames import open_frames
from keras_srgan.inference import Options, load
from keras_srgan.metrics.fidelity import consistency
from keras_srgan.upscale.maps import full_colour

PIXELS = 10_000_000  # of LR, as in the page


def _read(folder: Path, name: str, body: bytes):
    """A file's only image, and the DICOM header. The name only tells a DICOM file without preamble."""
    path = folder / f"file{Path(name).suffix[:8]}"
    path.write_bytes(body)
    try:
        opened = open_frames(path, PIXELS)
        if len(opened.areas) != 1:
            raise ImageError(f"{len(opened.areas)} images in a file; python -m keras_srgan.upscale takes it")
        (frame,) = opened
    except ImageError as error:
        raise ValueError(str(error).replace(f"{path}: ", "")) from None
    notes = list(opened.notes)
    if frame.pixels.dtype.kind == "f":
        frame = Frame(np.rint(frame.pixels * 65535.0).astype("uint16"), 65535, frame.alpha)
        notes.append("Floats in [0, 1] became 16 bits.")
    if frame.alpha is not None:
        notes.append("Transparency was left out.")
    return frame, opened.dicom, notes


def make_actions(weights: list[str]) -> dict[str, Callable]:
    """The actions of `Server`, for networks by name."""
    from keras_srgan.demo.networks import describe

    upscalers = {describe(each)["name"]: load(each) for each in weights}

    def open_file(options: dict[str, str], body: bytes, tell: Callable) -> tuple[dict[str, Any], bytes]:
        with tempfile.TemporaryDirectory() as folder:
            frame, header, notes = _read(Path(folder), options.get("name", ""), body)
        pixels = frame.pixels
        about = {"height": pixels.shape[0], "width": pixels.shape[1], "channels": 1 if pixels.ndim == 2 else 3}
        forms = ["png", "dcm"] if header is not None else ["png"]
        about |= {"white": int(frame.max_value), "bytes": pixels.itemsize, "notes": notes, "forms": forms}
        return about, np.ascontiguousarray(pixels).tobytes()

    def enlarge(options: dict[str, str], body: bytes, tell: Callable) -> tuple[dict[str, Any], bytes]:
        with tempfile.TemporaryDirectory() as folder:
            frame, _, _ = _read(Path(folder), options.get("name", ""), body)
        if options.get("network") not in upscalers:
            raise ValueError(f"network {options.get('network')!r}: choose one of {', '.join(upscalers)}")
        upscaler, pixels, white = upscalers[options["network"]], frame.pixels, float(frame.max_value)
        stretch = is_faint(frame.pixels, frame.max_value)
        run = upscaler.run(
            pixels,
            white,
            Options(map=True, stretch=stretch),
            lambda done, total: tell({"done": done, "total": total}),
        )
        assert run.added is not None
        small, large = (each.reshape(1, *each.shape[:2], -1) for each in (pixels, run.pixels))
        figures = {
            "consistency": float(np.asarray(consistency(small, large, white))[0]),
            "added": 255 / white * float(np.sqrt(np.mean(run.added**2))),
            "top": full_colour(run.added, white),
            "tiles": run.tiles,
            "stretched": stretch,
            "height": run.pixels.shape[0],
            "width": run.pixels.shape[1],
        }
        return figures, np.ascontiguousarray(frame.restored(run.pixels)).tobytes()

    def save(options: dict[str, str], body: bytes, tell: Callable) -> tuple[dict[str, Any], bytes]:
        from keras_srgan.images.dicom import write_dicom
        from keras_srgan.upscale.dicom_result import made_by

        split = int(options["split"])
        with tempfile.TemporaryDirectory() as folder:
            frame, header, _ = _read(Path(folder), options.get("name", ""), body[split:])
            scale = next(iter(upscalers.values())).scale
            shape = tuple(side * scale for side in frame.pixels.shape[:2]) + frame.pixels.shape[2:]
            pixels = np.frombuffer(body[:split], frame.pixels.dtype).reshape(shape)
            target = Path(folder) / "made"
            if options.get("form") == "dcm" and header is not None:
                made = made_by(upscalers[options["network"]], Options(stretch=is_faint(frame.pixels, frame.max_value)))
                target = write_dicom(target.with_suffix(".dcm"), header, [pixels], scale, made)
            else:
                target = write_image(target.with_suffix(".png"), pixels, int(frame.max_value))
            return {}, target.read_bytes()

    return {"open": open_file, "enlarge": enlarge, "save": save}
