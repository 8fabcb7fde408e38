"""Enlarges files on many processes or machines with Ray Data, each by the function that the batch uses."""

import contextlib
import logging
import math
import os
import pickle
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keras_srgan.packages import require
from keras_srgan.terminal import stderr_aside
from keras_srgan.upscale.batch import enlarge_one
from keras_srgan.upscale.jobs import Job
from keras_srgan.upscale.outputs import needs_network
from keras_srgan.upscale.record import FileOptions, Record
from keras_srgan.version import __version__

if TYPE_CHECKING:
    from keras_srgan.inference import Options, Upscaler

TRIES = 3  # of a file whose worker dies
BLOCKS = 10_000  # pieces of work; in longer lists several files go together
MEMORY = 2**31  # bytes that a worker has at least, where nobody says how many workers


def require_ray() -> None:
    """Checks that Ray Data is installed, as `require` does."""
    require("--ray", "ray", "ray", "pyarrow")


def run_cluster(
    jobs: Sequence[Job],
    upscaler: "Upscaler",
    options: "Options",
    settings: FileOptions,
    on_done: Callable[[Record], object] = lambda record: None,
    on_progress: Callable[[int, int, str], object] = lambda done, total, text: None,
    *,
    make: Callable[[], "Upscaler"],
    address: str = "",
    workers: int | None = None,
) -> tuple[list[Record], bool]:
    """Enlarges files on the workers of a Ray cluster, which all see the same files.

    A file whose worker dies is done again, three times at most. A Ray that the caller has begun is used, and goes on.

    Args:
        jobs: as `plan_jobs` gives them.
        upscaler: what `make` gives here; the workers' must be of the same weights.
        options: for every file.
        settings: for every file.
        on_done: called with each record when its file is finished, in the order of finishing.
        on_progress: called with how many files are done, how many there are and what is being done.
        make: builds the upscaler, once in every worker.
        address: of the cluster: `HOST:PORT`, or `"auto"` for the one that runs on this machine; `"local"` starts one
            for this job. Empty: what `RAY_ADDRESS` says, else `"local"`.
        workers: integer, processes. By default one a GPU; in a cluster without, one a core, or fewer with more threads
            where a core has less than 2 GiB.

    Returns:
        A tuple `(records, interrupted)`: one record a job, in the order of the jobs; and whether Ctrl-C ended the work.

    Raises:
        ValueError: if Ray is not installed, or the cluster has not enough cores.
        OSError: if there is no cluster at the address.
        RuntimeError: if workers cannot be made, or the cluster fails.
    """
    require_ray()
    records = [Record(str(job.source), status="not tried") for job in jobs]
    left: list[tuple[int, Job]] = []
    count, out = 0, sys.stdout

    def finish(number: int, record: Record) -> None:
        nonlocal count
        records[number], count = record, count + 1
        with contextlib.redirect_stdout(out):
            on_done(record)

    try:
        for number, job in enumerate(jobs):
            # What needs no network needs no worker. Of all else, a result that a worker finds is this job's own.
            if not needs_network(job, options, settings):
                finish(number, enlarge_one(job, upscaler, options, settings))
            else:
                left.append((number, job))
        if left:
            on_progress(count, len(jobs), "Ray starts")
            with _ray(address):
                for number, record in _shared_out(left, upscaler, options, settings, make, workers):
                    finish(number, record)
                    if count < len(jobs):
                        on_progress(count, len(jobs), "on Ray")
    except KeyboardInterrupt:
        return records, True
    return records, False


def share(nodes: Sequence[Mapping[str, float]], wanted: int | None = None) -> tuple[int, int, int]:
    """Divides a cluster among workers.

    Args:
        nodes: of each machine, Ray's resources: `CPU`, `GPU` and `memory` in bytes.
        wanted: integer, workers, or `None` to choose.

    Returns:
        A tuple `(workers, threads, gpus)` of integers, the last two for each worker.

    Raises:
        ValueError: if there are fewer cores than workers.
    """
    cores = [int(node.get("CPU", 0)) for node in nodes]
    gpus = [int(node.get("GPU", 0)) for node in nodes]
    if sum(gpus) and (wanted or 1) <= sum(gpus):
        return wanted or sum(gpus), max(1, min(c // g for c, g in zip(cores, gpus, strict=True) if g)), 1
    if sum(cores) < (wanted or 1):
        raise ValueError(f"{wanted or 1} worker(s) for a cluster of {sum(cores)} core(s): give fewer --ray-workers")
    if wanted:
        threads = max(t for t in range(1, max(cores) + 1) if sum(c // t for c in cores) >= wanted)
        return wanted, threads, 0
    scarce = (math.ceil(c * MEMORY / node.get("memory", math.inf)) for c, node in zip(cores, nodes, strict=True))
    threads = min(max(cores), max(1, *scarce))
    return sum(c // threads for c in cores), threads, 0


@contextlib.contextmanager
def _ray(address: str) -> Iterator[None]:
    """A connection to a cluster, without what Ray prints on stdout, which is the summary's."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    debug = bool(os.environ.get("KERAS_SRGAN_DEBUG"))
    if not debug:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data
    from ray.exceptions import RayError

    log, context, ours = logging.getLogger("ray.data"), ray.data.DataContext.get_current(), not ray.is_initialized()
    with contextlib.ExitStack() as stack:
        if not debug:
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
            stack.callback(log.setLevel, log.level)
            log.setLevel(logging.CRITICAL)
        # Ray takes each file's output for two blocks, and holds workers back for want of memory for them.
        for name, value in (("enable_progress_bars", debug), ("target_max_block_size", 2**20)):
            stack.callback(setattr, context, name, getattr(context, name))
            setattr(context, name, value)
        try:
            if ours:
                _connect(address or os.environ.get("RAY_ADDRESS") or "local", debug)
                stack.callback(ray.shutdown)
            yield
        except RayError as error:
            last = [line for line in str(error).splitlines() if line.strip()][-1]
            raise RuntimeError(f"Ray: {last.strip()}; the same command with --resume goes on") from error


def _connect(address: str, debug: bool) -> None:
    import ray

    host, _, port = address.rpartition(":")
    if port.isdigit() and "/" not in host:
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:  # Ray would try for minutes
            raise OSError(f"{address}: no Ray answers there ({error.strerror or error})") from error
    # Records are small; Ray would set aside a third of the memory.
    own: dict[str, Any] = {"object_store_memory": 2**27, "include_dashboard": False} if address == "local" else {}
    with contextlib.nullcontext() if debug else stderr_aside():  # its core reports there
        ray.init(address, log_to_driver=debug, logging_level=logging.INFO if debug else logging.CRITICAL, **own)


def _shared_out(
    left: list[tuple[int, Job]], upscaler, options, settings, make, workers
) -> Iterator[tuple[int, Record]]:
    """Yields the number and the record of each job as it is finished."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    workers, threads, gpus = share(nodes, workers)
    tries = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Tries).remote()
    absolute = all(path.is_absolute() for _, job in left for path in (job.source, job.target) if path)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    # Pickled: Arrow has no paths, and a file's name may be no text at all.
    rows = [{"job": pickle.dumps(each)} for each in left]
    files = ray.data.from_items(rows, override_num_blocks=min(len(rows), BLOCKS))
    # Unpickled when the worker is set up: what they import reads the environment.
    task = ray.cloudpickle.dumps((make, options, settings))
    worker: Any = Worker  # Ray's annotation knows functions alone
    done = files.map(
        worker,
        fn_constructor_args=(task, _what(upscaler), os.getcwd(), absolute, backend, threads, tries),
        # Ray restarts a worker that died and gives it its file again. None waits behind that file.
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows)), max_tasks_in_flight_per_actor=1),
        num_cpus=threads,
        num_gpus=gpus or None,
    )
    for row in done.iter_rows():
        yield pickle.loads(row["record"])


def _what(upscaler: "Upscaler") -> str:
    from keras_srgan.weights import identity

    return f"keras-srgan {__version__} with weights {identity(upscaler.card)}"


class Tries:
    """How often each file was begun: kept outside the workers, since they may die."""

    def __init__(self):
        self.counts: Counter[int] = Counter()

    def begin(self, number: int) -> int:
        self.counts[number] += 1
        return self.counts[number]


class Worker:
    """One process: a network made once, then a file at a time."""

    def __init__(self, task, what, folder, absolute, backend, threads, tries):
        host = socket.gethostname()
        try:
            os.chdir(folder)
        except OSError:
            if not absolute:
                raise ValueError(f"{host} has no {folder}: workers need the same shared folders") from None
        import cv2

        # They take every core they see: several workers would be in each other's way.
        cv2.setNumThreads(threads)
        os.environ.update(dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(threads)))
        os.environ["KERAS_BACKEND"] = backend
        make, self.options, self.settings = pickle.loads(task)
        self.upscaler, self.tries = make(), tries
        if _what(self.upscaler) != what:
            raise ValueError(f"{host} has {_what(self.upscaler)}, this command {what}: install one alike")

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        import ray

        number, job = pickle.loads(row["job"])
        settings, tries = self.settings, ray.get(self.tries.begin.remote(number))
        if tries > TRIES:
            error = f"{job.source}: {TRIES} workers died of it; too little memory? Give fewer --ray-workers or a --tile"
            return {"record": pickle.dumps((number, Record(str(job.source), error=error)))}
        if tries > 1 and not settings.overwrite:
            settings = replace(settings, resume=True)  # what the worker that died has left is no obstacle
        return {"record": pickle.dumps((number, enlarge_one(job, self.upscaler, self.options, settings)))}
