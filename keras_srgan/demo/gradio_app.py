"""The same for a server or a Space: a Gradio app, where the network runs in Python (extra `demo`)."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_srgan.packages import require

if TYPE_CHECKING:
    import gradio

MEGABYTES = 64  # of a file
PIXELS = 4_000_000  # of LR
AT_ONCE, WAITING = 1, 16  # images that are enlarged at a time, and that may wait
NOTE = (
    "**Not for diagnosis.** An enlarged radiograph holds detail that was never measured. "
    "Here the file goes to the server that runs this app; `python -m keras_srgan.demo` uploads nothing."
)


def check() -> None:
    """Refuses at once where Gradio is not installed."""
    require("--gradio", "demo", "gradio")


def shown(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 for the screen, `low` black and `high` white."""
    return np.clip(np.rint((pixels.astype("float32") - low) * (255 / max(high - low, 1))), 0, 255).astype("uint8")


def enlarge_upload(
    path: str, upscaler, folder: str | Path
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, str, str]:
    """Enlarges an uploaded file.

    Args:
        path: the file.
        upscaler: `Upscaler`.
        folder: where the result goes.

    Returns:
        Bicubic and SR for the screen, the picture of what was added, the result's path, and a line of figures.

    Raises:
        ValueError: for a file that can't be used or is too large.
    """
    from keras_srgan.images import read_image
    from keras_srgan.inference import Options
    from keras_srgan.resampling import resize
    from keras_srgan.upscale.image_file import FileOptions, Record, enlarge_file
    from keras_srgan.upscale.jobs import plan_jobs
    from keras_srgan.upscale.maps import added_picture

    if Path(path).stat().st_size > MEGABYTES * 2**20:
        raise ValueError(f"a file of more than {MEGABYTES} MB: use python -m keras_srgan.upscale")
    image = read_image(path, max_pixels=PIXELS)
    (job,) = plan_jobs([str(path)], str(folder), upscaler.scale, "same")
    record = Record(str(path))
    enlarge_file(job, record, upscaler, Options(), FileOptions(max_pixels=PIXELS), lambda text: None)
    sr = read_image(record.output[0])
    low, high = np.percentile(image.pixels, [0.5, 99.5]) if image.max_value > 255 else (0, 255)
    plain = resize(image.pixels, upscaler.scale)
    added = sr.pixels.astype("float32") - plain.astype("float32")
    (w, h), (W, H) = record.size_in or (0, 0), record.size_out or (0, 0)
    rms = 255 / image.max_value * float(np.sqrt(np.mean(added**2)))
    words = "; ".join([f"{w} x {h} to {W} x {H} px", f"added {rms:.2f} of 255 grey levels (RMS)", *record.notes])
    pair = shown(plain, low, high), shown(sr.pixels, low, high)
    return pair, added_picture(added, image.max_value), record.output[0], words


def make_app(weights: list[str]) -> "gradio.Blocks":
    """The app: a file and a network in, a before/after slider, the map and the file out.

    Args:
        weights: names or files of networks.

    Returns:
        `gradio.Blocks`, with a queue that enlarges one image at a time.
    """
    import gradio as gr

    from keras_srgan.inference import load

    networks: dict[str, Any] = {name: load(name) for name in weights}

    def work(path: str | None, network: str):
        if not path:
            raise gr.Error("Choose a file first.")
        try:
            return enlarge_upload(path, networks[network], tempfile.mkdtemp(prefix="keras-srgan-"))
        except (ValueError, OSError) as error:
            raise gr.Error(" ".join(str(error).replace(f"{path}: ", "").split())) from None

    with gr.Blocks(title="Sharpen a radiograph", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        gr.Markdown(f"# Sharpen a radiograph\n{NOTE}")
        with gr.Row():
            with gr.Column(scale=1):
                file = gr.File(label="Radiograph (PNG, JPEG, TIFF, DICOM)", type="filepath")
                network = gr.Dropdown(list(networks), value=weights[0], label="Network")
                button = gr.Button("Enlarge", variant="primary")
                result = gr.File(label="Result", interactive=False)
                figures = gr.Textbox(label="Figures", interactive=False)
            with gr.Column(scale=3):
                slider = gr.ImageSlider(label="Bicubic, enlarged", format="png")
                added = gr.Image(label="What was added", format="png")
        button.click(work, [file, network], [slider, added, result, figures], concurrency_limit=AT_ONCE)
    return app.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE)


def launch(weights: list[str], port: int, browser: bool) -> None:
    """Serves the app to this computer until it is ended."""
    app = make_app(weights)
    app.launch(
        server_name="127.0.0.1",
        server_port=port or None,
        inbrowser=browser,
        max_file_size=f"{MEGABYTES}mb",
        share=False,
    )
