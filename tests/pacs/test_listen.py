"""`keras-srgan pacs listen` as it runs: from a sender to a destination, through kills, trouble and bad input."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pydicom
import pytest

pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")

import keras_srgan
from keras_srgan.pacs import __main__ as pacs

from ..conftest import refused


def test_an_image_arrives_enlarged_in_a_series_of_its_own_and_no_log_names_the_patient(
    listener, shelf, make_instance, helpers, weights
):
    node = shelf()
    path = make_instance()
    running = listener(node.name, "--accept-from", "SENDER").start()
    assert helpers.store(running.port, path) == 0
    broken = make_instance(1, PhotometricInterpretation="PALETTE COLOR")
    assert helpers.store(running.port, broken) == 0
    assert helpers.store(running.port, path, calling="STRANGER") is None
    running.wait(done=1, failed=1)
    source = pydicom.dcmread(path)
    (result,) = node.stored.values()
    result.file_meta = pydicom.dataset.FileMetaDataset()
    result.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    expected = keras_srgan.load(weights).upscale(source.pixel_array, 4095)
    np.testing.assert_allclose(result.pixel_array.astype(int), expected.astype(int), atol=1)
    assert (result.StudyInstanceUID, result.PatientName) == (source.StudyInstanceUID, helpers.person)
    assert result.SeriesInstanceUID != source.SeriesInstanceUID
    assert result.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert [float(each) for each in result.ImagerPixelSpacing] == [0.05, 0.05]
    foreign = urllib.request.Request(f"http://127.0.0.1:{running.status_port}/", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(foreign)
    page = urllib.request.urlopen(f"http://127.0.0.1:{running.status_port}/").read().decode()
    assert running.end() == 0
    for words in (running.words(), page, json.dumps(running.out.read_text())):
        for secret in ("SECRET", source.SOPInstanceUID, source.StudyInstanceUID, "STRANGER"):
            assert secret not in words
    assert "PALETTE" in page and "1 failed" not in page
    assert not list((running.folder / "queue" / "incoming").iterdir())


def send_through_kills(count, kills, listener, shelf, make_instance, helpers, side=24):
    """Sends `count` instances while the worker and the listener are killed; gives what arrived."""
    node = shelf()
    paths = [make_instance(number, side) for number in range(count)]
    running = listener(node.name, "--accept-any").start()

    def send():
        for path in paths:
            while helpers.store(running.port, path) != 0:
                time.sleep(0.2)

    sender = helpers.threads.Thread(target=send, daemon=True)
    sender.start()
    chance = random.Random(5)
    for number in range(kills):
        at = len(node.stored) + chance.randint(0, max(1, count // kills))
        helpers.wait_for(lambda: len(node.stored) >= min(at, count - 1))  # noqa: B023
        time.sleep(chance.random() * 0.3)
        if number % 2:
            os.kill(running.status()["worker"] or 0, signal.SIGKILL)
        else:
            running.kill()
            running.start()
    sender.join()
    running.wait(300, queued=0, enlarged=0)
    assert running.status()["failed"] == 0
    return [str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID) for path in paths], node


def test_each_instance_arrives_once_though_worker_and_listener_are_killed(listener, shelf, make_instance, helpers):
    sent, node = send_through_kills(12, 2, listener, shelf, make_instance, helpers)
    assert sorted(node.sources()) == sorted(sent)


@pytest.mark.slow
def test_each_of_500_instances_arrives_once_though_worker_and_listener_are_killed(
    listener, shelf, make_instance, helpers
):
    sent, node = send_through_kills(500, 12, listener, shelf, make_instance, helpers)
    assert sorted(node.sources()) == sorted(sent)


def test_bad_input_gets_one_line(tmp_path, capsys, helpers):
    listen = ["listen", "--accept-any", "--queue", tmp_path / "queue", "--port", 0, "--out-to"]
    assert "give AE@HOST:PORT" in refused(capsys, pacs, [*listen, "nowhere"])
    assert "--accept-from" in refused(capsys, pacs, ["listen", "--out-to", "A@b:1"])
    assert "--port" in refused(capsys, pacs, [*listen, "A@b:1", "--port", 70000])
    assert "absent.pem" in refused(capsys, pacs, [*listen, "A@b:1", "--tls-cert", tmp_path / "absent.pem"])
    assert "hidden" not in refused(capsys, pacs, ["fetch", "https://me:hidden@host/x", "--study", "1.2"])
    assert "no such file" in refused(capsys, pacs, ["send", tmp_path / "absent.dcm", "--to", "A@b:1"])
    assert "no-such-weights" in refused(capsys, pacs, [*listen, "A@b:1", "--weights", "no-such-weights"])


def test_what_the_page_shows_is_a_command():
    page = (Path(__file__).parents[2] / "docs" / "pacs.md").read_text(encoding="utf-8")
    shown = re.findall(r"python -m keras_srgan.pacs (\w[^`&\n]*)", page)
    assert shown
    for each in shown:
        pacs.parser().parse_args(each.split())


def test_without_its_packages_the_command_says_what_to_install():
    code = (
        "import importlib.util, sys; real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'pynetdicom' else real(name, *rest)\n"
        "from keras_srgan.pacs.__main__ import main; sys.exit(main(['send', 'a', '--to', 'A@b:1']))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 1 and "pip install 'keras-srgan[pacs]'" in found.stderr
