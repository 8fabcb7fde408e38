"""What is validated after each epoch, and how where several devices or hosts train."""

import keras
import numpy as np

from keras_srgan.data.pipeline import validation_arrays
from keras_srgan.metrics import psnr, ssim
from keras_srgan.resampling import resize
from keras_srgan.srgan import SRResNetTrainer

PREVIEWS = 3


class Validation:
    """The fixed validation crops, their bicubic enlargement and its figures.

    Args:
        images: list of `Image`.
        recipe: `Recipe`.
    """

    def __init__(self, images, recipe):
        self.lr, self.hr = validation_arrays(
            images, recipe.val_patch, recipe.scale, recipe.val_images, recipe.degradation, recipe.seed
        )
        self.bicubic = np.stack([resize(lr, recipe.scale) for lr in self.lr]).astype("float32")
        low, high = np.clip((self.bicubic + 1) / 2, 0, 1), (self.hr + 1) / 2
        shows = np.ptp(high, axis=(1, 2, 3)) > 0  # see `SRResNetTrainer.score`
        psnrs = np.asarray(psnr(high, low))[shows]
        psnrs = psnrs[np.isfinite(psnrs)]
        self.baseline = {
            "bicubic_psnr": float(np.mean(psnrs)) if psnrs.size else float("inf"),
            "bicubic_ssim": float(np.mean(ssim(high, low))),
        }
        # A divisor, so that XLA compiles one shape.
        self.batch = next(size for size in (4, 3, 2, 1) if len(self.lr) % size == 0)

    def preview(self):
        return tuple(each[:PREVIEWS] for each in (self.lr, self.bicubic, self.hr))


class HostValidation(keras.callbacks.Callback):
    """Validates by a copy of the averaged generator that this host has to itself.

    Args:
        validation: `Validation`.
        model: the model that is trained.
        replicas: `Replicas`, which share it.
        jit_compile: compile the copy with XLA.
    """

    def __init__(self, validation: Validation, model: SRResNetTrainer, replicas, jit_compile: bool):
        super().__init__()
        self.validation, self.replicas = validation, replicas
        self.scorer = SRResNetTrainer(keras.models.clone_model(model.ema_generator))
        self.scorer.compile(keras.optimizers.SGD(), jit_compile=jit_compile)
        self.generator = self.scorer.ema_generator

    def on_epoch_end(self, epoch, logs=None):
        self.generator.set_weights(self.model.ema_generator.get_weights())
        pair, batch = (self.validation.lr, self.validation.hr), self.validation.batch
        with self.replicas.apart():
            figures = self.scorer.evaluate(*pair, batch_size=batch, verbose=0, return_dict=True)
        logs.update({f"val_{name}": float(value) for name, value in figures.items()})
