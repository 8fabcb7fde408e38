"""The gradient step on JAX: a pure function of the variables' values, differentiated once and read for each player."""

import importlib
import itertools
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.sharding import PartitionSpec

from keras_srgan.backend.collectives import Collectives, all_reduce_mean, using_collectives, whole_gradients

AXIS = "batch"  # of Keras's mesh


def _inside(variables, values, function):
    """Calls a function with these values in the variables: its result, and the values that it leaves there."""
    with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
        result = function()
    return result, [scope.get_current_value(variable) for variable in variables]


def _on_each_device(function, whole, names):
    """Has each device call a function with its rows of the data; the means of what they find, in one message.

    Left to XLA's partitioner every gradient is a message of its own. `whole` is that of `all_reduce_mean`.
    """

    def mean(x):
        return jax.lax.pmean(x, AXIS)

    def rows(x):
        return jax.lax.all_gather(x, AXIS, tiled=True)

    def means(tensors):
        message, apart = ravel_pytree(tensors)
        return apart(mean(message))

    def part(values, data):
        with using_collectives(Collectives(mean, rows, names.size)):
            found = function(values, data)
        return all_reduce_mean(found, whole, means)

    options: dict[str, Any] = {"in_specs": (PartitionSpec(), PartitionSpec(AXIS)), "out_specs": PartitionSpec()}
    if hasattr(jax, "shard_map"):
        shard_map, options["check_vma"] = jax.shard_map, False
    else:  # JAX before 0.6
        shard_map, options["check_rep"] = importlib.import_module("jax.experimental.shard_map").shard_map, False
    found = {f"{device.platform}:{device.id}": device for device in jax.devices()}
    mesh = jax.sharding.Mesh(np.array([found[name] for name in names.flat]), (AXIS,))
    return shard_map(part, mesh=mesh, **options)


class TrainStep(keras.Model):
    """A model with `train_step` and `test_step` for JAX; a subclass has what that of TensorFlow needs."""

    @property
    def non_trainable_variables(self):
        # Keras's trainer hands over one optimizer, the generator's: the other one travels here.
        other = getattr(self, "d_optimizer", None)
        return super().non_trainable_variables + (other.variables if other else [])

    def _state(self, *groups):
        return list(itertools.chain(self.trainable_variables, self.non_trainable_variables, *groups))

    def train_step(self, state, data):
        variables = self._state(self.optimizer.variables, self.metrics_variables)
        values, structure = jax.tree.flatten(state)
        players = self.players()
        moving = [variable for network, _ in players for variable in network.non_trainable_variables]

        def alone(values, data):
            """Each player's gradients, the values to log, and what BN and dropout leave behind."""

            def losses(weights):
                def forward():
                    for (network, _), new in zip(players, weights, strict=True):
                        for variable, value in zip(network.trainable_variables, new, strict=True):
                            variable.assign(value)
                    terms, logged = self.forward(*data)
                    scaled = [opt.scale_loss(loss) for (_, opt), loss in zip(players, terms, strict=True)]
                    return scaled, logged, [jnp.asarray(variable.value) for variable in moving]

                scaled, logged, left = _inside(variables, values, forward)[0]
                return scaled, (logged, left)

            def start():
                return [[variable.value for variable in network.trainable_variables] for network, _ in players]

            scaled, gradients_of, (logged, left) = jax.vjp(losses, _inside(variables, values, start)[0], has_aux=True)
            gradients = [
                gradients_of([jnp.full_like(loss, i == j) for j, loss in enumerate(scaled)])[0][i]
                for i in range(len(players))
            ]
            return gradients, [jnp.asarray(value) for value in logged], left

        shared = keras.distribution.distribution()
        whole = [*itertools.chain(*(whole_gradients(network) for network, _ in players))]
        step = _on_each_device(alone, whole, shared.device_mesh.devices) if shared else alone
        gradients, logged, left = step(values, data)

        def update():
            for variable, value in zip(moving, left, strict=True):
                variable.assign(value)
            for (network, optimizer), each in zip(players, gradients, strict=True):
                weights, own = network.trainable_variables, optimizer.variables
                # `apply` would branch on variables where a loss is scaled.
                new = optimizer.stateless_apply([v.value for v in own], each, [v.value for v in weights])
                for variable, value in zip((*weights, *own), itertools.chain(*new), strict=True):
                    variable.assign(value)
            self.update_average()
            return self.log(*logged)

        logs, values = _inside(variables, values, update)
        return logs, jax.tree.unflatten(structure, values)

    def test_step(self, state, data):
        values, structure = jax.tree.flatten(state)
        logs, values = _inside(self._state(self.metrics_variables), values, lambda: self.score(*data))
        return logs, jax.tree.unflatten(structure, values)
