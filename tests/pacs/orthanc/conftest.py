"""Orthanc, a real server, on free ports."""

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from ..conftest import free_port, wait_for

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Orthanc:
    """A real server: DICOM and DICOMweb on free ports."""

    def __init__(self, folder, changes):
        self.folder, self.port, self.http = folder, free_port(), free_port()
        self.name, self.url = f"ORTHANC@127.0.0.1:{self.port}", f"http://127.0.0.1:{self.http}/dicom-web"
        configuration = {
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "Plugins": [str(PLUGIN)],
            "DicomAet": "ORTHANC",
            "DicomPort": self.port,
            "HttpPort": self.http,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowStore": True,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            **changes,
        }
        (folder / "orthanc.json").write_text(json.dumps(configuration))
        with open(folder / "orthanc.log", "w") as log:
            self.process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)

    def ask(self, path, data=None, method=None):
        """A request to the REST interface; decoded JSON."""
        content = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", content, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def file(self, instance):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/instances/{instance}/file", timeout=60) as answer:
            return answer.read()

    def close(self):
        self.process.kill()  # its own end takes seconds
        self.process.wait()


@pytest.fixture
def orthanc(tmp_path):
    pytest.importorskip("pynetdicom")
    if shutil.which("Orthanc") is None or not PLUGIN.is_file():
        pytest.skip("orthanc and orthanc-dicomweb (Debian packages) are absent")
    opened = []

    def start(**changes):
        folder = tmp_path / f"orthanc{len(opened)}"
        folder.mkdir()
        opened.append(Orthanc(folder, changes))
        if not changes.get("AuthenticationEnabled"):
            wait_for(lambda: opened[-1].ask("/system"))
        return opened[-1]

    yield start
    for each in opened:
        each.close()
