"""Content losses: the pixel terms, in `keras.ops`.

Each takes float32 tensors and returns a scalar. Images are in `[-1, 1]`.
"""

from keras import ops


def mse(hr, sr):
    """Mean squared error (Ledig et al., 2017, equation 4).

    Example:

    >>> round(float(mse(np.ones((1, 32, 32, 1), "float32"), np.zeros((1, 32, 32, 1), "float32"))), 3)
    1.0
    """
    return ops.mean(ops.square(hr - sr))


def l1(hr, sr):
    """Mean absolute error.

    Example:

    >>> round(float(l1(np.ones((1, 32, 32, 1), "float32"), np.zeros((1, 32, 32, 1), "float32"))), 3)
    1.0
    """
    return ops.mean(ops.abs(hr - sr))


def charbonnier(hr, sr, epsilon: float = 1e-3):
    """Mean of `sqrt(error² + epsilon²)` (Lai et al., CVPR 2017, LapSRN, section 3.3).

    Example:

    >>> round(float(charbonnier(np.ones((1, 32, 32, 1), "float32"), np.zeros((1, 32, 32, 1), "float32"))), 3)
    1.0
    """
    return ops.mean(ops.sqrt(ops.square(hr - sr) + epsilon**2))


def total_variation(sr):
    """Mean absolute difference of neighbouring pixels, down plus across (after Rudin et al., 1992); noise raises it.

    Example:

    >>> float(total_variation(np.ones((1, 32, 32, 1), "float32")))
    0.0
    """
    down, across = sr[:, 1:] - sr[:, :-1], sr[:, :, 1:] - sr[:, :, :-1]
    return ops.mean(ops.abs(down)) + ops.mean(ops.abs(across))


CONTENT = {"mse": mse, "l1": l1, "charbonnier": charbonnier}
"""The content losses by the name that a recipe has for them."""
