"""Makes docs/images/radiograph.png: a detail of the embedded radiograph, bicubic beside the weights, and HR.

python benchmarks/readme_picture.py [--weights xray-srgan-plus xray-srgan-plus-pretrained]
"""

import argparse
from pathlib import Path

from keras_srgan.cli import start_quietly  # noqa: E402
from keras_srgan.images.display import stretch  # noqa: E402

start_quietly()

import numpy as np  # noqa: E402

from keras_srgan import load  # noqa: E402
from keras_srgan.data.sample import sample_radiograph  # noqa: E402
from keras_srgan.images.display import sheet  # noqa: E402
from keras_srgan.resampling import crop_to_multiple, reduce_image, resize  # noqa: E402
from keras_srgan.train.callbacks import pictures  # noqa: E402

DETAIL = np.s_[350:590, 560:800]  # hilum and ribs of the left lung, px of the reduced radiograph


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--weights", nargs="+", default=["xray-srgan-plus-pretrained", "xray-srgan-plus"])
    parse.add_argument("--reduce", type=int, default=2, help="HR is the radiograph reduced by this")
    parse.add_argument("--out", type=Path, default=Path("docs/images/radiograph.png"))
    arguments = parse.parse_args()
    image = sample_radiograph(reduce=arguments.reduce)
    hr = crop_to_multiple(image.pixels, 4)
    lr = reduce_image(hr, 4, image.max_value)
    shown = {"bicubic, x4": resize(lr, 4)}
    for name in arguments.weights:
        shown[name] = load(name).upscale(lr, image.max_value)
    shown["HR"] = hr
    details = [np.asarray(each[DETAIL], "float32")[..., None] * (2 / image.max_value) - 1 for each in shown.values()]
    pictures.save_picture(arguments.out, sheet([stretch(details, details[-1])], [list(shown)]))


if __name__ == "__main__":
    main()
