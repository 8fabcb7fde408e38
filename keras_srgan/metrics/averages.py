"""`keras.metrics.Metric`s for `compile(metrics=[...])`: the mean of a figure over images."""

import keras
from keras import ops

from keras_srgan.metrics.fidelity import psnr, ssim


class _ImageMetric(keras.metrics.Mean):
    """The mean over images of a function of `(hr, sr)`; infinite ones, of equal images, count only where all are.

    Args:
        value_range: `(black, white)` of the tensors that `fit` compares; `(-1, 1)` for this package's networks.
            Predictions are clipped to it.
        name, dtype: as in `keras.metrics.Metric`.
    """

    function = staticmethod(psnr)

    def __init__(self, value_range=(0.0, 1.0), name=None, dtype=None):
        super().__init__(name=name or type(self).__name__.lower(), dtype=dtype)
        self.value_range = tuple(value_range)
        self.equal = self.add_variable((), "zeros", name="equal")

    def update_state(self, y_true, y_pred, sample_weight=None):
        low, high = self.value_range
        hr, sr = (ops.clip((ops.cast(y, "float32") - low) / (high - low), 0.0, 1.0) for y in (y_true, y_pred))
        values = self.function(hr, sr)
        infinite = ops.isinf(values)
        weights = ops.cast(~infinite, self.dtype)
        self.equal.assign_add(ops.sum(ops.cast(infinite, self.dtype)))
        if sample_weight is not None:
            weights = weights * ops.cast(sample_weight, self.dtype)
        return super().update_state(ops.where(infinite, ops.zeros_like(values), values), weights)

    def reset_state(self):
        super().reset_state()
        self.equal.assign(0)

    def result(self):
        equal_only = ops.logical_and(self.equal > 0, ops.equal(self.count, 0))
        return ops.where(equal_only, float("inf"), super().result())

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range}


@keras.saving.register_keras_serializable("keras_srgan")
class PSNR(_ImageMetric):
    """Mean PSNR of the images seen, in dB.

    Args:
        value_range: `(black, white)` of the tensors; predictions are clipped to it.
        name, dtype: as in `keras.metrics.Metric`.

    Example:

    >>> figure = PSNR(value_range=(-1, 1))
    >>> figure.update_state(np.full((1, 32, 32, 1), 0.5, "float32"), np.full((1, 32, 32, 1), 0.6, "float32"))
    >>> round(float(figure.result()), 2)
    26.02
    """

    function = staticmethod(psnr)


@keras.saving.register_keras_serializable("keras_srgan")
class SSIM(_ImageMetric):
    """Mean SSIM of the images seen; arguments as in `PSNR`.

    Example:

    >>> figure = SSIM(value_range=(-1, 1))
    >>> figure.update_state(np.full((1, 32, 32, 1), 0.5, "float32"), np.full((1, 32, 32, 1), 0.6, "float32"))
    >>> round(float(figure.result()), 2)
    1.0
    """

    function = staticmethod(ssim)
