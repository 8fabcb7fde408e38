"""Patches a second for every backend, precision and number of devices found here, beside the matrix rate of the device.

    python benchmarks/devices.py [--seconds 20] [--stages pretrain adversarial] [--backends tensorflow jax]

Each row is a process of its own that trains by `keras_srgan.train.loop`, input pipeline included, on the embedded
radiograph; the clock starts after a warm-up that holds the compilation. Share of the matrix rate: floating-point
operations of the direct forms (a multiply-add is two) over those of a matrix product in the same precision, on the same
devices, in the same process. Efficiency: the rate over that of one device, times the number of devices. Where there is
no accelerator, "2 hosts" are two processes with half of the cores each, and their efficiency is over one with all.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

PRECISIONS = {"cpu": ("float32",), "gpu": ("float32", "mixed_bfloat16", "mixed_float16")}
STAGES = ("pretrain", "adversarial", "inference")
LARGE = 512  # px, the side of LR in inference
LONG = 40 * 5000  # patches of the papers' adversarial stage


def one(arguments) -> dict:
    """Measures in this process; the figures of one row."""
    from keras_srgan.backend.arithmetic import matrix_rate
    from keras_srgan.backend.devices import find
    from keras_srgan.cli import start_quietly
    from keras_srgan.networks.graph.cost import forward_cost

    if arguments.cores:
        os.sched_setaffinity(0, arguments.cores)
    replicas = find(arguments.devices)
    device = start_quietly(feeds=True, start=replicas.start)
    import keras
    import numpy as np

    from keras_srgan.data.patches import PatchSampler
    from keras_srgan.data.pipeline import training_dataset
    from keras_srgan.data.sample import sample_radiograph
    from keras_srgan.networks import build_generator
    from keras_srgan.recipes import find_recipe
    from keras_srgan.train import plan as cost
    from keras_srgan.train.run import Run
    from keras_srgan.train.stages import build_stage

    kind = "gpu" if "GPU" in device else "cpu"
    recipe = find_recipe(arguments.recipe).replace(precision=arguments.precision, batch=arguments.batch, warmup=0)
    if replicas.count > 1 and arguments.no_sync_bn:
        recipe = recipe.replace(sync_bn=False)
    dtype = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}.get(recipe.precision, "float32")
    size, rounds = (8192, 20) if kind == "gpu" else (2048, 3)
    found = {"device": device, "kind": kind, "matrix": replicas.count * matrix_rate(size, dtype, rounds)}
    work = cost.training_cost(recipe)
    image = sample_radiograph(reduce=2)
    for stage in arguments.stages:
        if stage == "inference":
            if replicas.count > 1:
                continue
            keras.config.set_dtype_policy(recipe.precision)
            model = build_generator(recipe)
            keras.config.set_dtype_policy("float32")
            model.compile(jit_compile=True)
            lr = np.zeros((1, LARGE, LARGE, recipe.channels), "float32")
            model.predict_on_batch(lr)
            count, started = 0, time.perf_counter()
            while time.perf_counter() - started < arguments.seconds:
                model.predict_on_batch(lr)
                count += 1
            rate = count / (time.perf_counter() - started)
            operations = forward_cost(model, (LARGE, LARGE, recipe.channels))[0]
            found[stage] = {"rate": rate * (LARGE * recipe.scale) ** 2 / 1e6, "operations": rate * operations}
            continue
        run = Run(recipe, [image] * recipe.batch, [], Path(), log=lambda _: None, replicas=replicas)
        with replicas.building():
            model = build_stage(run, stage)
        part = (replicas.host, replicas.hosts)
        sampler = PatchSampler(run.train, recipe.patch, recipe.batch, flat=0.002, part=part)
        clock = _clock(keras, arguments.seconds, arguments.steps, replicas.count > 1)
        with replicas.running():
            feed = replicas.feed(training_dataset(sampler, recipe.scale), recipe.batch)
            model.fit(feed, steps_per_epoch=10**6, verbose=0, callbacks=[clock])
        rate = clock.rate * recipe.batch
        found[stage] = {"rate": rate, "operations": rate * getattr(work, stage)}
    replicas.barrier()
    return found


def _clock(keras, seconds: float, steps: int, shared: bool):
    """A callback that stops after some time, or a number of steps, and knows the steps a second."""

    from keras_srgan.machine import keep_freed_memory

    class Clock(keras.callbacks.Callback):
        done, rate, warm = 0, float("nan"), 3

        def on_train_batch_end(self, batch, logs=None):
            self.done += 1
            if self.done == self.warm:
                float(logs["loss"])
                if shared or keras.backend.backend() == "jax":
                    keep_freed_memory()  # as training does
                self.started = time.perf_counter()
            counted = self.done - self.warm
            # A look at the loss waits for the step: one in ten, so that a GPU has the next ones queued.
            if counted < 1 or (counted % 10 and not steps):
                return
            if steps and counted < steps:
                return
            float(logs["loss"])
            passed = time.perf_counter() - self.started
            if steps or passed > seconds:
                self.rate = counted / passed
                self.model.stop_training = True

    return Clock()


def row(arguments, backend: str, precision: str, devices: str, hosts: int = 1, steps: int = 0) -> dict | None:
    """Runs `one` in a process, or in several hosts' processes; `None` where it failed."""
    flags = [
        f"--devices={devices}",
        f"--precision={precision}",
        f"--recipe={arguments.recipe}",
        f"--batch={arguments.batch}",
    ]
    flags += [f"--seconds={arguments.seconds}", f"--steps={steps}", "--stages", *arguments.stages, "--one"]
    flags += ["--no-sync-bn"] if arguments.no_sync_bn else []
    names, processes = [], []
    with contextlib.ExitStack() as stack:
        for _ in range(hosts):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            names.append(f"127.0.0.1:{listener.getsockname()[1]}")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for host in range(hosts):
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        mine = list(flags)
        if hosts > 1:
            task = {"cluster": {"worker": names}, "task": {"type": "worker", "index": host}}
            environment["TF_CONFIG"] = json.dumps(task)
            mine += ["--cores", *(str(core) for core in cores[host::hosts])]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen([sys.executable, __file__, *mine], env=environment, **pipes))
    ends = [process.communicate() for process in processes]
    lines = [line for line in ends[0][0].splitlines() if line.startswith("{")]
    if any(process.returncode for process in processes) or not lines:
        print(
            f"{backend}, {precision}, {devices} device(s), {hosts} host(s): {ends[0][1].strip()[-300:]}",
            file=sys.stderr,
        )
        return None
    return json.loads(lines[-1])


def show(label: str, found: dict | None, base: dict | None, count: int) -> None:
    """Prints a row; of the adversarial stage also what the papers' run would take."""
    for stage in STAGES:
        if not found or stage not in found:
            continue
        figures = found[stage]
        unit = "MP/s" if stage == "inference" else "patches/s"
        efficiency = f"{figures['rate'] / base[stage]['rate'] / count:.2f}" if base and stage in base else "-"
        share = figures["operations"] / found["matrix"]
        run = f"{LONG / figures['rate'] / 60:.0f} min" if stage == "adversarial" else "-"
        print(f"| {label} | {stage} | {figures['rate']:.1f} {unit} | {share:.2f} | {efficiency} | {run} |", flush=True)


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--recipe", default="xray-srgan-plus", help="recipe [xray-srgan-plus]")
    parse.add_argument("--batch", type=int, default=16, help="patches a step, of all devices [16]")
    parse.add_argument("--seconds", type=float, default=20.0, help="timed seconds of each stage [20]")
    parse.add_argument("--stages", nargs="+", default=list(STAGES), choices=STAGES)
    parse.add_argument("--backends", nargs="+", default=["tensorflow", "jax"])
    parse.add_argument("--no-sync-bn", action="store_true", help="BN over each device's part of a batch")
    parse.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parse.add_argument("--steps", type=int, default=0, help=argparse.SUPPRESS)
    parse.add_argument("--devices", default="1", help=argparse.SUPPRESS)
    parse.add_argument("--precision", default="float32", help=argparse.SUPPRESS)
    parse.add_argument("--cores", nargs="+", type=int, help=argparse.SUPPRESS)
    arguments = parse.parse_args()
    if arguments.one:
        with contextlib.redirect_stdout(io.StringIO()):
            found = one(arguments)
        print(json.dumps(found), flush=True)
        return
    single = None
    print("| backend, precision, devices | stage | rate | share of the matrix rate | efficiency | 40 epochs of 5,000 |")
    print("|" + " --- |" * 6)
    for backend in arguments.backends:
        if importlib.util.find_spec(backend) is None:
            print(f"{backend}: not installed", file=sys.stderr)
            continue
        single = row(arguments, backend, "float32", "1")
        if single is None:
            continue
        kind = single["kind"]
        for precision in PRECISIONS[kind]:
            base = single if precision == "float32" else row(arguments, backend, precision, "1")
            show(f"{backend}, {precision}, 1", base, None, 1)
            number = int(single["device"].split()[0]) if kind == "gpu" else 1
            for count in sorted({2**i for i in range(1, number.bit_length()) if 2**i <= number} | ({number} - {1})):
                show(f"{backend}, {precision}, {count}", row(arguments, backend, precision, str(count)), base, count)
        if kind == "cpu" and base:
            slowest = min(base[stage]["rate"] for stage in arguments.stages if stage != "inference")
            steps = max(3, int(slowest * arguments.seconds / arguments.batch))  # hosts must agree when to stop
            show(f"{backend}, float32, 2 hosts", row(arguments, backend, "float32", "1", 2, steps), base, 1)
    print(f"\n{single['device'] if single else ''}; recipe {arguments.recipe}, batch {arguments.batch}")


if __name__ == "__main__":
    main()
