import cv2
import numpy as np

from keras_srgan.train.callbacks.tensorboard import Events


def test_tensorboard_reads_back_the_scalars_and_the_picture(tmp_path, rng):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    picture = rng.integers(0, 256, (5, 7, 3)).astype("uint8")
    events = Events(tmp_path / "pretrain")
    for step in (1, 2):
        events.write(step, {"loss": 0.5 / step, "val_psnr": 30.0}, {"SR": picture})
    found = EventAccumulator(str(tmp_path / "pretrain"))
    found.Reload()
    scalars = {name: [(each.step, each.value) for each in found.Scalars(name)] for name in ("loss", "val_psnr")}
    assert scalars == {"loss": [(1, 0.5), (2, 0.25)], "val_psnr": [(1, 30.0), (2, 30.0)]}
    image = found.Images("SR")[1]
    assert (image.step, image.width, image.height) == (2, 7, 5)
    png = image.encoded_image_string
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(png, "uint8"), cv2.IMREAD_COLOR)[..., ::-1], picture)
