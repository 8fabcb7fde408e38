import keras
import numpy as np
import pytest

from keras_srgan.losses import build_features
from keras_srgan.losses.perceptual import feature_model
from keras_srgan.weights import weights_folder


@pytest.fixture(scope="module")
def bundled():
    return build_features("vgg19", "block3_conv4", "bundled")


def test_the_bundled_file_is_attributed_small_and_said_to_be_used(bundled):
    model, origin = bundled
    assert "bundled" in origin and "Simonyan" in origin
    assert (weights_folder() / "vgg19-blocks123.weights.h5").stat().st_size < 6_000_000
    assert "Simonyan" in (weights_folder() / "README.md").read_text(encoding="utf-8")
    assert not model.trainable_variables


def test_features_see_gray_as_three_equal_channels_in_vggs_own_range(bundled, rng):
    gray = rng.uniform(-1, 1, (2, 16, 20, 1)).astype("float32")
    features = np.asarray(bundled[0](gray))
    assert features.shape == (2, 4, 5, 256) and features.dtype == "float32"
    network = keras.applications.VGG19(include_top=False, weights=None, input_shape=(None, None, 3))
    inner = next(layer for layer in bundled[0].layers if isinstance(layer, keras.Model))
    reference = keras.Model(network.input, network.get_layer("block3_conv4").output)
    reference.set_weights(inner.get_weights())
    rgb = np.repeat((gray + 1) * 127.5, 3, axis=-1)
    expected = np.asarray(reference(keras.applications.vgg19.preprocess_input(rgb.copy()))) / 12.75
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_features_tell_images_apart_and_know_equal_ones(bundled, rng):
    a = rng.uniform(-1, 1, (1, 24, 24, 1)).astype("float32")
    f = bundled[0]
    assert float(np.abs(f(a) - f(a)).max()) == 0
    blurred = (a + np.roll(a, 1, 1) + np.roll(a, 1, 2)) / 3
    assert float(np.mean((f(a) - f(blurred)) ** 2)) > 1


def test_before_activation_keeps_what_relu_cuts(rng):
    network = keras.applications.VGG19(include_top=False, weights=None, input_shape=(None, None, 3))
    image = rng.uniform(-1, 1, (1, 16, 16, 1)).astype("float32")
    after = np.asarray(feature_model(network, "vgg19", "block2_conv2")(image))
    before = np.asarray(feature_model(network, "vgg19", "block2_conv2", before_activation=True)(image))
    assert after.min() >= 0 > before.min()
    np.testing.assert_allclose(np.maximum(before, 0), after, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name,layer", [("resnet50", "conv2_block1_out"), ("inception_v3", "mixed0")])
def test_other_feature_networks_work_from_a_weights_file(name, layer, tmp_path, rng):
    table = {"resnet50": keras.applications.ResNet50, "inception_v3": keras.applications.InceptionV3}
    table[name](include_top=False, weights=None, input_shape=(None, None, 3)).save_weights(tmp_path / "w.weights.h5")
    model, origin = build_features(name, layer, str(tmp_path / "w.weights.h5"), channels=3)
    assert "w.weights.h5" in origin
    assert np.isfinite(np.asarray(model(rng.uniform(-1, 1, (1, 96, 96, 3)).astype("float32")))).all()


def test_what_can_not_be_had_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="block3_conv4 only.*--features-weights FILE.*imagenet"):
        build_features("vgg19", "block5_conv4", "bundled")
    with pytest.raises(ValueError, match="no layer 'block3_conv9'.*block3_conv1"):
        build_features("vgg19", "block3_conv9", "bundled")
    with pytest.raises(FileNotFoundError, match="absent.h5: no such file"):
        build_features("vgg19", "block3_conv4", str(tmp_path / "absent.h5"))
    (tmp_path / "bad.weights.h5").write_bytes(b"no")
    with pytest.raises(ValueError, match="bad.weights.h5: not an HDF5 file"):
        build_features("vgg19", "block3_conv4", str(tmp_path / "bad.weights.h5"))


def test_the_bundled_layers_equal_the_whole_files(shared, bundled, rng):
    whole, _ = build_features("vgg19", "block3_conv4", str(shared / "weights" / "vgg19_notop_float16.weights.h5"))
    image = rng.uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    np.testing.assert_array_equal(np.asarray(whole(image)), np.asarray(bundled[0](image)))
