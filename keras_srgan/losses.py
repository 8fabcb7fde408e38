"""The terms of the generator's and the discriminator's losses, in `keras.ops`.

Each takes float32 tensors and returns a scalar. Images are in `[-1, 1]`.
"""

from keras import ops


def mse(hr, sr):
    """Mean squared error (Ledig et al., 2017, equation 4)."""
    return ops.mean(ops.square(hr - sr))


def l1(hr, sr):
    """Mean absolute error."""
    return ops.mean(ops.abs(hr - sr))


def charbonnier(hr, sr, epsilon: float = 1e-3):
    """Mean of `sqrt(error² + epsilon²)` (Lai et al., CVPR 2017, LapSRN, section 3.3)."""
    return ops.mean(ops.sqrt(ops.square(hr - sr) + epsilon**2))


CONTENT = {"mse": mse, "l1": l1, "charbonnier": charbonnier}


def _softplus(x):
    # log(1 + e^x) without overflow.
    return ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.abs(x)))


def adversarial_loss(fake_logits):
    """The generator's term: `-log D(SR)` (Ledig et al., 2017, equation 6), from the value before the sigmoid."""
    return ops.mean(_softplus(-fake_logits))


def discriminator_loss(real_logits, fake_logits):
    """`-log D(HR) - log(1 - D(SR))` (Goodfellow et al., 2014), from the values before the sigmoid."""
    return ops.mean(_softplus(-real_logits)) + ops.mean(_softplus(fake_logits))
