"""SRGAN as a `keras.Model`, for plain `fit()`: what is learned, and from what. `backend/` takes the gradients."""

import keras
from keras import ops

from keras_srgan import losses
from keras_srgan.backend.collectives import Average, FiniteAverage
from keras_srgan.backend.step import TrainStep
from keras_srgan.metrics import psnr, ssim
from keras_srgan.resampling import resize_batch


class SRResNetTrainer(TrainStep):
    """Stage one: trains a generator on a pixel loss, and averages its weights.

    Args:
        generator: `keras.Model` from LR to SR, both in `[-1, 1]`. Its layers named `supervised...`, if it has any,
            hold further images, at HR's size or smaller, that the pixel loss counts too.
        ema: float, the decay of the averaged generator per step; it is lower in the first steps,
            `(1 + step) / (10 + step)`. 0 turns averaging off.
        teacher: `keras.Model` like `generator`, or `None`: a larger one that is done, whose SR is learned from beside
            HR (distillation). It stays as it is.

    Call arguments:
        lr: tensor `(N, H, W, C)`.

    The averaged generator, `model.ema_generator`, is what validation, previews and saved weights use.

    Example:

    >>> model = SRResNetTrainer(build_generator(Recipe().replace(filters=4, blocks=1)))
    >>> model.compile(keras.optimizers.Adam(1e-4))
    >>> lr, hr = np.zeros((2, 8, 8, 1), "float32"), np.zeros((2, 32, 32, 1), "float32")
    >>> sorted(model.fit(lr, hr, verbose=0).history)
    ['loss']
    """

    log_names: tuple[str, ...] = ("loss",)

    def __init__(self, generator: keras.Model, ema: float = 0.999, teacher: keras.Model | None = None, **kwargs):
        super().__init__(**kwargs)
        self.generator = generator
        extra = [layer.output for layer in generator.layers if layer.name.startswith("supervised")]
        self.images = keras.Model(generator.input, [generator.output, *extra])
        self.ema = ema
        self.ema_generator = keras.models.clone_model(generator)
        self.ema_generator.set_weights(generator.get_weights())
        self.ema_generator.trainable = False
        self.teacher = teacher
        if teacher is not None:
            teacher.trainable = False
        self.step = self.add_weight(shape=(), dtype="int", initializer="zeros", trainable=False, name="step")
        self.trackers = [Average(name) for name in self.log_names]
        self.val_trackers = [FiniteAverage(name) for name in ("psnr", "ssim")]
        self.built = True

    def compile(  # type: ignore[override]
        self,
        optimizer,
        content_loss: str = "mse",
        tv_weight: float = 0.0,
        jit_compile: bool | str = "auto",
        distillation_weight: float = 1.0,
    ):
        """Sets the optimizer and the loss.

        Args:
            optimizer: `keras.optimizers.Optimizer` of the generator.
            content_loss: `"mse"`, `"l1"` or `"charbonnier"`.
            tv_weight: float, of SR's total variation.
            jit_compile: whether to compile the steps with XLA; `"auto"`: not on a CPU with TensorFlow.
            distillation_weight: float, of the mean absolute difference from the teacher's SR, if there is a teacher.
        """
        super().compile(optimizer=optimizer, jit_compile=jit_compile, auto_scale_loss=False)
        # Built here: an unbuilt optimizer loses its state when a checkpoint is restored.
        optimizer.build(self.generator.trainable_variables)
        self.content_loss = losses.CONTENT[content_loss]
        self.tv_weight = tv_weight
        self.distillation_weight = distillation_weight

    @property
    def metrics(self):
        return self.trackers + self.val_trackers

    def call(self, lr, training=False):
        return self.generator(lr, training=training)

    def players(self):
        """Who learns: pairs of a network and its optimizer."""
        return [(self.generator, self.optimizer)]

    def forward(self, lr, hr):
        """One training pass: a list of each player's loss, and a list of the values of `log_names`."""
        images = keras.tree.flatten(self.images(lr, training=True))
        loss = self.content(hr, images) + self.roughness(images[0]) + self.distance_from_teacher(lr, images[0])
        return [loss], [loss]

    def content(self, hr, images):
        """The pixel loss, averaged over the images that the generator puts out; HR is reduced to each one's size."""
        terms = [self.content_loss(resize_batch(hr, image.shape[1] / hr.shape[1]), image) for image in images]
        return sum(terms) / len(terms)

    def roughness(self, sr):
        """The weighted total variation of SR."""
        return self.tv_weight * losses.total_variation(sr) if self.tv_weight else 0.0

    def distance_from_teacher(self, lr, sr):
        """The weighted mean absolute difference from the teacher's SR (Hinton et al., 2015, for images)."""
        if self.teacher is None:
            return 0.0
        return self.distillation_weight * losses.l1(ops.stop_gradient(self.teacher(lr, training=False)), sr)

    def update_average(self):
        """Moves the averaged generator towards the generator, BN statistics included."""
        step = ops.cast(self.step, "float32")
        decay = ops.minimum(self.ema, (1.0 + step) / (10.0 + step)) if self.ema else 0.0
        for average, value in zip(self.ema_generator.variables, self.generator.variables, strict=True):
            average.assign(value + decay * (average - value))
        self.step.assign_add(1)

    def log(self, *values):
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def score(self, lr, hr):
        """PSNR and SSIM of the averaged generator, on `[0, 1]` images, clipped but not rounded.

        An HR of one value, as a black one, has no PSNR: any rounding would decide it.
        """
        sr = ops.clip((self.ema_generator(lr, training=False) + 1) / 2, 0.0, 1.0)
        hr = (hr + 1) / 2
        shows = ops.max(hr, axis=(1, 2, 3)) > ops.min(hr, axis=(1, 2, 3))
        figures = ops.where(shows, psnr(hr, sr), float("inf")), ssim(hr, sr)
        for tracker, values in zip(self.val_trackers, figures, strict=True):
            tracker.update_state(values)
        return {tracker.name: tracker.result() for tracker in self.val_trackers}


class SRGAN(SRResNetTrainer):
    """Stage two: the generator against a discriminator (Ledig et al., CVPR 2017, section 2).

    Args:
        generator: `keras.Model` from LR to SR.
        discriminator: `keras.Model` from images to the probability of being real, with a layer
            `"logits"` before its sigmoid.
        features: `keras.Model` from images to features, or `None` for no perceptual loss.
        ema: see `SRResNetTrainer`.

    Example:

    >>> recipe = Recipe().replace(filters=4, blocks=1, discriminator_filters=4, discriminator_dense=8, patch=32)
    >>> model = SRGAN(build_generator(recipe), build_discriminator(recipe))
    >>> model.compile(keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4))
    >>> lr, hr = np.zeros((2, 8, 8, 1), "float32"), np.zeros((2, 32, 32, 1), "float32")
    >>> "d_loss" in model.fit(lr, hr, verbose=0).history
    True
    """

    log_names = ("loss", "content", "perceptual", "adversarial", "d_loss", "d_real", "d_fake")

    def __init__(self, generator, discriminator, features=None, ema: float = 0.999, **kwargs):
        super().__init__(generator, ema, **kwargs)
        self.discriminator = discriminator
        self.features = features
        # The losses take the value before the sigmoid: exact where the probability rounds to 0 or 1.
        self.critic = keras.Model(discriminator.input, discriminator.get_layer("logits").output)

    def compile(  # type: ignore[override]
        self,
        optimizer,
        d_optimizer,
        content_loss: str = "mse",
        adversarial: str = "standard",
        content_weight: float = 1.0,
        perceptual_weight: float = 0.006,
        adversarial_weight: float = 1e-3,
        tv_weight: float = 0.0,
        jit_compile: bool | str = "auto",
    ):
        """Sets the optimizers, the losses and their weights.

        Args:
            optimizer: the generator's `keras.optimizers.Optimizer`.
            d_optimizer: the discriminator's.
            content_loss: `"mse"`, `"l1"` or `"charbonnier"`.
            adversarial: `"standard"` or `"relativistic"` (ESRGAN).
            content_weight: float.
            perceptual_weight: float, of the mean squared distance of the features.
            adversarial_weight: float.
            tv_weight: float, of SR's total variation.
            jit_compile: whether to compile the steps with XLA; `"auto"`: not on a CPU with TensorFlow.
        """
        super().compile(optimizer, content_loss, tv_weight, jit_compile)
        self.d_optimizer = d_optimizer
        d_optimizer.build(self.discriminator.trainable_variables)
        self.adversarial_loss, self.discriminator_loss = losses.ADVERSARIAL[adversarial]
        self.content_weight = content_weight
        self.perceptual_weight = perceptual_weight
        self.adversarial_weight = adversarial_weight

    def players(self):
        return [(self.generator, self.optimizer), (self.discriminator, self.d_optimizer)]

    def forward(self, lr, hr):
        # One pass of each network serves both updates.
        images = keras.tree.flatten(self.images(lr, training=True))
        sr = images[0]
        real, fake = self.critic(hr, training=True), self.critic(sr, training=True)
        d_loss = self.discriminator_loss(real, fake)
        content = self.content(hr, images)
        perceptual = self.feature_distance(hr, sr) if self.features else 0.0
        adversarial = self.adversarial_loss(real, fake)
        loss = (
            self.content_weight * content
            + self.perceptual_weight * perceptual
            + self.adversarial_weight * adversarial
            + self.roughness(sr)
        )
        d_real, d_fake = ops.mean(ops.sigmoid(real)), ops.mean(ops.sigmoid(fake))
        return [loss, d_loss], [loss, content, perceptual, adversarial, d_loss, d_real, d_fake]

    def feature_distance(self, hr, sr):
        """The mean squared distance of the features; HR's are given, so nothing is kept for their gradient."""
        return losses.mse(ops.stop_gradient(self.features(hr, training=False)), self.features(sr, training=False))
