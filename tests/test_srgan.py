import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_srgan import losses
from keras_srgan.networks.discriminators.strided import strided_discriminator
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.srgan import SRGAN, SRResNetTrainer


def features_model():
    image = keras.Input((None, None, 1))
    features = keras.layers.Conv2D(4, 3, activation="relu")(image)
    model = keras.Model(image, keras.layers.Activation("linear", dtype="float32")(features))
    model.trainable = False
    return model


def make_gan(seed=0, jit=False, norm="batch", ema=0.999, **weights):
    keras.utils.set_random_seed(seed)
    gan = SRGAN(
        srresnet(filters=4, blocks=1, norm=norm),
        strided_discriminator(patch=32, filters=4, dense=8),
        features_model(),
        ema=ema,
    )
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3), jit_compile=jit, **weights)
    return gan


@pytest.fixture
def batch(rng):
    hr = rng.uniform(-1, 1, (4, 32, 32, 1)).astype("float32")
    return hr[:, ::4, ::4], hr


def values(model):
    return [np.array(v) for v in model.trainable_variables]


def moved(before, model):
    return [not np.array_equal(a, np.array(b)) for a, b in zip(before, model.trainable_variables, strict=True)]


@pytest.mark.parametrize("term", ["content", "perceptual", "adversarial"])
def test_each_term_alone_reaches_the_whole_generator(term, batch):
    weights = {f"{name}_weight": float(name == term) for name in ("content", "perceptual", "adversarial")}
    gan = make_gan(**weights)
    before = values(gan.generator)
    gan.fit(*batch, batch_size=4, shuffle=False, verbose=0)
    still = [
        v.path
        for v, changed in zip(gan.generator.trainable_variables, moved(before, gan.generator), strict=True)
        # A bias before BN has no effect, by design.
        if not changed and not ("bias" in v.path and "conv" in v.path)
    ]
    assert still == []


def test_no_term_moves_nothing(batch):
    gan = make_gan(content_weight=0.0, perceptual_weight=0.0, adversarial_weight=0.0)
    before = values(gan.generator)
    gan.fit(*batch, batch_size=4, shuffle=False, verbose=0)
    assert not any(moved(before, gan.generator))


def test_the_discriminators_loss_reaches_only_the_discriminator(batch):
    gan = make_gan(content_weight=0.0, perceptual_weight=0.0, adversarial_weight=0.0)
    before_g, before_d = values(gan.generator), values(gan.discriminator)
    features = [np.array(w) for w in gan.features.weights]
    gan.fit(*batch, batch_size=4, shuffle=False, verbose=0)
    assert not any(moved(before_g, gan.generator))
    assert all(
        changed or "bias" in v.path
        for v, changed in zip(gan.discriminator.trainable_variables, moved(before_d, gan.discriminator), strict=True)
    )
    for a, b in zip(features, gan.features.weights, strict=True):
        np.testing.assert_array_equal(a, np.array(b))


def test_one_shared_pass_gives_the_gradients_of_two_separate_updates(batch):
    lr, hr = batch
    gan = make_gan()
    with tf.GradientTape() as tape:
        sr = gan.generator(lr, training=True)
        fake = gan.critic(sr, training=True)
        loss = (
            losses.mse(hr, sr)
            + 0.006 * losses.mse(gan.features(hr), gan.features(sr))
            + 1e-3 * losses.adversarial_loss(None, fake)
        )
    expected_g = tape.gradient(loss, gan.generator.trainable_variables)
    with tf.GradientTape() as tape:
        d_loss = losses.discriminator_loss(gan.critic(hr, training=True), gan.critic(sr, training=True))
    expected_d = tape.gradient(d_loss, gan.discriminator.trainable_variables)
    seen = {}
    gan.optimizer.apply = lambda gradients, variables: seen.update(g=gradients)
    gan.d_optimizer.apply = lambda gradients, variables: seen.update(d=gradients)
    gan.train_step((tf.constant(lr), tf.constant(hr)))
    for got, expected in ((seen["g"], expected_g), (seen["d"], expected_d)):
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-6, rtol=1e-4)


def test_the_average_moves_slowly_and_towards_the_generator(batch):
    gan = make_gan(ema=0.999)
    gan.step.assign(100_000)
    start = [np.array(v) for v in gan.ema_generator.variables]
    gan.fit(*batch, batch_size=4, shuffle=False, verbose=0)
    for old, average, new in zip(start, gan.ema_generator.variables, gan.generator.variables, strict=True):
        np.testing.assert_allclose(np.array(average), old + 0.001 * (np.array(new) - old), atol=1e-7)
    assert any((np.array(new) != old).any() for old, new in zip(start, gan.generator.variables, strict=True))


def test_the_average_follows_quickly_at_first_and_keeps_bn_statistics(batch):
    gan = make_gan(ema=0.999)
    gan.fit(*batch, batch_size=4, shuffle=False, verbose=0)
    statistics = [
        (a, g) for a, g in zip(gan.ema_generator.variables, gan.generator.variables, strict=True) if "moving" in g.path
    ]
    assert statistics
    for average, value in statistics:
        start = 0.0 if "mean" in value.path else 1.0
        np.testing.assert_allclose(np.array(average), start + 0.9 * (np.array(value) - start), atol=1e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_pretraining_lowers_the_loss_by_plain_fit(jit, batch):
    keras.utils.set_random_seed(0)
    model = SRResNetTrainer(srresnet(filters=8, blocks=1, norm="none", skip="bicubic"))
    model.compile(keras.optimizers.Adam(1e-3), "l1", jit_compile=jit)
    history = model.fit(*batch, batch_size=4, epochs=15, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_adversarial_fit_logs_every_term_and_validates(batch):
    gan = make_gan(jit=True)
    history = gan.fit(*batch, batch_size=4, epochs=2, validation_data=batch, verbose=0).history
    names = {"loss", "content", "perceptual", "adversarial", "d_loss", "d_real", "d_fake", "val_psnr", "val_ssim"}
    assert set(history) == names
    assert all(np.isfinite(each).all() for each in history.values())
    assert 0 < history["d_real"][0] < 1 and 0 < history["d_fake"][0] < 1


def test_only_the_two_optimizers_are_in_the_model_and_both_are_built():
    gan = make_gan()
    assert isinstance(gan.optimizer, keras.optimizers.Adam)
    assert gan.optimizer.built and gan.d_optimizer.built
    assert len(gan.optimizer.variables) == 2 + 2 * len(gan.generator.trainable_variables)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_both_networks_with_float32_losses(precision, batch):
    from keras_srgan.recipes import Recipe
    from keras_srgan.train.stages import adam

    recipe = Recipe(precision=precision, lr=1e-3)
    keras.config.set_dtype_policy(precision)
    try:
        gan = SRGAN(
            srresnet(filters=4, blocks=1), strided_discriminator(patch=32, filters=4, dense=8), features_model()
        )
    finally:
        keras.config.set_dtype_policy("float32")
    gan.compile(adam(recipe, "adversarial", 10), adam(recipe, "adversarial", 10), jit_compile=True)
    scaled = [isinstance(o, keras.optimizers.LossScaleOptimizer) for o in (gan.optimizer, gan.d_optimizer)]
    assert scaled == [precision == "mixed_float16"] * 2
    assert gan.generator.get_layer("trunk").compute_dtype == precision.removeprefix("mixed_")
    assert gan.generator(batch[0]).dtype == "float32" and gan.critic(batch[1]).dtype == "float32"
    before = values(gan.generator), values(gan.discriminator)
    logs = gan.fit(*batch, batch_size=4, epochs=8, verbose=0).history
    assert all(np.isfinite(each).all() for each in logs.values())
    assert any(moved(before[0], gan.generator)) and any(moved(before[1], gan.discriminator))


def test_losses_equal_a_numpy_reference(rng):
    real, fake = rng.normal(size=(2, 8, 1)) * 4
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    d_loss = -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean()
    assert float(losses.discriminator_loss(real, fake)) == pytest.approx(d_loss, rel=1e-5)
    assert float(losses.adversarial_loss(None, fake)) == pytest.approx(-np.log(sigmoid(fake)).mean(), rel=1e-5)
    # Exact where the probability itself would round to 0: -log D is then the logit.
    assert float(losses.adversarial_loss(None, np.array([[-200.0]], "float32"))) == pytest.approx(200)
    a, b = rng.normal(size=(2, 3, 4, 4, 1))
    assert float(losses.mse(a, b)) == pytest.approx(((a - b) ** 2).mean(), rel=1e-5)
    assert float(losses.l1(a, b)) == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
    assert float(losses.charbonnier(a, b)) == pytest.approx(np.sqrt((a - b) ** 2 + 1e-6).mean(), rel=1e-5)
