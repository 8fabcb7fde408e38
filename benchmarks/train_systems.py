"""Trains the systems of docs/model-zoo.md from a queue, one after the other, and prints the page's tables.

    python benchmarks/train_systems.py --queue benchmarks/systems.toml --data-root ROOT --out RUNS [--only NAME...]
    python benchmarks/train_systems.py --table [PAPER...]        what the cards say
    python benchmarks/train_systems.py --write                   the same, into docs/model-zoo.md

Started again it goes on where it stood: a finished run is skipped, a stopped one is resumed exactly. SIGINT and SIGTERM
save first. One process at a time works in RUNS. A run leaves RUNS/NAME (weights, curves, log.csv), RUNS/NAME.log,
RUNS/NAME/report-PROTOCOL-SET, and its card in `--cards`. ROOT is what `benchmarks/make_data.py` builds.
The queue's form: system_queue.py.
"""

import argparse
import contextlib
import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from system_cards import CARDS, PAGE, collect, render, write_page
from system_queue import STAGES, budget_of, flags, read_queue, resolved, trained_by

from keras_srgan.files import write_text
from keras_srgan.images import find_images

ROOT = Path(__file__).parents[1]
QUEUE = ROOT / "benchmarks" / "systems.toml"
METRICS = ("psnr", "ssim", "lpips", "consistency", "sharpness", "seconds")


class Stopped(Exception):
    """The queue was asked to stop; what runs has saved itself."""


class Queue:
    """Runs a queue in a folder.

    Args:
        arguments: the command line.
    """

    def __init__(self, arguments: argparse.Namespace):
        self.out, self.root, self.cards = arguments.out.resolve(), arguments.data_root, arguments.cards
        self.vgg19, self.hardware = arguments.vgg19, arguments.hardware
        self.child: subprocess.Popen | None = None
        self.stopping = False

    def __enter__(self) -> "Queue":
        import fcntl

        self.out.mkdir(parents=True, exist_ok=True)
        # What it starts holds the lock too: a run whose queue was killed goes on, and nobody else begins beside it.
        self.lock = open(self.out / ".lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{self.out}: another process trains there; wait for it, or stop it") from None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        return self

    def __exit__(self, *_) -> None:
        self.lock.close()

    def stop(self, *_) -> None:
        self.stopping = True
        if self.child:
            self.child.terminate()

    def call(self, command: list[str], log: Path) -> str:
        """Runs a command of the package, its output added to a log.

        Returns:
            The last line that it printed.

        Raises:
            Stopped: if the queue was asked to stop.
            RuntimeError: with its last line, if it failed.
        """
        with open(log, "ab+") as file:
            if not self.stopping:
                file.write(f"\n$ python {shlex.join(command)}\n".encode())
                file.flush()
                command = [sys.executable, *command]
                options = dict(stdout=file, stderr=file, start_new_session=True, pass_fds=(self.lock.fileno(),))
                self.child = subprocess.Popen(command, **options)  # type: ignore[call-overload]
                if self.stopping:  # asked in between
                    self.child.terminate()
                status = self.child.wait()
                self.child = None
            if self.stopping:
                raise Stopped
            file.seek(max(0, file.tell() - 2000))
            last = (file.read().decode(errors="replace").strip().splitlines() or ["it failed"])[-1]
        if status:
            raise RuntimeError(f"{last} (exit status {status}; see {log})")
        return last

    def run(self, run: dict) -> str:
        """Trains, measures and records a run, or the rest of it; returns what was done, in words."""
        name, log = run["name"], self.out / f"{run['name']}.log"
        folder = self.out / name
        line = self.out / f"{name}.json"
        kept = trained_by(run)
        state = json.loads(line.read_text(encoding="utf-8")) if line.is_file() else {"run": kept}
        if trained_by(state["run"]) != kept:
            if folder.is_dir():
                raise RuntimeError(f"its line is not the one that {folder} began with: rename the run, or remove both")
            state = {"run": kept}
        done = (folder / "table.md").is_file()
        if not done:
            if budget_of(run) and "epochs" not in state:
                state |= self.budget(run, log)
            write_text(line, json.dumps(state, indent=2) + "\n")
            if (folder / "run.json").is_file():
                self.call(["-m", "keras_srgan.train", "--resume", str(folder)], log)
            else:
                command = self.command(run, state.get("epochs", {}), state.get("epoch", 0))
                self.call([*command, "--out", str(folder)], log)
        for test in run.get("test", []):
            self.measure(run, test, folder, log)
        collect(run, folder, self.cards, self.hardware)
        return "was done" if done else "done"

    def command(self, run: dict, epochs: dict[str, int], an_epoch: int) -> list[str]:
        """The command that begins a run, but for `--out`."""
        recipe = resolved(run, epochs, an_epoch)
        command = ["-m", "keras_srgan.train", "--data", str(self.folder(run["data"])), *flags(run, epochs, an_epoch)]
        if run.get("data_lr"):
            command += ["--data-lr", str(self.folder([run["data_lr"]]))]
        if init := run.get("init"):
            before = self.out / init
            if before.is_dir() and not (before / "table.md").is_file():
                raise RuntimeError(f"it starts from {init}, which is not finished")
            command += ["--init", str(before) if before.is_dir() else init]
        needs = recipe.epochs and recipe.features == "vgg19" and recipe.perceptual_weight
        if self.vgg19 and needs and recipe.features_weights == "auto":
            command += ["--features-weights", str(self.vgg19)]
        return command

    def folder(self, names: list[str]) -> Path:
        """The folder of these folders' images: itself, or one of links to the files of several."""
        folders = [(self.root / name).resolve() for name in names]
        for each in folders:
            if not each.is_dir():
                raise RuntimeError(f"no folder {each}: give --data-root, which benchmarks/make_data.py builds")
        if len(folders) == 1:
            return folders[0]
        joined = self.out / "data" / "+".join(name.replace("/", "-") for name in names)
        for name, each in zip(names, folders, strict=True):
            for path in find_images(each):
                link = joined / name.replace("/", "-") / path.relative_to(each)
                link.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    link.symlink_to(path)
        return joined

    def budget(self, run: dict, log: Path) -> dict:
        """Epochs of each stage, and patches of an epoch, that a run's patches or minutes make."""
        wanted = dict(zip(STAGES, budget_of(run) or (), strict=True))
        an_epoch = run.get("epoch", 4000)
        if "minutes" in run:
            rates = self.trial(run, {stage: 2 * bool(minutes) for stage, minutes in wanted.items()}, log)
            wanted = {stage: int(60 * minutes * rates.get(stage, 0)) for stage, minutes in wanted.items()}
        an_epoch = min([an_epoch, *(count for count in wanted.values() if count)])
        return {"epoch": an_epoch, "epochs": {stage: round(count / an_epoch) for stage, count in wanted.items()}}

    def trial(self, run: dict, epochs: dict[str, int], log: Path) -> dict[str, float]:
        """Patches a second of each stage: the second of two short epochs."""
        folder = self.out / ".trial"
        shutil.rmtree(folder, ignore_errors=True)
        several = 8 * resolved(run, epochs).batch
        command = self.command(run, epochs, several)
        self.call([*command, "--val-images", "1", "--out", str(folder)], log)
        with open(folder / "log.csv", encoding="utf-8", newline="") as file:
            rates = {row["stage"]: several / float(row["seconds"]) for row in csv.DictReader(file)}
        shutil.rmtree(folder)
        return rates

    def measure(self, run: dict, test: str, folder: Path, log: Path) -> None:
        """An evaluation of a run's weights, unless it is there."""
        protocol, _, where = test.partition("=")
        report = folder / f"report-{protocol}-{where.split('+')[0].replace('/', '-')}"
        if (report / "report.json").is_file():
            return
        weights = sorted(str(path) for path in folder.glob("*.weights.h5"))
        sources = [str(self.folder([each])) for each in where.split("+")]
        recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
        command = ["-m", "keras_srgan.evaluate", *(["--hr", sources[0], "--lr", sources[1]] if sources[1:] else [])]
        command += [] if sources[1:] else ["--data", sources[0]]
        command += ["--protocol", protocol, "--scale", str(recipe["scale"]), "--report", str(report)]
        command += ["--metrics", *METRICS, "--weights", *weights]
        command += ["--most", str(run["most"])] if "most" in run else []
        command += ["--discriminator", str(folder)] if run.get("discriminator") else []
        self.call(command, log)


def train(arguments: argparse.Namespace) -> int:
    runs = read_queue(arguments.queue)
    if unknown := set(arguments.only) - {run["name"] for run in runs}:
        raise ValueError(f"{arguments.queue}: no run named {', '.join(sorted(unknown))}")
    if arguments.cpus:
        os.sched_setaffinity(0, arguments.cpus)
    os.nice(arguments.nice)
    failed = False
    with Queue(arguments) as queue:
        for run in runs:
            if "weights" in run or (arguments.only and run["name"] not in arguments.only):
                continue
            print(f"{run['name']}: begins", flush=True)
            try:
                print(f"{run['name']}: {queue.run(run)}", flush=True)
            except Stopped:
                print(f"{run['name']}: stopped and saved; the same command goes on", flush=True)
                return 130
            except RuntimeError as error:
                failed = True
                print(f"train_systems: {run['name']}: {error}", file=sys.stderr, flush=True)
    return int(failed)


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--queue", type=Path, default=QUEUE, help="TOML or JSON lines [benchmarks/systems.toml]")
    parse.add_argument("--data-root", type=Path, help="folder of the data, as make_data.py builds it")
    parse.add_argument("--out", type=Path, default=Path("runs/systems"), help="folder of the runs [runs/systems]")
    parse.add_argument("--cards", type=Path, default=CARDS, help="folder of the systems' cards [benchmarks/systems]")
    parse.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these runs [all]")
    parse.add_argument("--vgg19", type=Path, help="VGG19's weights without top, where Keras cannot download them")
    parse.add_argument("--nice", type=int, default=0, help="added to the process's nice level [0]")
    parse.add_argument("--cpus", type=lambda text: [int(each) for each in text.split(",")], help="as 0,1 [all]")
    parse.add_argument("--hardware", help="for the cards [the processor's name and the cores used]")
    parse.add_argument("--check", action="store_true", help="read the queue, and stop")
    parse.add_argument("--table", nargs="*", metavar="PAPER", help="print the tables of the cards, and stop")
    parse.add_argument("--write", action="store_true", help="put the tables into docs/model-zoo.md, and stop")
    arguments = parse.parse_args()
    try:
        if arguments.table is not None or arguments.write or arguments.check:
            runs = read_queue(arguments.queue)
            if arguments.write:
                write_page(PAGE, runs, arguments.cards)
            elif arguments.table is not None:
                print("\n\n".join(render(runs, arguments.cards, paper) for paper in arguments.table or [""]))
            else:
                print(f"{arguments.queue}: {len(runs)} runs")
            return 0
        if arguments.data_root is None:
            parse.error("training needs --data-root DIR (see benchmarks/make_data.py)")
        return train(arguments)
    except (ValueError, OSError) as error:
        print(f"train_systems: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
