"""A figure that any machine can measure again: PSNR on a piece of the embedded radiograph."""

import numpy as np

from keras_srgan.data.sample import sample_radiograph
from keras_srgan.inference import Upscaler
from keras_srgan.metrics import psnr
from keras_srgan.resampling import quantise, reduce_image, resize

PIECE = np.s_[352:608, 560:816]  # hilum and ribs of the left lung, px of the radiograph reduced by 2


def check_psnr(upscaler: Upscaler) -> dict[str, float]:
    """Measures a network on the embedded radiograph: what its card states, any_host can measure.

    Args:
        upscaler: `Upscaler` of a gray network.

    Returns:
        `bicubic` and `psnr`, in dB against the full range of 15 bits, a border of one LR pixel left out.

    Example:

    >>> check_psnr(keras_srgan.load("xray-srgan-plus"))
    """
    image, scale = sample_radiograph(reduce=2), upscaler.scale
    hr = image.pixels[PIECE]
    hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
    lr = reduce_image(hr, scale, image.max_value)
    plain = quantise(resize(lr, scale), image.max_value, hr.dtype)
    found = {"bicubic": plain, "psnr": upscaler.upscale(lr, image.max_value)}
    inner = np.s_[None, scale:-scale, scale:-scale, None]
    target = hr[inner] / np.float32(image.max_value)
    return {
        name: round(float(psnr(target, each[inner] / np.float32(image.max_value))[0]), 3)
        for name, each in found.items()
    }
