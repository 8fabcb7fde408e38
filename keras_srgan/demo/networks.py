"""The networks of the page: what it must know of each, and each as ONNX."""

from typing import Any

from keras_srgan.weights import SUFFIX, find_weights, identity

TILE = 320  # LR px of a tile's side with its margins: 64 maps of it are 26 MB
ABOUT = {
    "xray-fast": "fast: the least error for its time",
    "xray-srgan-plus": "sharper: halfway to the adversarial network",
}


def describe(weights: str) -> dict[str, Any]:
    """What the page must know of a network: its name, scale, reach and words.

    Args:
        weights: name, file or run folder.

    Returns:
        A dictionary of `name`, `title`, `about`, `scale`, `halo`, `most` and `sha256`.

    Raises:
        ValueError: for a colour network, or one that takes statistics over the whole image.
        FileNotFoundError: if there are no such weights.
    """
    from keras_srgan.inference import load
    from keras_srgan.networks.graph.receptive_field import alignment, sees_whole_image

    upscaler = load(weights, engine="keras")
    name = find_weights(weights).name.removesuffix(SUFFIX)
    if upscaler.channels != 1 or sees_whole_image(upscaler.generator) or alignment(upscaler.generator) != 1:
        raise ValueError(f"{weights}: the page takes gray networks that see a part of the image and keep its grid")
    title = f"{name} - {ABOUT[name].split(':')[0]}" if name in ABOUT else name
    about = ABOUT.get(name, "").partition(": ")[2]
    words = f"{about[:1].upper()}{about[1:]}. {upscaler.generator.count_params() / 1e6:.1f} million parameters."
    known = {"name": name, "title": title, "about": words.removeprefix(". "), "scale": upscaler.scale}
    return known | {"halo": upscaler.halo, "most": TILE, "sha256": identity(upscaler.card)}


def export_network(weights: str) -> bytes:
    """A network as ONNX from `[-1, 1]` to `[-1, 1]`, kernels in float16 as in its file.

    Raises:
        ValueError: if `onnx` is not installed.
    """
    from keras_srgan.inference import load
    from keras_srgan.networks.graph.onnx import to_onnx

    return to_onnx(load(weights, engine="keras").generator, half=True)
