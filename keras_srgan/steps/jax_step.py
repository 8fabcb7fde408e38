"""The gradient step on JAX: a pure function of the variables' values, differentiated once and read for each player."""

import itertools

import jax
import keras
from jax import numpy as jnp


def _inside(variables, values, function):
    """Calls a function with these values in the variables: its result, and the values that it leaves there."""
    with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
        result = function()
    return result, [scope.get_current_value(variable) for variable in variables]


class Step(keras.Model):
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

        def losses(weights):
            def forward():
                for (network, _), new in zip(players, weights, strict=True):
                    for variable, value in zip(network.trainable_variables, new, strict=True):
                        variable.assign(value)
                terms, logged = self.forward(*data)
                return [opt.scale_loss(loss) for (_, opt), loss in zip(players, terms, strict=True)], logged

            (scaled, logged), left = _inside(variables, values, forward)
            return scaled, (logged, left)

        def start():
            return [[variable.value for variable in network.trainable_variables] for network, _ in players]

        scaled, gradients_of, (logged, values) = jax.vjp(losses, _inside(variables, values, start)[0], has_aux=True)

        def update():
            for i, (network, optimizer) in enumerate(players):
                gradients = gradients_of([jnp.full_like(loss, i == j) for j, loss in enumerate(scaled)])[0][i]
                weights, own = network.trainable_variables, optimizer.variables
                # `apply` would branch on variables where a loss is scaled.
                new = optimizer.stateless_apply([v.value for v in own], gradients, [v.value for v in weights])
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
