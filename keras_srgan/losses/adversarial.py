"""Adversarial losses, standard and relativistic, in `keras.ops`.

Each takes float32 logits of the discriminator, `(N, 1)`, and returns a scalar.
"""

from keras import ops

from keras_srgan.backend.collectives import global_mean


def _softplus(x):
    # log(1 + e^x) without overflow.
    return ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.abs(x)))


def adversarial_loss(real_logits, fake_logits):
    """The generator's term: `-log D(SR)` (Ledig et al., 2017, equation 6), from the value before the sigmoid.

    Example:

    >>> round(float(adversarial_loss(np.array([[2.0]], "float32"), np.array([[-2.0]], "float32"))), 3)
    2.127
    """
    return ops.mean(_softplus(-fake_logits))


def discriminator_loss(real_logits, fake_logits):
    """`-log D(HR) - log(1 - D(SR))` (Goodfellow et al., 2014), from the values before the sigmoid.

    Example:

    >>> round(float(discriminator_loss(np.array([[2.0]], "float32"), np.array([[-2.0]], "float32"))), 3)
    0.254
    """
    return ops.mean(_softplus(-real_logits)) + ops.mean(_softplus(fake_logits))


def _relative(real_logits, fake_logits):
    """How much more real HR looks than the mean SR, and SR than the mean HR (ESRGAN, section 3.2)."""
    return real_logits - global_mean(ops.mean(fake_logits)), fake_logits - global_mean(ops.mean(real_logits))


def relativistic_discriminator_loss(real_logits, fake_logits):
    """The relativistic average discriminator's loss (Wang et al., 2018, ESRGAN, equation 1).

    Example:

    >>> round(float(relativistic_discriminator_loss(np.array([[2.0]], "float32"), np.array([[-2.0]], "float32"))), 3)
    0.036
    """
    return discriminator_loss(*_relative(real_logits, fake_logits))


def relativistic_adversarial_loss(real_logits, fake_logits):
    """The generator's term against it, the roles exchanged (ESRGAN, equation 2).

    Example:

    >>> round(float(relativistic_adversarial_loss(np.array([[2.0]], "float32"), np.array([[-2.0]], "float32"))), 3)
    8.036
    """
    real, fake = _relative(real_logits, fake_logits)
    return discriminator_loss(fake, real)


ADVERSARIAL = {
    "standard": (adversarial_loss, discriminator_loss),
    "relativistic": (relativistic_adversarial_loss, relativistic_discriminator_loss),
}
"""The generator's term and the discriminator's loss, each of the values before the sigmoid for HR and for SR."""
