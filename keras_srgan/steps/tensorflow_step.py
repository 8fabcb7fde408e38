"""The gradient step on TensorFlow: one tape, read once for each player."""

import keras
import tensorflow as tf


class Step(keras.Model):
    """A model with `train_step` and `test_step` for TensorFlow.

    A subclass has `players()`, pairs of a network and its optimizer; `forward(lr, hr)`, each player's loss and
    the values to log; `update_average()`, `log(...)` and `score(lr, hr)`.
    """

    def train_step(self, data):
        players = self.players()
        with tf.GradientTape(persistent=True) as tape:
            losses, values = self.forward(*data)
            scaled = [optimizer.scale_loss(loss) for (_, optimizer), loss in zip(players, losses, strict=True)]
        gradients = [
            tape.gradient(loss, network.trainable_variables) for (network, _), loss in zip(players, scaled, strict=True)
        ]
        for (network, optimizer), each in zip(players, gradients, strict=True):
            optimizer.apply(each, network.trainable_variables)
        self.update_average()
        return self.log(*values)

    def test_step(self, data):
        return self.score(*data)
