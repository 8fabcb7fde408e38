"""Peers on loopback for the tests of keras_srgan.pacs: a storing node, a listener."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PERSON = "SECRETNAME^PERSON"


def wait_for(what, seconds=180):
    """The first true value of a function; `seconds` without those for which the machine itself stood still."""
    for _ in range(20 * seconds):
        with contextlib.suppress(OSError):
            if found := what():
                return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Weights of a small network."""
    from keras_srgan.networks import build_generator
    from keras_srgan.recipes import Recipe
    from keras_srgan.weights import save_weights

    recipe = Recipe().replace(filters=4, blocks=1)
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    save_weights(build_generator(recipe), path, {"recipe": dataclasses.asdict(recipe)})
    return path


def instance(number=0, side=24):
    """A computed radiography image with a patient, a spacing and UIDs of its own."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["instance", str(number), str(side)])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = PERSON, "SECRETID", "SECRETNUMBER"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.StudyID = "19500101", "O", "1"
    dataset.StudyDate, dataset.StudyTime, dataset.ReferringPhysicianName = "20200101", "120000", ""
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CR", 1, number
    dataset.BodyPartExamined, dataset.ViewPosition, dataset.PatientOrientation = "CHEST", "PA", ["L", "F"]
    dataset.ImagerPixelSpacing = [0.2, 0.2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = side
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    pixels = np.random.default_rng(number).integers(0, 4096, (side, side))
    dataset.PixelData = pixels.astype("<u2").tobytes()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    return dataset


@pytest.fixture
def make_instance(tmp_path):
    """A function that writes `instance(number, side)`, changed by keywords, and gives the path."""

    def make(number=0, side=24, **changes):
        dataset = instance(number, side)
        for name, value in changes.items():
            setattr(dataset, name, value)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        path = tmp_path / f"source_{dataset.SOPInstanceUID}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        return path

    return make


class Shelf:
    """A storing node that can be slow, refuse or vanish; `stored` maps SOP Instance UIDs to data sets, in order."""

    def __init__(self, context=None, port=0):
        from pynetdicom import AE, AllStoragePresentationContexts, evt

        self.stored, self.times, self.calls = {}, {}, 0
        self.delay, self.status, self.vanish = 0.0, 0x0000, False
        node = AE("SHELF")
        node.supported_contexts = AllStoragePresentationContexts
        node.require_called_aet = True
        node.maximum_associations = 100
        handlers = [(evt.EVT_C_STORE, self._store)]
        self._server = node.start_server(("127.0.0.1", port), block=False, ssl_context=context, evt_handlers=handlers)
        self.port = self._server.server_address[1]
        self.name = f"SHELF@127.0.0.1:{self.port}"

    def _store(self, event):
        self.calls += 1
        time.sleep(self.delay)
        if self.status == 0:
            dataset = event.dataset
            dataset.decode()
            uid = str(dataset.SOPInstanceUID)
            self.times[uid] = self.times.get(uid, 0) + 1
            self.stored[uid] = dataset
        if self.vanish:  # it has the instance, and nobody knows
            event.assoc.dul.socket.socket.close()
        return self.status

    def sources(self):
        """The SOP Instance UIDs of what the stored ones were made from."""
        return [str(each.SourceImageSequence[0].ReferencedSOPInstanceUID) for each in self.stored.values()]

    def close(self):
        self._server.shutdown()


@pytest.fixture
def shelf():
    pytest.importorskip("pynetdicom")
    opened = []

    def open_shelf(**options):
        opened.append(Shelf(**options))
        return opened[-1]

    yield open_shelf
    for each in opened:
        with contextlib.suppress(Exception):
            each.close()


def store(port, path, title="KERAS-SRGAN", calling="SENDER", context=None):
    """Sends a file; the status, or `None` if there was none."""
    import pydicom
    from pynetdicom import AE

    node = AE(calling)
    node.connection_timeout = node.acse_timeout = node.dimse_timeout = 30
    meta = pydicom.filereader.read_file_meta_info(path)
    node.add_requested_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
    tls = (context, "localhost") if context else None
    association = node.associate("127.0.0.1", port, ae_title=title, tls_args=tls)
    if not association.is_established:
        return None
    try:
        return association.send_c_store(path).get("Status")
    except (RuntimeError, ValueError):
        return None
    finally:
        association.release()


class Listener:
    """`keras-srgan pacs listen` as a process of its own."""

    def __init__(self, folder, weights, destination, *options, port=0, environment=None):
        self.folder, self.options = Path(folder), options
        self.command = [sys.executable, "-m", "keras_srgan.pacs", "listen", "--out-to", destination]
        self.command += ["--queue", str(self.folder / "queue"), "--weights", str(weights), "--status-port", "0"]
        self.port, self.environment, self.process, self.log = port, environment or {}, None, ""

    def start(self):
        self.out, self.err = self.folder / "out.txt", self.folder / "err.txt"
        command = [*self.command, *map(str, self.options), "--port", str(self.port)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_NUM_INTRAOP_THREADS": "1", **self.environment}
        with open(self.out, "w") as out, open(self.err, "a") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, cwd=self.folder, env=environment)
        found = wait_for(lambda: self._listening() or self.process.poll() is not None)
        assert found is not True, self.err.read_text()
        self.port, self.status_port = int(found[1]), int(found[2])
        return self

    def _listening(self):
        return re.search(r"listening: .*:(\d+)(?: by TLS)?, status on http://127.0.0.1:(\d+)/", self.out.read_text())

    def status(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status_port}/status.json", timeout=20) as answer:
            return json.load(answer)

    def wait(self, seconds=180, **counts):
        """Waits until the status page shows these counts."""
        return wait_for(lambda: all(self.status()[name] == count for name, count in counts.items()), seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Ends it as a service manager would; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def words(self):
        return self.out.read_text() + self.err.read_text()


@pytest.fixture
def listener(tmp_path, weights):
    pytest.importorskip("pynetdicom")
    pytest.importorskip("dicomweb_client")
    opened = []

    def make(destination, *options, **more):
        opened.append(Listener(tmp_path, weights, destination, *options, **more))
        return opened[-1]

    yield make
    for each in opened:
        if each.process is not None:
            each.kill()


@pytest.fixture(scope="session")
def storescu():
    """dcmtk's storescu: a program of pynetdicom with the same name may come first in PATH."""
    for folder in os.get_exec_path():
        found = shutil.which("storescu", path=folder)
        if found and "dcmtk" in subprocess.run([found, "--version"], capture_output=True, text=True).stdout:
            return found
    pytest.skip("dcmtk is absent")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority `ca`, and `node` (for localhost) and `stranger` (by another authority): `.pem` and `.key` files."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is absent")
    folder = tmp_path_factory.mktemp("tls")

    def make(name, authority=None):
        subject = [
            "-subj",
            f"/CN={name}",
            "-days",
            "2",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]
        extra = [
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]
        by = ["-CA", folder / f"{authority}.pem", "-CAkey", folder / f"{authority}.key", *extra] if authority else []
        files = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
        subprocess.run(["openssl", "req", "-x509", *subject, *files, *by], check=True, capture_output=True)

    make("ca")
    make("other")
    make("node", "ca")
    make("stranger", "other")
    return folder


@pytest.fixture
def helpers():
    """The functions above, for tests."""

    class Helpers:
        pass

    for each in (wait_for, free_port, instance, store):
        setattr(Helpers, each.__name__, staticmethod(each))
    Helpers.person, Helpers.threads = PERSON, threading
    return Helpers
