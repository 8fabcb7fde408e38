"""`upscale --ray`: the serial command's files and records, whatever dies on the way."""

import contextlib
import dataclasses
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from keras_srgan.images import read_image, write_image
from keras_srgan.upscale import __main__ as upscale
from keras_srgan.upscale import ray_batch as cluster
from keras_srgan.upscale.jobs import plan_jobs
from keras_srgan.upscale.record import FileOptions

needs_ray = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("ray", "pyarrow")), reason="Ray Data is absent"
)


def picture(height, width):
    noise = np.random.default_rng(height).integers(0, 65536, (height, width), dtype=np.uint16)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 65535, cv2.NORM_MINMAX)


@pytest.fixture(scope="module")
def two_processes():
    """A local Ray of two cores, for all tests; its address."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_BACKEND_LOG_LEVEL="fatal", RAY_worker_niceness="0")
    import ray

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # no worker can import a test
    ray.init("local", num_cpus=2, object_store_memory=2**27, include_dashboard=False, log_to_driver=False)
    try:
        yield ray.get_runtime_context().gcs_address
    finally:
        ray.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights of a small network, six 16-bit images, one broken, and what the serial command makes of them."""
    from keras_srgan.networks import build_generator
    from keras_srgan.recipes import Recipe
    from keras_srgan.weights import save_weights

    folder = tmp_path_factory.mktemp("ray")
    recipe = Recipe().replace(filters=4, blocks=2)
    save_weights(build_generator(recipe), folder / "small.weights.h5", {"recipe": dataclasses.asdict(recipe)})
    for number in range(6):
        write_image(folder / "in" / f"{number}.png", picture(24 + 4 * number, 40))
    (folder / "in" / "3b.png").write_bytes(b"")
    with contextlib.chdir(folder):
        assert upscale.main(["in", "--out", "serial", "--weights", "small.weights.h5"]) == 1
    return folder


@pytest.fixture
def run(folder, monkeypatch, capfd):
    """Runs the command in a folder of its own results; gives exit status, stdout, stderr."""
    monkeypatch.chdir(folder)
    shutil.rmtree("out", ignore_errors=True)

    def run_(*arguments):
        status = upscale.main(["in", "--out", "out", "--weights", "small.weights.h5", *arguments])
        return status, *capfd.readouterr()

    return run_


def alike(folder, other):
    """The same files; their pixels to one level of 16 bits, since other numbers of threads add in another order."""
    assert {path.name for path in folder.iterdir()} == {path.name for path in other.iterdir()}
    for path in folder.iterdir():
        ours, theirs = (read_image(each).pixels.astype(int) for each in (path, other / path.name))
        assert np.abs(ours - theirs).max() <= 1


def workers():
    """Process numbers of the actors that enlarge."""
    lines = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True).stdout.splitlines()
    return {int(line.split()[0]) for line in lines if "ray::MapWorker" in line}


def wait_for(what, seconds=90):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@needs_ray
def test_files_records_and_status_are_those_of_the_serial_command(two_processes, run, folder):
    status, out, errors = run("--ray", "--json")
    assert status == 1
    alike(folder / "out", folder / "serial")
    records = json.loads(out)["files"]
    assert [os.path.basename(record["input"]) for record in records] == sorted(os.listdir("in"))
    assert [record["status"] for record in records] == ["done"] * 4 + ["failed"] + ["done"] * 2
    assert records[1]["size_out"] == [160, 112] and records[1]["seconds"] > 0
    lines = errors.splitlines()
    assert len(lines) == 8 and lines[-2] == "7 files: 6 done, 1 failed" and "3b.png: the file is empty" in lines[-1]
    (folder / "in" / "3b.png").rename("moved.png")
    try:
        status, out, errors = run("--ray", "--resume")  # nothing is left to do
        assert status == 0 and out.endswith("6 files: 6 skipped\n") and errors == ""
        assert run("--ray")[0] == 1  # exists
    finally:
        Path("moved.png").rename(folder / "in" / "3b.png")


def larger(sha256="of these weights"):
    """An upscaler that repeats pixels: a worker has it without TensorFlow."""

    def run(pixels, *_):
        return SimpleNamespace(pixels=pixels.repeat(2, 0).repeat(2, 1), **nothing)

    nothing = {"added": None, "spread": None, "consistency": None, "tiles": 1, "exact": True, "note": ""}
    return SimpleNamespace(scale=2, channels=1, card={"sha256": sha256}, run=run)


def share_out(name, make):
    """Enlarges `in` on two workers; gives the jobs, what came back, and what was said."""
    jobs, said = plan_jobs(["in"], name, 2), []
    options = SimpleNamespace(map=False, self_ensemble=False, interval=False)
    return jobs, said, cluster.run_cluster(jobs, larger(), options, FileOptions(), said.append, make=make, workers=2)


@needs_ray
def test_a_file_whose_worker_dies_is_done_again_three_times_at_most(two_processes, folder, monkeypatch):
    monkeypatch.chdir(folder)

    def make():
        """Runs in a worker, which kills itself: within 0 always, within 1 once, once when 2 is written."""
        upscaler, plain = larger(), cluster.enlarge_one

        def die():
            os.kill(os.getpid(), signal.SIGKILL)

        def once():
            with contextlib.suppress(FileExistsError):
                os.mkdir(f"died over {current}")
                die()

        def deadly(job, *rest):
            nonlocal current
            current = job.source.name
            before = {"0.png": die, "1.png": once}.get(current, lambda: None)
            run = upscaler.run
            upscaler.run = lambda *arguments: before() or run(*arguments)
            record = plain(job, *rest)
            upscaler.run = run
            if current == "2.png":
                once()
            return record

        current = ""
        cluster.enlarge_one = deadly
        return upscaler

    jobs, said, (records, interrupted) = share_out("deadly", make)
    assert not interrupted and sorted(map(id, said)) == sorted(map(id, records))
    assert [record.status for record in records] == ["failed", "done", "skipped", "done", "failed", "done", "done"]
    assert records[0].error.startswith(f"{jobs[0].source}: 3 workers died")
    assert os.path.exists("died over 1.png") and os.path.exists("died over 2.png")
    for number in range(1, 6):
        pixels = cv2.imread(f"deadly/{number}_x2.png", cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(pixels, picture(24 + 4 * number, 40).repeat(2, 0).repeat(2, 1))
    assert not os.path.exists("deadly/0_x2.png")


@needs_ray
def test_other_weights_on_a_worker_are_one_line(two_processes, folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(RuntimeError, match="with weights of others.*install one alike") as raised:
        share_out("other", lambda: larger("of others"))
    assert "\n" not in str(raised.value) and not os.path.exists("other")


@needs_ray
@pytest.mark.slow
def test_a_killed_command_goes_on_with_resume(two_processes, folder, monkeypatch):
    monkeypatch.chdir(folder)
    for number in range(40):
        write_image(folder / "many" / f"{number}.png", picture(96, 96))
    line = ["many", "--out", "rest", "--weights", "small.weights.h5", "--ray-workers", "1", "--ray"]
    before, rest = workers(), folder / "rest"
    driver = subprocess.Popen([sys.executable, "-m", "keras_srgan.upscale", *line, two_processes])
    try:
        wait_for(lambda: rest.exists() and any(rest.glob("*.png")))
    finally:
        driver.kill()
        driver.wait()
    wait_for(lambda: not workers() - before)
    finished = len(list(rest.glob("*.png")))
    assert 0 < finished < 40
    assert upscale.main([*line, "--resume"]) == 0
    assert upscale.main(["many/0.png", "--out", "one", "--weights", "small.weights.h5"]) == 0
    results = [path.read_bytes() for path in rest.glob("*.png")]
    assert len(results) == 40 and set(results) == {(folder / "one" / "0_x4.png").read_bytes()}


@needs_ray
@pytest.mark.slow
def test_ctrl_c_ends_the_ray_that_the_command_began(folder):
    for number in range(40):
        write_image(folder / "more" / f"{number}.png", picture(96, 96))
    line = [sys.executable, "-m", "keras_srgan.upscale", "more", "--out", "c", "--weights", "small.weights.h5", "--ray"]
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    before = workers()
    driver = subprocess.Popen(line, cwd=folder, env=environment, stdout=-1, stderr=-1, text=True)
    assert "c/" in driver.stdout.readline()
    driver.send_signal(signal.SIGINT)
    out, errors = driver.communicate(timeout=120)
    assert driver.returncode == 130 and errors.endswith("interrupted; the same command with --resume goes on\n")
    done, rest = map(int, re.search(r"40 files: (\d+) done, (\d+) not tried", out).groups())
    assert 0 < done <= len(list((folder / "c").glob("*.png"))) and done + rest == 40
    wait_for(lambda: not workers() - before)


@needs_ray
def test_an_address_without_a_cluster_is_one_line(folder, monkeypatch, capsys):
    import ray

    monkeypatch.chdir(folder)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    line = ["in/0.png", "--out", "nowhere", "--weights", "small.weights.h5", "--ray", f"127.0.0.1:{port}"]
    assert upscale.main(line) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and f"127.0.0.1:{port}: no Ray answers there" in errors[0]


@pytest.mark.parametrize("flags, word", [(["--ray", "folder/"], "after the inputs"), (["--ray-workers", "2"], "--ray")])
def test_wrong_flags_are_one_line_and_exit_2(flags, word, capsys):
    with pytest.raises(SystemExit) as stop:
        upscale.main(["in", "--out", "out", *flags])
    errors = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and len(errors) == 1 and word in errors[0]


GIB = 2**30


@pytest.mark.parametrize(
    "nodes, wanted, shares",
    [
        ([{"CPU": 2, "memory": 8 * GIB}], None, (2, 1, 0)),
        ([{"CPU": 16, "memory": 16 * GIB}], None, (8, 2, 0)),
        ([{"CPU": 4, "memory": GIB}], None, (1, 4, 0)),
        ([{"CPU": 16, "memory": 64 * GIB}, {"memory": GIB}, {"CPU": 8, "memory": 64 * GIB}], None, (24, 1, 0)),
        ([{"CPU": 16}, {"CPU": 8}], 3, (3, 8, 0)),
        ([{"CPU": 16}, {"CPU": 8}], 24, (24, 1, 0)),
        ([{"CPU": 16, "GPU": 2}, {"CPU": 64}], None, (2, 8, 1)),
        ([{"CPU": 16, "GPU": 2}], 1, (1, 8, 1)),
        ([{"CPU": 16, "GPU": 2}], 4, (4, 4, 0)),
    ],
)
def test_a_cluster_is_divided_by_gpus_or_by_cores_and_memory(nodes, wanted, shares):
    assert cluster.share(nodes, wanted) == shares


@pytest.mark.parametrize("nodes, wanted", [([{"CPU": 2}], 3), ([{"CPU": 0}], None), ([], None)])
def test_more_workers_than_cores_are_refused(nodes, wanted):
    with pytest.raises(ValueError, match="fewer --ray-workers"):
        cluster.share(nodes, wanted)
