"""The scripts of docs/scale.md, run with stand-ins for what a cluster has."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from keras_srgan.backend.devices import Hosts, read_hosts

PAGE = (Path(__file__).parents[1] / "docs" / "scale.md").read_text(encoding="utf-8")
STANDINS = {
    "ssh": 'echo "on $1"; shift; cd "$TMPDIR"; bash -c "$*"',
    "scontrol": r'printf "n1\nn2\nn3\n"',
    "srun": 'shift; for SLURM_PROCID in 0 1 2; do export SLURM_PROCID; "$@"; done',
    "python": 'echo "$(echo "$TF_CONFIG" | tr -d "\n")@$*"',  # one write: the ssh example runs two at once
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def run(script, folder):
    """The hosts that the script's trainings see, and their arguments."""
    for name, body in STANDINS.items():
        (folder / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(folder)}
    script = re.sub(r"cd (\$shared|/shared)", "cd .", script)
    found = subprocess.run(["bash", "-u", "-c", script], env=environment, cwd=folder, capture_output=True, text=True)
    assert not found.stderr, found.stderr
    lines = [line.split("@") for line in found.stdout.splitlines() if "@" in line]
    hosts = sorted((read_hosts(config) for config, _ in lines), key=lambda host: host.index)
    return hosts, sorted({arguments for _, arguments in lines})


def test_ssh(tmp_path):
    hosts, arguments = run(next(each for each in blocks("bash") if "ssh" in each), tmp_path)
    assert hosts == [Hosts(("a:12345", "b:12345"), i) for i in range(2)]
    assert arguments == ["-m keras_srgan.train --data xray --devices all --out run"]


@pytest.mark.parametrize("again", (False, True))
def test_slurm(tmp_path, again, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_NODELIST", "n[1-3]")
    if again:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "run.json").touch()
    hosts, arguments = run(next(each for each in blocks("bash") if "srun" in each), tmp_path)
    assert hosts == [Hosts(("n1:12345", "n2:12345", "n3:12345"), i) for i in range(3)]
    assert arguments == [f"-m keras_srgan.train {'--resume run' if again else '--data xray --out run'} --devices all"]


def test_kubernetes_takes_the_manifest_and_its_pods_find_each_other(tmp_path, monkeypatch):
    yaml = pytest.importorskip("yaml")
    validate = pytest.importorskip("kubernetes_validate")
    service, job = yaml.safe_load_all(blocks("yaml")[0])
    for document in (service, job):
        validate.validate(document, validate.latest_version(), strict=True)
    template = job["spec"]["template"]["spec"]
    assert template["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert job["spec"]["parallelism"] == job["spec"]["completions"]
    container = template["containers"][0]
    seen = []
    for index in range(job["spec"]["completions"]):
        monkeypatch.setenv("JOB_COMPLETION_INDEX", str(index))
        hosts, arguments = run(container["args"][0], tmp_path)
        assert arguments == ["-m keras_srgan.train --data xray --out run --devices all"]
        seen += hosts
    name, port = job["metadata"]["name"], container["ports"][0]["containerPort"]
    names = tuple(f"{name}-{i}.{template['subdomain']}:{port}" for i in range(len(seen)))
    assert seen == [Hosts(names, i) for i in range(len(seen))]
