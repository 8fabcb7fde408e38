"""Feature networks of the perceptual loss, and where their weights come from.

In order: the file that a recipe names; Keras's own cache; the bundled first three blocks of VGG19, when they
reach the layer; Keras's download.
"""

import os
from pathlib import Path

import keras
from keras import ops

from keras_srgan.backend.settings import keras_settings
from keras_srgan.hdf5 import open_hdf5
from keras_srgan.weights import load_weights, weights_folder

BUNDLED, BUNDLED_END = "vgg19-blocks123.weights.h5", "block3_conv4"

# VGG features are divided by 12.75 so that the loss has the MSE's magnitude (Ledig et al., section 2.2.1).
RESCALE = {"vgg19": 1 / 12.75, "resnet50": 1.0, "inception_v3": 1.0}

CACHED = {
    "vgg19": "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "resnet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "inception_v3": "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
}


# What each network expects, from images in [0, 255]: caffe-style BGR minus the mean, or [-1, 1].
_BGR_MEAN = (103.939, 116.779, 123.68)


def _network(name: str, weights: str | None) -> keras.Model:
    table = {
        "vgg19": keras.applications.VGG19,
        "resnet50": keras.applications.ResNet50,
        "inception_v3": keras.applications.InceptionV3,
    }
    return table[name](include_top=False, weights=weights, input_shape=(None, None, 3))


def _check_file(path: Path) -> None:
    """Has HDF5's own errors said in plain words, before Keras meets them."""
    with open_hdf5(path) as file:
        list(file)


@keras_settings()
def load_feature_network(name: str, layer: str, weights: str = "auto") -> tuple[keras.Model, str]:
    """Builds a feature network with its ImageNet weights.

    Args:
        name: `"vgg19"`, `"resnet50"` or `"inception_v3"`.
        layer: the layer that will be compared.
        weights: `"auto"` (the order above), `"bundled"`, `"imagenet"` (Keras's cache or download) or the
            path of a weights file of `keras.applications`' network without its top.

    Returns:
        The network, and a line that says where its weights came from.

    Raises:
        ValueError: for an unknown layer or a file that does not fit.
        FileNotFoundError: if the weights can't be had; names the three ways out.
    """
    bundled = weights_folder() / BUNDLED
    reaches = name == "vgg19" and layer[:6] in ("block1", "block2", "block3") and bundled.is_file()
    cached = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models" / CACHED[name]
    if weights not in ("auto", "bundled", "imagenet"):
        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; --features-weights takes a weights file of {name}")
        network = _network(name, None)
        if path.suffix in (".h5", ".hdf5"):
            _check_file(path)
        try:
            network.load_weights(path)
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: not weights of {name} without its top ({reason})") from None
        return _check_layer(network, name, layer), f"{name} from {path.name}"
    if weights == "bundled" or (weights == "auto" and reaches and not cached.is_file()):
        network = _check_layer(_network(name, None), name, layer)
        if not reaches:
            raise FileNotFoundError(
                f"{name} {layer}: the bundled weights hold VGG19 up to block3_conv4 only. "
                f"Ways out: --features-layer block3_conv4; --features-weights FILE; or --features-weights "
                f"imagenet, which downloads once"
            )
        load_weights(keras.Model(network.input, network.get_layer(BUNDLED_END).output), bundled)
        return network, "vgg19 blocks 1 to 3, bundled (Simonyan and Zisserman, CC BY 4.0)"
    if cached.is_file():
        _check_file(cached)
    try:
        network = _network(name, "imagenet")
    except Exception as error:
        raise FileNotFoundError(
            f"{name} {layer}: no ImageNet weights here and Keras could not download them "
            f"({str(error).splitlines()[0][:80]}). Ways out: --features-weights FILE; --features vgg19 "
            f"--features-layer block3_conv4 --features-weights bundled; or one run with internet, which fills "
            f"Keras's cache"
        ) from None
    return _check_layer(network, name, layer), f"{name} of keras.applications, ImageNet"


def _check_layer(network: keras.Model, name: str, layer: str) -> keras.Model:
    names = [each.name for each in network.layers[1:]]
    if layer not in names:
        close = [each for each in names if each.split("_")[0] == layer.split("_")[0]] or names[-8:]
        raise ValueError(f"{name} has no layer {layer!r}; it has for example {', '.join(close[:8])}")
    return network


@keras.saving.register_keras_serializable("keras_srgan")
class FeatureInput(keras.layers.Layer):
    """Turns images in `[-1, 1]`, gray or RGB, into what an ImageNet network expects.

    Args:
        style: `"caffe"` (BGR in `[0, 255]` minus the ImageNet mean: VGG19, ResNet50) or `"tf"` (`[-1, 1]`:
            InceptionV3).

    Input shape:
        4D tensor `(N, H, W, 1)` or `(N, H, W, 3)`.

    Output shape:
        4D tensor `(N, H, W, 3)`.
    """

    def __init__(self, style="caffe", **kwargs):
        super().__init__(**kwargs)
        self.style = style

    def call(self, x):
        if x.shape[-1] == 1:
            x = ops.repeat(x, 3, axis=-1)
        if self.style == "tf":
            return x
        mean = ops.cast(ops.reshape(ops.convert_to_tensor(_BGR_MEAN), (1, 1, 1, 3)), x.dtype)
        return ops.flip(x, axis=-1) * 127.5 + 127.5 - mean

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)

    def get_config(self):
        return {**super().get_config(), "style": self.style}


@keras_settings()
def build_features(
    name: str = "vgg19",
    layer: str = "block5_conv4",
    weights: str = "auto",
    before_activation: bool = False,
    channels: int = 1,
) -> tuple[keras.Model, str]:
    """Builds the frozen model whose outputs the perceptual loss compares.

    Args:
        name: `"vgg19"`, `"resnet50"` or `"inception_v3"`.
        layer: the layer of `keras.applications`' network; `"block5_conv4"` is SRGAN's VGG54.
        weights: see `load_feature_network`.
        before_activation: take the layer's value before its ReLU (ESRGAN, section 3.3).
        channels: integer, 1 (gray, repeated to three channels) or 3.

    Returns:
        A frozen model from `(N, H, W, channels)` in `[-1, 1]` to features, float32, rescaled (VGG19: by
        1/12.75), and a line that says where the weights came from.

    Example:

    >>> features, source = build_features(layer="block3_conv4")
    >>> tuple(features(np.zeros((1, 32, 32, 1), "float32")).shape)
    (1, 8, 8, 256)
    """
    network, origin = load_feature_network(name, layer, weights)
    return feature_model(network, name, layer, before_activation, channels), origin


@keras_settings()
def feature_model(
    network: keras.Model, name: str, layer: str, before_activation: bool = False, channels: int = 1
) -> keras.Model:
    """Cuts a network of `keras.applications` at a layer and puts our range in front; see `build_features`."""
    chosen = network.get_layer(layer)
    if before_activation and getattr(chosen, "activation", None) is not None:
        chosen.activation = keras.activations.linear
    # Rebuilt, since the old graph keeps the activation that it was traced with.
    original = keras.Model(network.input, chosen.output)
    prefix = keras.models.clone_model(original)
    prefix.set_weights(original.get_weights())
    image = keras.Input((None, None, channels))
    style = "tf" if name == "inception_v3" else "caffe"
    features = prefix(FeatureInput(style)(image))
    features = keras.layers.Rescaling(RESCALE[name], dtype="float32")(features)
    model = keras.Model(image, features, name="features")
    model.trainable = False
    return model
