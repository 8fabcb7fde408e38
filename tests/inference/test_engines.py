import sys

import numpy as np
import pytest

from keras_srgan.inference import Upscaler
from keras_srgan.inference.engines import ENGINES, PACKAGES, make_engine, require
from keras_srgan.networks.generators.edsr import edsr
from keras_srgan.networks.generators.recursive import recursive
from keras_srgan.networks.generators.rrdb import rrdb
from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.networks.generators.unet import unet
from keras_srgan.networks.graph.receptive_field import sees_whole_image

NETWORKS = {
    "srresnet x4": lambda: srresnet(filters=32, blocks=1),
    "srresnet x2 bicubic": lambda: srresnet(scale=2, filters=32, blocks=1, norm="none", skip="bicubic"),
    "srresnet x3 colour": lambda: srresnet(channels=3, scale=3, filters=32, blocks=1),
    "srresnet x8 bicubic": lambda: srresnet(scale=8, filters=32, blocks=1, skip="bicubic"),
    "srresnet instance": lambda: srresnet(scale=2, filters=32, blocks=1, norm="instance"),
    "edsr": lambda: edsr(scale=2, filters=32, blocks=1, residual_scale=0.1),
    "rrdb": lambda: rrdb(channels=1, scale=2, filters=32, blocks=1),
    "recursive": lambda: recursive(scale=2, filters=32, blocks=2),
}


def smooth(rng, *shape):
    """Values as of an image: neighbours alike."""
    return (np.cumsum(rng.normal(size=shape), axis=2) / 20).clip(-1, 1).astype("float32")


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "keras"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_engine_gives_keras_image(engine, name, shaken, rng):
    for package in PACKAGES.get(engine, ()):
        pytest.importorskip(package)
    generator = shaken(NETWORKS[name]())
    run = make_engine(engine, generator).run
    # Less than a block; more than one, with odd sides.
    for height, width in ((9, 7), (51, 70)) if engine != "xla" else ((9, 7),):
        lr = smooth(rng, 2, height, width, generator.inputs[0].shape[-1])
        expected = np.asarray(generator(lr, training=False))
        sr = run(lr)
        assert sr.dtype == np.float32 and sr.shape == expected.shape
        # Grey levels of 255; statistics over the whole image differ with the order of summation.
        assert np.abs(sr - expected).max() * 127.5 < (3e-3 if sees_whole_image(generator) else 1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_follows_weights_that_change_after_the_first_image(engine, shaken, rng):
    for package in PACKAGES.get(engine, ()):
        pytest.importorskip(package)
    generator = shaken(srresnet(scale=2, filters=8, blocks=1))
    run, lr = make_engine(engine, generator).run, smooth(rng, 1, 9, 7, 1)
    before = run(lr)
    for variable in generator.trainable_variables:
        variable.assign(1.1 * variable)
    after = np.asarray(generator(lr, training=False))
    assert np.abs(after - before).max() > 1e-2
    assert np.abs(run(lr) - after).max() < 1e-4


def test_bilinear_enlargement_runs_at_any_size(rng):
    generator = unet(filters=4, upsampling="bilinear")
    engine = make_engine("keras", generator)
    for h, w in ((20, 30), (33, 17)):
        lr = smooth(rng, 1, h, w, 1)
        np.testing.assert_allclose(engine.run(lr), np.asarray(generator(lr, training=False)), atol=1e-5)


def test_unknown_and_missing_engines_are_named(monkeypatch):
    with pytest.raises(ValueError, match="'tpu' is not known: choose one of auto, keras"):
        require("tpu")
    for name, (_, package) in PACKAGES.items():
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ValueError, match=rf"needs .*{package}.*pip install 'keras-srgan\[{name}\]'"):
            Upscaler(srresnet(filters=4, blocks=1), 4, 1, engine=name)
