"""Times preparing a folder and drawing batches from its shards, for docs/scale.md.

    python benchmarks/shards.py DIR

Batches of 16 patches of 96 px are drawn from memory, from shards whose images are decoded each time, and from shards
whose images are all kept; medians of interleaved rounds. CPU seconds hardly depend on what else the machine does.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import google_crc32c

from keras_srgan.cli import start_quietly  # noqa: E402

start_quietly()

from keras_srgan.data.folder import load_folder  # noqa: E402
from keras_srgan.data.patches import PatchSampler  # noqa: E402
from keras_srgan.data.shards.reader import load_shards  # noqa: E402
from keras_srgan.images import find_images  # noqa: E402
from keras_srgan.prepare.writer import ShardOptions, prepare  # noqa: E402

BATCH, PATCH, STEPS, ROUNDS = 16, 96, 4, 5


def timed(work):
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parse.add_argument("data", help="folder of gray images of at least 96 px")
    data = Path(parse.parse_args().data)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "set")
        wall, cpu = timed(lambda: prepare(data, made, ShardOptions(val_fraction=0.0), log=lambda line: None))
        memory = load_folder(data, memory_gb=64.0)
        count, pixels = len(memory), sum(image.pixels.size for image in memory) / 1e6
        size = sum(path.stat().st_size for path in made.glob("*/*.tfrecord")) / 1e6
        source = sum(path.stat().st_size for path in find_images(data)) / 1e6
        print(f"{count} images, {pixels / count:.2f} MP each; {source:.1f} MB of files, {size:.1f} MB of shards")
        print(f"prepare: {count / wall:.1f} images/s, {1e3 * cpu / count:.1f} ms of CPU an image")
        sets = {
            "memory": memory,
            "shards, decoded each time": load_shards(str(made), "train", memory_gb=0.0),
            "shards, all kept": load_shards(str(made), "train", memory_gb=64.0),
        }
        for image in sets["shards, all kept"]:
            image.pixels[0]
        samplers = {name: PatchSampler(images, PATCH, BATCH, flat=0.01) for name, images in sets.items()}
        rounds: dict[str, list] = {name: [] for name in sets}
        for turn in range(ROUNDS):
            for name, sampler in samplers.items():
                steps = range(turn * STEPS, (turn + 1) * STEPS)
                rounds[name].append(timed(lambda sampler=sampler, steps=steps: [sampler.draw(n) for n in steps]))
        for name, figures in rounds.items():
            wall, cpu = (statistics.median(each) / (STEPS * BATCH) for each in zip(*figures, strict=True))
            print(f"drawing, {name}: {1 / wall:.0f} patches/s, {1e3 * cpu:.2f} ms of CPU a patch")
        record = bytes(int(1e6 * size / count))
        checksum = min(timed(lambda: google_crc32c.value(record))[1] for _ in range(20))
        print(f"of it the record's checksum: {1e3 * checksum:.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
