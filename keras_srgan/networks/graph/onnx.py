"""A generator as ONNX, with dynamic batch, height and width.

Written layer by layer with the `onnx` package alone, so that it does not hang on a converter's version, and so that
`SubpixelConv2D`, `BicubicUpsampling2D` and `LocalDetail` become what they are: a convolution and a depth-to-space,
a mirrored border and a convolution, a mean and a difference.
"""

import hashlib
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_srgan.layers import (
    BicubicUpsampling2D,
    CropLike,
    EvenPhases,
    FastConv2D,
    LocalDetail,
    NarrowConv2D,
    PadToMultiple,
    SubpixelConv2D,
    WeightedSum,
)
from keras_srgan.networks.graph.calls import Call, calls, ends
from keras_srgan.packages import require
from keras_srgan.resampling import upsample_kernel

OPSET = 18
ACTIVATIONS = {"linear": "", "relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
SAME: dict[str, Any] = {"auto_pad": "SAME_UPPER"}  # TensorFlow's "same": the odd pixel at the bottom and the right


class _Graph:
    """The ONNX nodes and weights of a model under construction; feature maps are NCHW."""

    def __init__(self, half: bool):
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}
        self.cast: dict[str, str] = {}
        self.half = half

    def constant(self, value, dtype="float32") -> str:
        import onnx

        value = np.asarray(value, dtype)
        # Named after what is in it: a layer that is called again shares its weights.
        name = f"{dtype}{list(value.shape)}-{hashlib.sha256(value.tobytes()).hexdigest()[:16]}"
        self.weights[name] = onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def kernel(self, value) -> str:
        """A kernel `(rows, columns, a, b)` as `(b, a, rows, columns)`; kept in float16 where asked for."""
        value = np.asarray(value).transpose(3, 2, 0, 1)
        if not self.half or np.abs(value).max() >= 65504:
            return self.constant(value)
        if (stored := self.constant(value, "float16")) not in self.cast:
            self.cast[stored] = self.add("Cast", f"{stored}/float32", [stored], to=1)
        return self.cast[stored]

    def add(self, kind: str, name: str, inputs: list[str], **attributes) -> str:
        import onnx

        self.nodes.append(onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def activate(self, name: str, x: str, layer) -> str:
        """A layer's own activation, the last of its nodes; the one before is `name/linear`."""
        if layer.activation.__name__ not in ACTIVATIONS:
            raise ValueError(f"export: layer {name!r} has the activation {layer.activation.__name__}, unknown here")
        kind = ACTIVATIONS[layer.activation.__name__]
        return self.add(kind, name, [x]) if kind else x

    def rescale(self, name: str, x: str, scale, offset) -> str:
        scaled = self.add("Mul", f"{name}/scaled", [x, self.constant(scale)])
        return self.add("Add", name, [scaled, self.constant(offset)])

    def mirror(self, name: str, x: str, axis: int) -> str:
        """Two more pixels on both ends of an axis, mirrored with the border pixel (ONNX's "reflect" leaves it out)."""
        ends = []
        for end, first, last in (("first", 1, -(2**31)), ("last", -1, -3)):
            numbers = [self.constant([each], "int64") for each in (first, last, axis, -1)]
            ends.append(self.add("Slice", f"{name}/{end}", [x, *numbers]))
        return self.add("Concat", name, [ends[0], x, ends[1]], axis=axis)


def _conv(graph: _Graph, name: str, layer, x: str) -> str:
    bias = [graph.constant(layer.bias)] if layer.use_bias else []
    options: dict[str, Any] = {"strides": layer.strides, "dilations": layer.dilation_rate, "group": layer.groups}
    odd = all(side % 2 for side in layer.kernel_size)
    if layer.padding == "same" and layer.strides == (1, 1) and odd:
        options["pads"] = [d * (k // 2) for d, k in zip(layer.dilation_rate, layer.kernel_size, strict=True)] * 2
    elif layer.padding == "same":
        options |= SAME
    linear = graph.add("Conv", f"{name}/linear", [x, graph.kernel(layer.kernel), *bias], **options)
    return graph.activate(name, linear, layer)


def _transposed_conv(graph: _Graph, name: str, layer, x: str) -> str:
    if layer.padding != "same" or layer.dilation_rate != (1, 1) or layer.output_padding is not None:
        raise ValueError(f"export: layer {name!r} is dilated or not padded to 'same', which has no ONNX form here")
    # The output has `stride` times the sides; what is cut or lacks is divided as in TensorFlow.
    cut = [k - s for k, s in zip(layer.kernel_size, layer.strides, strict=True)]
    first, last = [max(c, 0) // 2 for c in cut], [max(c, 0) - max(c, 0) // 2 for c in cut]
    bias = [graph.constant(layer.bias)] if layer.use_bias else []
    options = {"strides": layer.strides, "pads": first + last, "output_padding": [max(-c, 0) for c in cut]}
    linear = graph.add("ConvTranspose", f"{name}/linear", [x, graph.kernel(layer.kernel), *bias], **options)
    return graph.activate(name, linear, layer)


def _even_phases(graph: _Graph, name: str, layer, channels: int, x: str) -> str:
    block, side = layer.scale**2, layer.window
    # From a place's value to how far it is from its block's mean.
    apart = np.kron(np.eye(block) - 1 / block, np.eye(channels))[..., None, None]
    places = graph.add("SpaceToDepth", f"{name}/places", [x], blocksize=layer.scale)
    places = graph.add("Conv", f"{name}/apart", [places, graph.constant(apart)])
    limits = [graph.constant(sign * layer.limit) for sign in (-1, 1)]
    places = graph.add("Clip", f"{name}/limited", [places, *limits])
    options: dict[str, Any] = {"kernel_shape": [side, side], "pads": [side // 2] * 4, "count_include_pad": 0}
    places = graph.add("AveragePool", f"{name}/mean", [places], **options)
    pattern = graph.add("DepthToSpace", f"{name}/pattern", [places], blocksize=layer.scale, mode="DCR")
    return graph.add("Sub", name, [x, pattern])


def _ours(graph: _Graph, name: str, call: Call, x: list[str]) -> str | None:
    """Adds one call of a layer of this package."""
    layer = call.layer
    if isinstance(layer, SubpixelConv2D):
        maps = _conv(graph, f"{name}/conv", layer.conv, x[0])
        return graph.add("DepthToSpace", name, [maps], blocksize=layer.scale, mode="DCR")
    if isinstance(layer, BicubicUpsampling2D):
        padded = graph.mirror(f"{name}/columns", graph.mirror(f"{name}/rows", x[0], 2), 3)
        kernel = np.tile(upsample_kernel(layer.scale), (1, 1, 1, call.channels)).transpose(3, 2, 0, 1)
        planes = graph.add("Conv", f"{name}/conv", [padded, graph.constant(kernel)], group=call.channels)
        return graph.add("DepthToSpace", name, [planes], blocksize=layer.scale, mode="CRD")
    if isinstance(layer, LocalDetail):
        side = layer.window
        options: dict[str, Any] = {"kernel_shape": [side, side], "pads": [side // 2] * 4, "count_include_pad": 0}
        mean = graph.add("AveragePool", f"{name}/mean", x, **options)
        difference = graph.add("Sub", f"{name}/difference", [x[0], mean])
        return graph.add("Mul", name, [difference, graph.constant(layer.gain)])
    if isinstance(layer, EvenPhases):
        return _even_phases(graph, name, layer, call.channels, x[0])
    if isinstance(layer, WeightedSum):
        weights = [graph.constant(each) for each in np.asarray(layer.weight)]
        pairs = enumerate(zip(x, weights, strict=True))
        return graph.add("Sum", name, [graph.add("Mul", f"{name}/{i}", list(pair)) for i, pair in pairs])
    if isinstance(layer, PadToMultiple):
        sides = graph.add("Shape", f"{name}/sides", x, start=2, end=4)
        lacking = graph.add("Neg", f"{name}/negative", [sides])
        lacking = graph.add("Mod", f"{name}/lacking", [lacking, graph.constant(layer.factor, "int64")])
        pads = graph.add("Concat", f"{name}/pads", [graph.constant([0] * 6, "int64"), lacking], axis=0)
        return graph.add("Pad", name, [x[0], pads])
    if isinstance(layer, CropLike):
        sides = graph.add("Shape", f"{name}/sides", x[1:], start=2, end=4)
        return graph.add("Slice", name, [x[0], graph.constant([0, 0], "int64"), sides, graph.constant([2, 3], "int64")])
    return None


def _keras(graph: _Graph, name: str, call: Call, x: list[str]) -> str:
    """Adds one call of a layer of Keras."""
    layer = call.layer
    if isinstance(layer, layers.Conv2DTranspose):
        return _transposed_conv(graph, name, layer, x[0])
    if type(layer) in (layers.Conv2D, NarrowConv2D, FastConv2D):
        return _conv(graph, name, layer, x[0])
    if isinstance(layer, layers.MaxPooling2D):
        options = SAME if layer.padding == "same" else {}
        return graph.add("MaxPool", name, x, kernel_shape=layer.pool_size, strides=layer.strides, **options)
    if isinstance(layer, layers.GlobalAveragePooling2D) and layer.keepdims:
        return graph.add("GlobalAveragePool", name, x)
    if isinstance(layer, layers.BatchNormalization):
        statistics = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
        inputs = x + [graph.constant(each) for each in statistics]
        return graph.add("BatchNormalization", name, inputs, epsilon=layer.epsilon)
    if isinstance(layer, layers.GroupNormalization) and layer.groups in (-1, call.channels):
        inputs = x + [graph.constant(each) for each in (layer.gamma, layer.beta)]
        return graph.add("InstanceNormalization", name, inputs, epsilon=layer.epsilon)
    if isinstance(layer, layers.PReLU) and layer.alpha.shape[:2] == (1, 1):
        return graph.add("PRelu", name, [x[0], graph.constant(np.asarray(layer.alpha).reshape(-1, 1, 1))])
    if isinstance(layer, layers.LeakyReLU):
        return graph.add("LeakyRelu", name, x, alpha=float(layer.negative_slope))
    if isinstance(layer, layers.ReLU) and layer.max_value is None and not layer.negative_slope and not layer.threshold:
        return graph.add("Relu", name, x)
    if isinstance(layer, layers.Activation):
        return graph.activate(name, x[0], layer)
    if isinstance(layer, layers.Add):
        return graph.add("Sum", name, x)
    if isinstance(layer, layers.Multiply) and len(x) == 2:
        return graph.add("Mul", name, x)
    if isinstance(layer, layers.Concatenate):
        return graph.add("Concat", name, x, axis=1)
    if isinstance(layer, layers.Rescaling):
        return graph.rescale(name, x[0], layer.scale, layer.offset)
    if isinstance(layer, layers.UpSampling2D) and layer.interpolation in ("nearest", "bilinear"):
        options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if layer.interpolation == "bilinear":
            options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return graph.add("Resize", name, [x[0], "", graph.constant((1, 1, *layer.size))], **options)
    raise ValueError(f"export: layer {call.name!r} ({type(layer).__name__}) has no ONNX form here")


def to_onnx(generator: keras.Model, unit: bool = False, half: bool = False) -> bytes:
    """Writes a generator as an ONNX model.

    Args:
        generator: functional model of the layers that `keras_srgan.networks` builds.
        unit: whether input and output are in `[0, 1]`, the output clipped to it, instead of `[-1, 1]`.
        half: whether kernels are kept in float16. They are computed with in float32 all the same.

    Returns:
        The file's bytes. Input `lr` `(n, h, w, C)`, output `sr` `(n, h * scale, w * scale, C)`, float32; any batch,
        height and width of at least 2 px.

    Raises:
        ValueError: if `onnx` is not installed, or for a layer that has no ONNX form here.

    Example:

    >>> content = to_onnx(build_generator(find_recipe("xray-fast")))
    >>> len(content) > 10**5
    True
    """
    require("ONNX", "onnx", "onnx")
    import onnx

    graph, channels = _Graph(half), int(generator.outputs[0].shape[-1])
    start, end = ends(generator)
    lr = graph.rescale("signed", "lr", 2, -1) if unit else "lr"
    names = {start: graph.add("Transpose", "nchw", [lr], perm=[0, 3, 1, 2])}
    for called, call in calls(generator).items():
        if called != start:
            # Layers are called `lr` and `sr` too.
            given = f"network/{called}", call, [names[each] for each in call.inputs]
            names[called] = _ours(graph, *given) or _keras(graph, *given)
    sr = names[end]
    if unit:
        sr = graph.rescale("unclipped", sr, 0.5, 0.5)
        sr = graph.add("Clip", "clipped", [sr, graph.constant(0), graph.constant(1)])
    graph.add("Transpose", "sr", [sr], perm=[0, 2, 3, 1])
    value = onnx.helper.make_tensor_value_info
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "keras_srgan",
            [value("lr", onnx.TensorProto.FLOAT, ["n", "h", "w", channels])],
            [value("sr", onnx.TensorProto.FLOAT, ["n", "sh", "sw", channels])],
            list(graph.weights.values()),
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=9,
        producer_name="keras_srgan",
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()
