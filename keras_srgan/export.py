"""Networks for other programs: a generator as ONNX, with dynamic height and width.

Written layer by layer with the `onnx` package alone, so that it does not hang on a converter's version, and so that
`SubpixelConv2D`, `BicubicUpsampling2D` and `LocalDetail` become what they are: a convolution and a depth-to-space,
a mirrored border and a convolution, a mean and a difference.
"""

import importlib.util
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_srgan.engines.graph import Call, calls, ends
from keras_srgan.layers import BicubicUpsampling2D, LocalDetail, SubpixelConv2D
from keras_srgan.resample import upsample_kernel

OPSET = 18
ACTIVATIONS = {"linear": "", "relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


class _Graph:
    """The ONNX nodes and weights of a model under construction; feature maps are NCHW."""

    def __init__(self):
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}

    def constant(self, name: str, value, dtype="float32") -> str:
        import onnx

        self.weights[name] = onnx.numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name)
        return name

    def add(self, kind: str, name: str, inputs: list[str], **attributes) -> str:
        import onnx

        self.nodes.append(onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def conv(self, name: str, x: str, kernel: np.ndarray, bias=None, pad: int | None = None, groups: int = 1) -> str:
        rows, columns = kernel.shape[:2]
        inputs = [x, self.constant(f"{name}/kernel", kernel.transpose(3, 2, 0, 1))]
        if bias is not None:
            inputs.append(self.constant(f"{name}/bias", bias))
        above, left = (rows // 2, columns // 2) if pad is None else (pad, pad)
        return self.add("Conv", name, inputs, pads=[above, left, above, left], group=groups)

    def mirror(self, name: str, x: str, axis: int) -> str:
        """Two more pixels on both ends of an axis, mirrored with the border pixel (ONNX's "reflect" leaves it out)."""
        ends = []
        for end, first, last in (("first", 1, -(2**31)), ("last", -1, -3)):
            numbers = [self.constant(f"{name}/{end}{i}", [v], "int64") for i, v in enumerate((first, last, axis, -1))]
            ends.append(self.add("Slice", f"{name}/{end}", [x, *numbers]))
        return self.add("Concat", name, [ends[0], x, ends[1]], axis=axis)


def _plain_conv(graph: _Graph, name: str, layer, x: str) -> str:
    known = layer.strides == layer.dilation_rate == (1, 1) and layer.padding == "same" and layer.groups == 1
    kind = ACTIVATIONS.get(layer.activation.__name__)
    if not known or kind is None or not all(k % 2 for k in layer.kernel_size):
        raise ValueError(f"export: layer {name!r} has a stride, dilation, groups or an even kernel")
    bias = np.asarray(layer.bias) if layer.use_bias else None
    y = graph.conv(f"{name}/linear" if kind else name, x, np.asarray(layer.kernel), bias)
    return graph.add(kind, name, [y]) if kind else y


def _layer(graph: _Graph, call: Call, x: list[str]) -> str:
    """Adds one call of a Keras layer; returns the name of its output."""
    name, layer = call.name, call.layer
    if isinstance(layer, SubpixelConv2D):
        maps = _plain_conv(graph, f"{name}/conv", layer.conv, x[0])
        return graph.add("DepthToSpace", name, [maps], blocksize=layer.scale, mode="DCR")
    if isinstance(layer, BicubicUpsampling2D):
        channels = call.channels
        rows = graph.mirror(f"{name}/rows", x[0], 2)
        padded = graph.mirror(f"{name}/columns", rows, 3)
        kernel = np.tile(upsample_kernel(layer.scale), (1, 1, 1, channels))
        planes = graph.conv(f"{name}/conv", padded, kernel, pad=0, groups=channels)
        return graph.add("DepthToSpace", name, [planes], blocksize=layer.scale, mode="CRD")
    if isinstance(layer, LocalDetail):
        side = layer.window
        options: dict[str, Any] = {"kernel_shape": [side, side], "pads": [side // 2] * 4, "count_include_pad": 0}
        mean = graph.add("AveragePool", f"{name}/mean", x, **options)
        difference = graph.add("Sub", f"{name}/difference", [x[0], mean])
        return graph.add("Mul", name, [difference, graph.constant(f"{name}/gain", layer.gain)])
    if isinstance(layer, layers.Conv2D):
        return _plain_conv(graph, name, layer, x[0])
    if isinstance(layer, layers.BatchNormalization):
        values = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
        inputs = x + [graph.constant(f"{name}/{i}", np.asarray(value)) for i, value in enumerate(values)]
        return graph.add("BatchNormalization", name, inputs, epsilon=layer.epsilon)
    if isinstance(layer, layers.GroupNormalization) and layer.groups in (-1, call.channels):
        inputs = x + [graph.constant(f"{name}/{i}", np.asarray(v)) for i, v in enumerate((layer.gamma, layer.beta))]
        return graph.add("InstanceNormalization", name, inputs, epsilon=layer.epsilon)
    if isinstance(layer, layers.PReLU) and layer.alpha.shape[:2] == (1, 1):
        slope = np.asarray(layer.alpha).reshape(-1, 1, 1)
        return graph.add("PRelu", name, [x[0], graph.constant(f"{name}/slope", slope)])
    if isinstance(layer, layers.Add):
        return graph.add("Sum", name, x)
    if isinstance(layer, layers.Rescaling):
        scaled = graph.add("Mul", f"{name}/scaled", [x[0], graph.constant(f"{name}/scale", layer.scale)])
        return graph.add("Add", name, [scaled, graph.constant(f"{name}/offset", layer.offset)])
    if isinstance(layer, layers.LeakyReLU):
        return graph.add("LeakyRelu", name, x, alpha=float(layer.negative_slope))
    if isinstance(layer, layers.Concatenate):
        return graph.add("Concat", name, x, axis=1)
    if isinstance(layer, layers.UpSampling2D) and layer.interpolation == "nearest":
        sizes = graph.constant(f"{name}/sizes", (1, 1, *layer.size))
        options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return graph.add("Resize", name, [x[0], "", sizes], **options)
    if isinstance(layer, layers.Activation) and (kind := ACTIVATIONS.get(layer.activation.__name__)) is not None:
        return graph.add(kind or "Identity", name, x)
    raise ValueError(f"export: layer {name!r} ({type(layer).__name__}) has no ONNX form here")


def to_onnx(generator: keras.Model) -> bytes:
    """Writes a generator as an ONNX model.

    Args:
        generator: functional model of the layers that `keras_srgan.networks` builds.

    Returns:
        The file's bytes. Input `lr` `(n, h, w, C)`, output `sr_nhwc` `(n, h * scale, w * scale, C)`, float32 in
        `[-1, 1]`; any batch, height and width of at least 2 px.

    Raises:
        ValueError: if `onnx` is not installed, or for a layer that has no ONNX form here.
    """
    if importlib.util.find_spec("onnx") is None:
        raise ValueError("export: ONNX needs the package onnx: pip install 'keras-srgan[onnx]'")
    import onnx

    graph, channels = _Graph(), int(generator.outputs[0].shape[-1])
    start, end = ends(generator)
    value = onnx.helper.make_tensor_value_info
    names = {start: graph.add("Transpose", "nchw", ["lr"], perm=[0, 3, 1, 2])}
    for name, call in calls(generator).items():
        if name != start:
            names[name] = _layer(graph, call, [names[each] for each in call.inputs])
    graph.add("Transpose", "sr_nhwc", [names[end]], perm=[0, 2, 3, 1])
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "keras_srgan",
            [value("lr", onnx.TensorProto.FLOAT, ["n", "h", "w", channels])],
            [value("sr_nhwc", onnx.TensorProto.FLOAT, ["n", "sh", "sw", channels])],
            list(graph.weights.values()),
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=9,
        producer_name="keras_srgan",
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()
