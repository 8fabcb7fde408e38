"""The closing table: networks beside bicubic on whole images."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_srgan.data.degrade import crop_to_multiple, reduce_image
from keras_srgan.data.images import Image
from keras_srgan.metrics import psnr, sharpness, ssim
from keras_srgan.resample import quantise, resize

PROTOCOL = (
    "Mean over {images} held-out image(s), whole, cropped to a multiple of {scale}; LR by antialiased bicubic "
    "(MATLAB's, a = -0.5), rounded to the source's bit depth; output rounded likewise; border of {scale} px left "
    "out; PSNR against the full range of the bit depth, SSIM 11x11 gaussian, sigma 1.5; sharpness: mean gradient "
    "magnitude as a share of HR's."
)


def score(methods: Mapping[str, Callable | None], images: Sequence[Image], scale: int) -> list[dict[str, Any]]:
    """Scores methods on whole images.

    Args:
        methods: name to a function `(lr, max_value) -> sr`, dtype kept; `None` is bicubic.
        images: list of `Image`.
        scale: integer, also the border left out, in pixels.

    Returns:
        A row a method: `method`, `psnr` (dB), `ssim`, `sharpness` (share of HR's gradient magnitude).
    """
    sums = {name: np.zeros(3) for name in methods}
    for image in images:
        hr = crop_to_multiple(image.pixels, scale)
        lr = reduce_image(hr, scale, image.max_value)
        target = _inner(hr, scale, image.max_value)
        for name, method in methods.items():
            if method is None:
                sr = quantise(resize(lr, scale), image.max_value, hr.dtype)
            else:
                sr = method(lr, image.max_value)
            result = _inner(sr, scale, image.max_value)
            share = sharpness(result) / sharpness(target)
            sums[name] += [float(value[0]) for value in (psnr(target, result), ssim(target, result), share)]
    return [
        {"method": name, **dict(zip(("psnr", "ssim", "sharpness"), (total / len(images)).tolist(), strict=True))}
        for name, total in sums.items()
    ]


def _inner(image: np.ndarray, border: int, max_value: int) -> np.ndarray:
    """`(1, H, W, C)` in `[0, 1]`, without its border."""
    inner = image[border:-border, border:-border]
    return inner.reshape(1, *inner.shape[:2], -1).astype("float32") / max_value


def markdown(table: Sequence[dict[str, Any]]) -> str:
    """The table as Markdown, with each row's gain over bicubic."""
    base = table[0]
    lines = ["| method | PSNR, dB | over bicubic | SSIM | sharpness |", "| --- | --- | --- | --- | --- |"]
    for row in table:
        lines.append(
            f"| {row['method']} | {row['psnr']:.2f} | {row['psnr'] - base['psnr']:+.2f} | {row['ssim']:.4f} | "
            f"{row['sharpness']:.0%} |"
        )
    return "\n".join(lines)
