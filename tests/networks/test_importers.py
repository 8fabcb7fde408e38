import h5py
import numpy as np
import pytest

from keras_srgan.networks.generators.srresnet import srresnet
from keras_srgan.networks.importers import import_rrdb, import_srresnet


def legacy_file(path, network):
    """A file as tf.keras 1.13 wrote it: layers in order, arrays under their names."""
    layers = [(layer.name, [np.asarray(w) for w in layer.weights]) for layer in network.layers]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name, _ in layers]
        for name, arrays in layers:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{i}:0".encode() for i in range(len(arrays))]
            for i, array in enumerate(arrays):
                group[f"{name}/{i}:0"] = array


def test_a_legacy_srresnet_is_the_same_function(tmp_path, rng):
    network = srresnet(channels=3)
    for v in network.variables:
        v.assign(np.asarray(v) + np.abs(rng.normal(size=v.shape)) * 0.01)
    legacy_file(tmp_path / "g.h5", network)
    imported = import_srresnet(tmp_path / "g.h5")
    lr = rng.integers(0, 256, (7, 9, 3)).astype("uint8")
    expected = (np.asarray(network(lr[None] / np.float32(255)))[0] + 1) * 127.5
    sr = imported(lr, 255)
    assert sr.dtype == np.uint8 and sr.shape == (28, 36, 3)
    assert np.abs(sr - np.clip(expected, 0, 255)).max() <= 0.51


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such weights file"):
        import_srresnet(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(ValueError, match="text.h5: not an HDF5 file"):
        import_srresnet(tmp_path / "text.h5")
    legacy_file(tmp_path / "small.h5", srresnet(channels=3, blocks=1))
    with pytest.raises(ValueError, match="not the SRResNet"):
        import_srresnet(tmp_path / "small.h5")
    (tmp_path / "net.pth").write_bytes(b"")
    with pytest.raises(ValueError, match="convert it to .safetensors"):
        import_rrdb(tmp_path / "net.pth")
    with pytest.raises(ValueError, match="not an RRDBNet"):
        import_rrdb({"conv_first.weight": np.zeros((4, 3, 3, 3), "float32")})


def rrdb_tensors(rng, later, filters=4, growth=2, channels=1):
    block, dense = ("body.0", "rdb") if later else ("RRDB_trunk.0", "RDB")
    shapes = {"conv_first": (filters, channels), "conv_last": (channels, filters)}
    names = (
        ("conv_body", "conv_up1", "conv_up2", "conv_hr") if later else ("trunk_conv", "upconv1", "upconv2", "HRconv")
    )
    shapes |= {name: (filters, filters) for name in names}
    for j in (1, 2, 3):
        for k in range(1, 6):
            shapes[f"{block}.{dense}{j}.conv{k}"] = (filters if k == 5 else growth, filters + growth * (k - 1))
    tensors = {}
    for name, shape in shapes.items():
        tensors[f"{name}.weight"] = rng.normal(size=(*shape, 3, 3)).astype("float32") * 0.1
        tensors[f"{name}.bias"] = rng.normal(size=shape[0]).astype("float32") * 0.1
    return tensors


def reference_rrdb(t, x, later):
    """ESRGAN's network in NumPy and SciPy, channels first."""
    from scipy.signal import correlate2d

    def conv(name, x):
        kernel, bias = t[f"{name}.weight"], t[f"{name}.bias"]
        return np.stack(
            [sum(correlate2d(c, k, "same") for c, k in zip(x, rows, strict=True)) for rows in kernel]
        ) + bias.reshape(-1, 1, 1)

    def lrelu(x):
        return np.where(x > 0, x, 0.2 * x)

    block, dense = ("body.0", "rdb") if later else ("RRDB_trunk.0", "RDB")
    body, up1, up2, hr = ("conv_body", "conv_up1", "conv_up2", "conv_hr") if later else (
        "trunk_conv", "upconv1", "upconv2", "HRconv")  # fmt: skip
    first = conv("conv_first", x)
    y = first
    for j in (1, 2, 3):
        seen = [y]
        for k in range(1, 5):
            seen.append(lrelu(conv(f"{block}.{dense}{j}.conv{k}", np.concatenate(seen))))
        y = y + 0.2 * conv(f"{block}.{dense}{j}.conv5", np.concatenate(seen))
    y = first + conv(body, first + 0.2 * y)
    for name in (up1, up2):
        y = lrelu(conv(name, y.repeat(2, axis=1).repeat(2, axis=2)))
    return conv("conv_last", lrelu(conv(hr, y)))


@pytest.mark.parametrize("later", [False, True])
def test_esrgans_tensors_give_esrgans_function(later, tmp_path, rng):
    tensors = rrdb_tensors(rng, later)
    x = rng.uniform(0, 1, (1, 6, 5)).astype("float32")
    expected = reference_rrdb(tensors, x, later)
    network = import_rrdb(tensors).network
    np.testing.assert_allclose(np.asarray(network(x[..., None]))[0, ..., 0], expected[0], atol=1e-5)
    files = pytest.importorskip("safetensors.numpy")
    files.save_file(tensors, tmp_path / "net.safetensors")
    loaded = import_rrdb(tmp_path / "net.safetensors").network
    np.testing.assert_array_equal(np.asarray(network(x[..., None])), np.asarray(loaded(x[..., None])))
