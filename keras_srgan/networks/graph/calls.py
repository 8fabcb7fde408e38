"""A functional model as a list of layer calls."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import keras
from keras import layers

from keras_srgan.layers import BicubicUpsampling2D, SubpixelConv2D


@dataclass(frozen=True)
class Call:
    """One call of a layer; a layer that is used again has several.

    Args:
        name: string, the layer's name; with a number from its second call on.
        layer: the layer.
        inputs: list of the names of the calls that it reads.
        channels: integer, of its output.
        factor: its output's resolution over the network's input's.
    """

    name: str
    layer: Any
    inputs: list[str]
    channels: int
    factor: Fraction

    @property
    def values(self) -> float:
        """The values of its output for every LR pixel."""
        return float(self.factor**2) * self.channels


def enlargement(layer) -> Fraction:
    """By what a layer multiplies the resolution."""
    if isinstance(layer, SubpixelConv2D | BicubicUpsampling2D):
        return Fraction(layer.scale)
    if isinstance(layer, layers.UpSampling2D):
        return Fraction(layer.size[0])
    if isinstance(layer, layers.Conv2DTranspose):
        return Fraction(layer.strides[0])
    if isinstance(layer, layers.Conv2D | layers.MaxPooling2D | layers.AveragePooling2D):
        return Fraction(1, layer.strides[0])
    return Fraction(1)


def calls(generator: keras.Model) -> dict[str, Call]:
    """Lists a functional model's layer calls by name, in the order of computation."""
    found: dict[str, Call] = {}

    def name(operation, index: int) -> str:
        return f"{operation.name}:{index}" if index else operation.name

    for depth in sorted(generator._nodes_by_depth, reverse=True):
        for node in generator._nodes_by_depth[depth]:
            histories = [tensor._keras_history for tensor in node.input_tensors]
            # An input's own node has no inputs, whatever the version of Keras writes there.
            inputs = [] if node.is_input else [name(each.operation, each.node_index) for each in histories]
            layer, output = node.operation, node.outputs[0]
            factor = max((found[each].factor for each in inputs), default=Fraction(1)) * enlargement(layer)
            called = name(layer, output._keras_history.node_index)
            found[called] = Call(called, layer, inputs, int(output.shape[-1]), factor)
    return found


def ends(generator: keras.Model) -> tuple[str, str]:
    """The names of the calls that are the model's input and output."""
    histories = [tensor[0]._keras_history for tensor in (generator.inputs, generator.outputs)]
    first, last = (f"{h.operation.name}:{h.node_index}" if h.node_index else h.operation.name for h in histories)
    return first, last
