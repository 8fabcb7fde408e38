"""The gradient step on TensorFlow: one tape, read once for each player."""

import contextlib
import functools
import itertools

import keras
import tensorflow as tf

from keras_srgan.backend.arithmetic import accelerator
from keras_srgan.backend.collectives import Collectives, all_reduce_mean, using_collectives, whole_gradients


class TrainStep(keras.Model):
    """A model with `train_step` and `test_step` for TensorFlow.

    A subclass has `players()`, pairs of a network and its optimizer; `forward(lr, hr)`, each player's loss and
    the values to log; `update_average()`, `log(...)` and `score(lr, hr)`.

    Compiled in the scope of a `tf.distribute.Strategy` of several devices, each takes its part of the batch; the
    means of what they find move the weights.
    """

    def compile(self, optimizer, jit_compile: bool | str, **options):
        jit_compile = accelerator() if jit_compile == "auto" else bool(jit_compile)
        self.shared = tf.distribute.get_strategy().num_replicas_in_sync > 1
        # XLA compiles for one device: of a shared step, what each does by itself; where a layer asks the others, the
        # pieces between the questions.
        asking = ("synchronized", "exchanges_rows")
        asks = self.shared and any(getattr(layer, each, False) for layer in self._flatten_layers() for each in asking)
        self.compiled_part = jit_compile and self.shared and not asks
        if self.shared:
            tf.config.optimizer.set_jit(jit_compile and asks)
        super().compile(optimizer=optimizer, jit_compile=jit_compile and not self.shared, **options)

    def train_step(self, data):
        if self.shared:
            return self._shared_step(data)
        gradients, values = self._gradients(*data)
        self._apply(gradients)
        self.update_average()
        return self.log(*values)

    def test_step(self, data):
        return self.score(*data)

    def _gradients(self, lr, hr):
        """Each player's gradients, and the values to log."""
        players = self.players()
        with tf.GradientTape(persistent=True) as tape:
            losses, values = self.forward(lr, hr)
            scaled = [optimizer.scale_loss(loss) for (_, optimizer), loss in zip(players, losses, strict=True)]
        return [
            tape.gradient(loss, network.trainable_variables) for (network, _), loss in zip(players, scaled, strict=True)
        ], values

    def _apply(self, gradients):
        for (network, optimizer), each in zip(self.players(), gradients, strict=True):
            optimizer.apply(each, network.trainable_variables)

    def _shared_step(self, data):
        """The step of one device among several: a pure part, the mean over the devices, the same update on each."""
        moving = [variable for network, _ in self.players() for variable in network.non_trainable_variables]

        context = tf.distribute.get_replica_context()
        mean = functools.partial(context.all_reduce, tf.distribute.ReduceOp.MEAN)

        def rows(x):
            # TensorFlow gathers no bfloat16.
            wide = tf.cast(x, tf.float32) if x.dtype == tf.bfloat16 else x
            return tf.cast(context.all_gather(wide, axis=0), x.dtype)

        together = Collectives(mean, rows, context.num_replicas_in_sync)

        def alone(lr, hr):
            asks = contextlib.nullcontext() if self.compiled_part else using_collectives(together)
            with asks, keras.StatelessScope() as scope:
                gradients, values = self._gradients(lr, hr)
            left = [scope.get_current_value(variable) for variable in moving]
            return gradients, [tf.convert_to_tensor(value) for value in values], left

        gradients, values, left = (tf.function(alone, jit_compile=True) if self.compiled_part else alone)(*data)
        changed = [(variable, value) for variable, value in zip(moving, left, strict=True) if value is not None]
        whole = [*itertools.chain(*(whole_gradients(network) for network, _ in self.players()))]
        found = gradients, values, [value for _, value in changed]
        gradients, values, new = all_reduce_mean(found, whole, mean)
        for _, optimizer in self.players():
            # Reduced already, so that clipping and the look for infinities see the whole gradient.
            getattr(optimizer, "inner_optimizer", optimizer)._all_reduce_sum_gradients = list
        self._apply(gradients)
        variables = [variable for variable, _ in changed]
        return context.merge_call(functools.partial(self._finish, variables), args=(new, values))

    def _finish(self, variables, strategy, new, values):
        """Moves, on every device, what the gradients don't."""

        def finish(_, new, values):
            for variable, value in zip(variables, new, strict=True):
                variable.assign(value)
            self.update_average()
            self.log(*values)

        strategy.extended.update(self.step.value, finish, args=(new, values), group=False)
        logs = {tracker.name: tracker.result() for tracker in self.trackers}
        # Keras reduces over hosts along an axis.
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        return {name: value[None] for name, value in logs.items()} if several else logs

    def _maybe_symbolic_build(self, *_, **__):
        """Nothing: all is built, and a batch of several hosts can't be reduced to one."""
