"""What degraded training patches cost: processor time a patch of the feed, and how long a step waits for its batch.

python benchmarks/degradation_feed.py [--patches-a-second 150]
"""

import argparse
import time

from keras_srgan.cli import start_quietly

start_quietly(feeds=True)

from keras_srgan.data.patches import PatchSampler  # noqa: E402
from keras_srgan.data.pipeline import training_dataset  # noqa: E402
from keras_srgan.data.sample import sample_radiograph  # noqa: E402
from keras_srgan.degradation.presets import PRESETS  # noqa: E402

PATCH, BATCH, STEPS, FIRST = 96, 16, 60, 10


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--patches-a-second", type=float, default=150.0, help="that training takes")
    pause = BATCH / parse.parse_args().patches_a_second
    sampler = PatchSampler([sample_radiograph(reduce=2)] * BATCH, PATCH, BATCH, flat=0.002, edges=0.5)
    print("| degradation | processor, ms a patch | a step waits, ms: mean, longest |\n| --- | --- | --- |")
    for name, degradation in PRESETS.items():
        feed, waits = iter(training_dataset(sampler, 4, 0, degradation)), []
        for step in range(FIRST + STEPS):
            if step == FIRST:
                used = time.process_time()
            started = time.perf_counter()
            next(feed)
            waits.append(1e3 * (time.perf_counter() - started))
            time.sleep(pause)
        cost = 1e3 * (time.process_time() - used) / (STEPS * BATCH)
        waits = waits[FIRST:]
        print(f"| `{name}` | {cost:.2f} | {sum(waits) / STEPS:.1f}, {max(waits):.1f} |", flush=True)


if __name__ == "__main__":
    main()
