"""UpscalerJS's networks (npm), layers of TensorFlow.js: ESRGAN-thick, ESRGAN-medium, and ISR's RRDN-GAN."""

import json
import math
from functools import partial
from pathlib import Path

import keras
import numpy as np
from peers.packages import Package
from peers.peer import Network, Peer

from keras_srgan.layers.upsampling import depth_to_space

THICK = Package(
    "@upscalerjs/esrgan-thick", "1.0.0", "3d38971084d8281bf68da443085c7eb65355fb28aa81b33b54f950cca6328a15", "MIT"
)
MEDIUM = Package(
    "@upscalerjs/esrgan-medium", "1.0.0", "367471ded0629387b9aabc75183be0b80d39d46c3f509945ebde4f5bf7a49627", "MIT"
)
LEGACY = Package(
    "@upscalerjs/esrgan-legacy", "1.0.0", "fcf8aea836069facd61b43caf6c212da67465eefe010d5e5db2d644aefa4f206", "MIT"
)


def load(path: str, white: float, folder: Path) -> Network:
    """Builds the network that a `model.json` describes.

    Args:
        path: folder of `model.json` in the package.
        white: what the network calls white.
        folder: of the package.
    """
    root = folder / path
    described = json.loads((root / "model.json").read_text(encoding="utf-8"))
    network = build(described)
    for name, values in read_weights(root, described["weightsManifest"]).items():
        layer, which = name.split("/")
        for variable in network.get_layer(layer).weights:
            if variable.name == which:
                variable.assign(values)

    def run(rgb: np.ndarray) -> np.ndarray:
        return np.asarray(network(rgb[None] * np.float32(white), training=False))[0] / white

    return Network(run, network.count_params())


def build(described: dict) -> keras.Model:
    """The Keras model of a `model.json`, which Keras 2 wrote; only the layers that these networks have."""
    topology = described["modelTopology"]
    layers = topology.get("model_config", topology)["config"]["layers"]
    made: dict = {}
    for each in layers:
        about, name = each["config"], each["name"]
        if each["class_name"] == "InputLayer":
            made[name] = first = keras.Input((None, None, 3), name=name)
            continue
        before = [made[source[0]] for source in each["inbound_nodes"][0]]
        layer = _layer(each["class_name"], about, name)
        made[name] = layer(before if len(before) > 1 else before[0])
    return keras.Model(first, made[layers[-1]["name"]])


@keras.saving.register_keras_serializable("peers")
class PixelShuffle(keras.layers.Layer):
    """Blocks of channels to space, by 4."""

    def call(self, x):
        return depth_to_space(x, 4)


def _layer(kind: str, about: dict, name: str) -> keras.layers.Layer:
    if kind == "Conv2D":
        if about["strides"] != [1, 1] or about["dilation_rate"] != [1, 1] or about["activation"] != "linear":
            raise ValueError(f"{name}: a convolution of another kind: {about}")
        return keras.layers.Conv2D(about["filters"], about["kernel_size"], padding=about["padding"], name=name)
    if kind == "Activation":
        return keras.layers.Activation(about["activation"], name=name)
    if kind == "MultiplyBeta":
        return keras.layers.Rescaling(about["beta"], name=name)
    if kind == "UpSampling2D":
        return keras.layers.UpSampling2D(about["size"], interpolation=about["interpolation"], name=name)
    if kind == "PixelShuffle4x":
        return PixelShuffle(name=name)
    return {"Add": keras.layers.Add, "Concatenate": keras.layers.Concatenate}[kind](name=name)


def read_weights(root: Path, manifest: list[dict]) -> dict[str, np.ndarray]:
    """The weights of TensorFlow.js's shards by name; those of 8 bits are brought back to their range."""
    found = {}
    for group in manifest:
        data, place = b"".join((root / path).read_bytes() for path in group["paths"]), 0
        for each in group["weights"]:
            packed = each.get("quantization")
            dtype = np.dtype(packed["dtype"] if packed else each["dtype"])
            count = math.prod(each["shape"])
            values = np.frombuffer(data, dtype, count, place).reshape(each["shape"])
            place += count * dtype.itemsize
            found[each["name"]] = values * packed["scale"] + packed["min"] if packed else values
        if place != len(data):
            raise ValueError(f"{root}: {len(data)} bytes of weights, {place} described")
    return found


def _peer(name: str, package: Package, path: str, white: float, trained: str) -> Peer:
    described = tuple(f"{path}/group1-shard{i}of7.bin" for i in range(1, 8))
    files = described if package is THICK else (f"{path}/group1-shard1of1.bin",)
    return Peer(name, package, files, partial(load, path, white), trained)


_DIV2K = "photographs (DIV2K)"
PEERS = [
    _peer("ESRGAN-thick (UpscalerJS)", THICK, "package/models/x4", 1.0, _DIV2K),
    _peer("ESRGAN-medium (UpscalerJS)", MEDIUM, "package/models/x4", 255.0, _DIV2K),
    _peer("RRDN-GAN (ISR), 8 bit", LEGACY, "package/models/gans", 1.0, "photographs, with a discriminator"),
]
