"""What each exported form costs and loses: file size, difference from Keras, time, beside the engine `keras`.

    python benchmarks/export.py [--weights xray-srgan-plus] [--side 256] [--rounds 3]

Differences and times are of one detail of the embedded radiograph. Each form takes turns with the engine `keras`, round
after round, so that whatever else the machine does falls on both alike; "over keras" is the median of the rounds'
ratios. One form is open at a time, since each keeps gigabytes.
"""

import argparse
import tempfile
import time
from pathlib import Path


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--weights", default="xray-srgan-plus", help="weights [xray-srgan-plus]")
    parse.add_argument("--side", type=int, default=256, help="of the detail, px [256]")
    parse.add_argument("--rounds", type=int, default=3, help="timed rounds [3]")
    arguments = parse.parse_args()

    from keras_srgan.cli import start_quietly

    print(start_quietly())
    import numpy as np

    from keras_srgan.data.sample import sample_radiograph
    from keras_srgan.export.exporter import export
    from keras_srgan.export.formats import FORMATS
    from keras_srgan.inference import load

    upscaler, side = load(arguments.weights, engine="keras"), arguments.side
    image = sample_radiograph(reduce=2)
    lr = (
        (image.pixels[300 : 300 + side, 500 : 500 + side] / image.max_value).astype("float32").reshape(1, side, side, 1)
    )
    expected = upscaler.upscale(lr)

    def measure(name: str, run, megabytes: float = 0) -> None:
        apart = (run(lr) - expected) * 255.0  # warms up too
        times = np.array([[_seconds(each, lr) for each in (upscaler.upscale, run)] for _ in range(arguments.rounds)])
        gain, seconds = np.median(times[:, 0] / times[:, 1]), np.median(times[:, 1])
        largest, rms = np.abs(apart).max(), np.sqrt(np.mean(apart**2))
        print(f"| {name} | {megabytes:.2f} | {largest:.2g} | {rms:.2g} | {seconds:.2f} | {gain:.2f} |", flush=True)

    print("| form | MB | largest difference | RMS | s | over keras |\n| --- | --- | --- | --- | --- | --- |")
    measure("engine xla", load(arguments.weights, engine="xla").upscale)
    with tempfile.TemporaryDirectory() as folder:
        for kind, form in FORMATS.items():
            for quantize in (None, *form.quantize):
                name = f"{kind} {quantize or ''}".strip()
                done = export(upscaler, kind, Path(folder) / f"{name}{form.suffix}", quantize)
                measure(name, form.open(done.files[0]), done.megabytes)
                if name == "openvino":
                    import openvino

                    model = openvino.compile_model(done.files[0], "CPU")
                    measure("openvino, without the hint", lambda lr, model=model: model({"lr": lr})["sr"])
                    del model


def _seconds(run, lr) -> float:
    started = time.perf_counter()
    run(lr)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
