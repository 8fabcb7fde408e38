"""The fast engine for CPUs: a network of 3x3 convolutions, cut into blocks of one compiled shape.

Every wide 3x3 convolution, with its batch normalisation, PReLU and addition folded in, is one small XLA program on
a block of 48x48 or 64x64 pixels and its neighbours, by Winograd's F(4x4, 3x3). The shape is the same for all
images, so nothing is ever compiled again; blocks go to the cores side by side; pixels beyond the image are set to
zero after every layer, as "same" padding wants. The last enlargement and the convolution after it are one program
too, so that the feature maps at full resolution, the largest by far, are never stored.

Layers of any other kind run as Keras layers on whole arrays.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_srgan.inference.engines import programs
from keras_srgan.inference.engines.blocks import Grid, block_size
from keras_srgan.layers import SubpixelConv2D
from keras_srgan.machine import cores
from keras_srgan.networks.graph.calls import calls, ends, readers

ACTIVATIONS = (layers.PReLU, layers.LeakyReLU, layers.ReLU)
LEAST = 32  # channels below which a layer gains nothing


@dataclass
class Operation:
    """One program of the list: reads the values `inputs`, makes the value `name`."""

    name: str
    inputs: list[str]
    run: Callable | None  # None: `layer` itself, on whole arrays
    layer: Any
    weights: list = field(default_factory=list)
    scale: int = 1
    tail: Any = None  # the convolution after the last enlargement
    after: int = 0  # its taps beyond the middle one
    values: float = 0.0  # of its output for every LR pixel


def _is_wide(layer) -> bool:
    conv = layer.conv if isinstance(layer, SubpixelConv2D) else layer
    return (
        isinstance(conv, layers.Conv2D)
        and conv.kernel_size == (3, 3)
        and conv.strides == conv.dilation_rate == (1, 1)
        and conv.padding == "same"
        and conv.groups == 1
        and conv.activation in (keras.activations.linear, keras.activations.relu)
        and min(conv.kernel.shape[2:]) >= LEAST
    )


def _is_narrow(layer) -> bool:
    """Whether a convolution after an enlargement can be merged with it."""
    known = layer.strides == layer.dilation_rate == (1, 1) and layer.padding == "same" and layer.groups == 1
    few = layer.kernel.shape[3] <= 4 and layer.kernel_size[0] == layer.kernel_size[1] and layer.kernel_size[0] % 2
    return bool(known and few and layer.activation is keras.activations.linear)


def suits(generator: keras.Model) -> bool:
    """Whether the network has layers that this engine is for, and computes in float32."""
    found = [call.layer for call in calls(generator).values()]
    return any(map(_is_wide, found)) and all(layer.compute_dtype == "float32" for layer in found)


def _slope(layer) -> np.ndarray | None:
    """What an activation layer multiplies negative values by, if that is all it does."""
    if isinstance(layer, layers.PReLU) and layer.alpha.shape[:2] == (1, 1):
        return np.asarray(layer.alpha).ravel()
    if isinstance(layer, layers.LeakyReLU):
        return np.array([layer.negative_slope], "float32")
    if isinstance(layer, layers.ReLU) and layer.max_value is None and not layer.threshold:
        return np.array([layer.negative_slope], "float32")
    return None


def operations(generator: keras.Model) -> list[Operation]:
    """Folds a network's layers into steps, in the order of computation."""
    graph = calls(generator)
    after, done = readers(graph), set(ends(generator)[:1])
    steps = []

    for name, call in graph.items():
        if name in done:
            continue
        layer, chain = call.layer, [name]
        if not _is_wide(layer):
            steps.append(Operation(name, call.inputs, None, layer, values=call.values))
            continue

        def follower(*kinds, chain=chain):
            """The only call that reads the chain's last one, if its layer is of these kinds."""
            found = [graph[each] for each in after[chain[-1]]]
            return found[0] if len(found) == 1 and isinstance(found[0].layer, kinds) else None

        scale = layer.scale if isinstance(layer, SubpixelConv2D) else 1
        conv = layer.conv if scale > 1 else layer
        kernel = np.asarray(conv.kernel)
        bias = np.asarray(conv.bias) if conv.use_bias else np.zeros(kernel.shape[3], "float32")
        slope = np.ones_like(bias)
        linear = conv.activation is keras.activations.linear
        if linear and scale == 1 and (found := follower(layers.BatchNormalization)):
            norm = found.layer
            gain = np.asarray(norm.gamma) / np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
            kernel, bias = kernel * gain, (bias - np.asarray(norm.moving_mean)) * gain + np.asarray(norm.beta)
            chain.append(found.name)
        if not linear:
            slope = np.zeros_like(bias)
        elif (found := follower(*ACTIVATIONS)) and (negative := _slope(found.layer)) is not None:
            slope = np.resize(negative, bias.shape)
            chain.append(found.name)
        elif (found := follower(layers.Rescaling)) and not found.layer.offset:
            kernel, bias = kernel * found.layer.scale, bias * found.layer.scale
            chain.append(found.name)
        step = Operation(name, list(call.inputs), programs.enlarge if scale > 1 else programs.same, layer, scale=scale)
        found = follower(layers.Add)
        if scale == 1 and found and len(set(found.inputs)) == 2 and graph[chain[-1]].channels == found.channels:
            step.inputs += [each for each in found.inputs if each != chain[-1]]
            chain.append(found.name)
        step.weights = [programs.transformed(kernel), *map(ops.convert_to_tensor, (bias, slope))]
        found = follower(layers.Conv2D)
        if scale > 1 and found and _is_narrow(found.layer):
            step.tail = found.layer
            merged, step.after = programs.merged_tail(np.asarray(step.tail.kernel), scale)
            step.weights.append(ops.convert_to_tensor(merged))
            step.run = programs.finish
            chain.append(found.name)
        step.name, step.values = chain[-1], graph[chain[-1]].values
        done.update(chain)
        steps.append(step)
    return _ordered(steps, ends(generator)[0])


def _ordered(steps: list[Operation], start: str) -> list[Operation]:
    """The steps so that each comes after those that it reads: an addition may read what was computed later."""
    made, ordered, left = {start}, [], list(steps)
    while left:
        ready = next(step for step in left if made.issuperset(step.inputs))
        made.add(ready.name)
        ordered.append(ready)
        left.remove(ready)
    return ordered


class FastEngine:
    """Runs a generator block by block; weights are read once, here.

    Args:
        generator: functional model in `[-1, 1]`.
    """

    def __init__(self, generator: keras.Model):
        if not suits(generator):
            raise ValueError(
                f"engine 'fast': the network has no 3x3 convolution of {LEAST} channels or more in float32"
            )
        self.steps = operations(generator)
        self.start, self.end = ends(generator)
        first = max(call.values for call in calls(generator).values() if call.factor == 1)
        # At once: five maps at the input's resolution, or one and a half of the largest, and three images.
        largest = max(step.values for step in self.steps)
        self.values = max(5 * first, 1.5 * largest) + 3 * self.steps[-1].values
        self.pool = ThreadPoolExecutor(cores())

    def __call__(self, lr: np.ndarray) -> np.ndarray:
        """`(N, H, W, C)` to `(N, H * scale, W * scale, C)`, float32."""
        return np.stack([self._image(each) for each in lr])

    def _image(self, lr: np.ndarray) -> np.ndarray:
        h, w = lr.shape[:2]
        block = block_size(h, w)
        values: dict[str, Any] = {self.start: lr}
        last = {each: i for i, step in enumerate(self.steps) for each in step.inputs}
        for i, step in enumerate(self.steps):
            inputs = [values[each] for each in step.inputs]
            if step.run is None:
                inputs = [each.whole() if isinstance(each, Grid) else each for each in inputs]
                inputs = [ops.convert_to_tensor(each[None]) for each in inputs]
                values[step.name] = np.asarray(step.layer(inputs[0] if len(inputs) == 1 else inputs))[0]
            else:
                grids = []
                for name, each in zip(step.inputs, inputs, strict=True):
                    grids.append(each if isinstance(each, Grid) else Grid.cut(each, block))
                    values[name] = grids[-1]
                values[step.name] = self._blocks(step, *grids)
            del inputs
            for name in [each for each in values if last.get(each, -1) <= i and each not in (step.name, self.end)]:
                del values[name]
        result = values[self.end]
        return result.whole() if isinstance(result, Grid) else result

    def _blocks(self, step: Operation, grid: Grid, shortcut: Grid | None = None):
        def one(place: tuple[int, int]):
            assert step.run
            i, j = place
            inputs = [grid.neighbours(i, j), grid.masks[i][j]]
            if step.run is programs.same:
                inputs.append(shortcut.rows[i][j] if shortcut else zeros)
            return step.run(*inputs, *step.weights)

        zeros = ops.zeros((grid.block, grid.block, step.weights[0].shape[2]))
        results = self.pool.map(one, grid.places())
        rows, columns, b, s = len(grid.rows), len(grid.rows[0]), grid.block, step.scale
        h, w = grid.height, grid.width
        if step.run is programs.same:
            flat = list(results)
            return Grid([flat[i * columns : (i + 1) * columns] for i in range(rows)], h, w)
        if step.run is programs.enlarge:
            made: list[list] = [[] for _ in range(rows * s)]
            for (i, _), cells in zip(grid.places(), results, strict=True):
                for k in range(s):
                    made[i * s + k] += cells[k]
            # Blocks wholly beyond the enlarged image are dropped.
            made = [row[: -(-w * s // b)] for row in made[: -(-h * s // b)]]
            return Grid(made, h * s, w * s)
        taps, outputs = step.weights[3].shape[1:3][0], step.weights[3].shape[3]
        total = np.zeros((rows * b + taps - 1, columns * b + taps - 1, outputs), "float32")
        for (i, j), part in zip(grid.places(), results, strict=True):
            total[i * b : (i + 1) * b + taps - 1, j * b : (j + 1) * b + taps - 1] += np.asarray(part)
        y = total[step.after : step.after + h, step.after : step.after + w].reshape(h, w, s, s, -1)
        y = y.transpose(0, 2, 1, 3, 4).reshape(h * s, w * s, -1)
        return y + np.asarray(step.tail.bias) if step.tail.use_bias else y
