"""Networks that are trained with branches, as the plain ones that they are the same as."""

from pathlib import Path

import keras
from keras import layers

from keras_srgan.backend.settings import keras_settings
from keras_srgan.layers import BranchedConv2D
from keras_srgan.weights import load_weights


def _branched(generator: keras.Model) -> list[BranchedConv2D]:
    return [layer for layer in generator.layers if isinstance(layer, BranchedConv2D)]


def _plain(layer):
    """A copy of a layer; of one with branches, the convolution that it is."""
    if not isinstance(layer, BranchedConv2D):
        return layer.__class__.from_config(layer.get_config())
    options = {"activation": layer.activation, "dtype": layer.dtype_policy, "name": layer.name}
    return layers.Conv2D(layer.filters, 3, padding="same", **options)


@keras_settings()
def fuse(generator: keras.Model) -> keras.Model:
    """Makes one 3x3 kernel of each convolution's branches.

    Args:
        generator: functional model.

    Returns:
        A model of its own that computes the same; `generator` itself if it has no branches.

    Example:

    >>> recipe = find_recipe("xray-fast")
    >>> fuse(build_generator(recipe, branched=True)).count_params() == build_generator(recipe).count_params()
    True
    """
    if not _branched(generator):
        return generator
    plain = keras.models.clone_model(generator, clone_function=_plain)
    for layer in generator.layers:
        weights = layer.fused() if isinstance(layer, BranchedConv2D) else layer.get_weights()
        plain.get_layer(layer.name).set_weights([keras.ops.convert_to_numpy(each) for each in weights])
    return plain


def load_fused(generator: keras.Model, path: str | Path) -> None:
    """Loads weights without branches into a generator that may have them: it then computes what they do.

    Args:
        generator: functional model.
        path: what `save_weights` saved of it, or of what `fuse` made of it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or belongs to another network.
    """
    plain = fuse(generator)
    load_weights(plain, path)
    if plain is generator:
        return
    for layer in generator.layers:
        weights = plain.get_layer(layer.name).get_weights()
        if isinstance(layer, BranchedConv2D):
            layer.take(*weights)
        else:
            layer.set_weights(weights)
