"""How fast each engine enlarges here, beside the matrix rate of the same machine in the same run.

    python benchmarks/upscale.py [--engines keras keras:bfloat16 xla ...] [--sides 256 1024] [--rounds 5]

4x of gray 16-bit images with tiles as `upscale` chooses them. Every engine has a process of its own, started one
after another ("first result": from the start of the process to the end of the smallest image, imports and
compilation included). Then all take turns, round after round, so that whatever else the machine does falls on all
alike; figures are medians, "over keras" is the median of the rounds' ratios of time and, in brackets, of processor
time, which other programs disturb less. The last column is the largest difference from the first engine, in grey
levels of 255.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time


def child(engine: str, weights: str, folder: str) -> None:
    """Answers each side on stdin: seconds, processor seconds, peak memory so far in MB, tiles."""
    from keras_srgan.cli import start_quietly

    start_quietly()
    import numpy as np

    from keras_srgan.inference import load

    name, _, precision = engine.partition(":")
    upscaler = load(weights, engine=name, precision=precision or "float32")
    for line in sys.stdin:
        side = int(line)
        image = np.load(f"{folder}/{side}.npy")
        started, busy = time.perf_counter(), time.process_time()
        result = upscaler.run(image, 65535)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        np.save(f"{folder}/{engine}-{side}.npy", result.pixels)
        print(f"{seconds} {busy} {peak} {result.tiles}", flush=True)


class Child:
    """An engine in a process of its own."""

    def __init__(self, engine: str, weights: str, folder: str, side: int):
        command = [sys.executable, __file__, "--child", engine, "--weights", weights, "--folder", folder]
        started = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.ask(side)
        self.first = time.perf_counter() - started

    def ask(self, side: int) -> list[float]:
        assert self.process.stdin and self.process.stdout
        print(side, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError("an engine's process ended: run its command by hand to see why")
        return [float(each) for each in answer]


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--weights", default="xray-srgan-plus", help="weights [xray-srgan-plus]")
    parse.add_argument(
        "--engines",
        nargs="+",
        default=None,
        help="NAME or NAME:PRECISION [all installed, and keras:bfloat16]",
    )
    parse.add_argument("--sides", nargs="+", type=int, default=[256, 1024], help="sides of the images, px [256 1024]")
    parse.add_argument("--rounds", type=int, default=5, help="timed rounds [5]")
    parse.add_argument("--child", help=argparse.SUPPRESS)
    parse.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parse.parse_args()
    if arguments.child:
        return child(arguments.child, arguments.weights, arguments.folder)

    from keras_srgan.cli import start_quietly

    device = start_quietly()
    import numpy as np

    from keras_srgan.backend.arithmetic import describe_machine, matrix_rate
    from keras_srgan.data.sample import sample_radiograph
    from keras_srgan.inference import load
    from keras_srgan.inference.engines import installed
    from keras_srgan.networks.graph.cost import forward_cost

    engines = arguments.engines or [*installed(), "keras:bfloat16"]
    generator = load(arguments.weights).generator
    radiograph = sample_radiograph()
    with tempfile.TemporaryDirectory() as folder:
        for side in arguments.sides:
            pixels = np.resize(radiograph.pixels, (max(side, 1841), 1955))[200 : 200 + side, 300 : 300 + side]
            np.save(f"{folder}/{side}.npy", pixels)
        children = {}
        for engine in engines:
            children[engine] = Child(engine, arguments.weights, folder, arguments.sides[0])
        rates = [matrix_rate(2048)]
        for side in arguments.sides:
            last = {engine: each.ask(side) for engine, each in children.items()}  # compiles, warms up
            times: dict[str, list[list[float]]] = {engine: [] for engine in engines}
            for _ in range(arguments.rounds):
                for engine, each in children.items():
                    times[engine].append(each.ask(side)[:2])
                rates.append(matrix_rate(2048))
            work = forward_cost(generator, (side, side, 1))[0]
            reference = np.load(f"{folder}/{engines[0]}-{side}.npy").astype("float64")
            print(f"\n{side}x{side} -> {4 * side}x{4 * side}, {work / 1e9:.0f} GFLOP counted directly\n")
            print(
                "| engine | s | CPU s | output MP/s | GFLOP/s | over keras | tiles | peak MB | first, s | difference |"
            )
            print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
            plain = np.array(times.get("keras", times[engines[0]]))
            for engine in engines:
                seconds, busy = np.median(times[engine], axis=0)
                gain = np.median(plain / np.array(times[engine]), axis=0)
                _, _, peak, tiles = last[engine]
                apart = np.abs(np.load(f"{folder}/{engine}-{side}.npy") - reference).max() * 255 / 65535
                print(
                    f"| {engine} | {seconds:.2f} | {busy:.2f} | {16 * side**2 / 1e6 / seconds:.2f} | "
                    f"{work / 1e9 / seconds:.0f} | {gain[0]:.2f} ({gain[1]:.2f}) | {tiles:.0f} | {peak:.0f} | "
                    f"{children[engine].first:.1f} | {apart:.4f} |",
                    flush=True,
                )
        for each in children.values():
            each.process.stdin.close()
            each.process.wait()
    rate = np.median(rates) / 1e9
    print(f"\n{describe_machine(device)}\nfloat32 matrix product, median of the same rounds: {rate:.0f} GFLOP/s")
    print(f"command: python {' '.join(sys.argv)}")


if __name__ == "__main__":
    main()
