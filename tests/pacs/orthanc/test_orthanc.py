"""Against real servers: Orthanc (DICOM and DICOMweb) and dcmtk, started here on free ports."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")

import keras_srgan
from keras_srgan.pacs import __main__ as pacs
from keras_srgan.pacs.destinations import open_destination
from keras_srgan.pacs.tls import Tls

EXAMPLE = Path(__file__).parents[3] / "examples" / "orthanc"


def radiograph(folder, side=96):
    """RG1 of pydicom-data, or a square cut out of it with UIDs of its own; the path."""
    path = get_testdata_file("RG1_UNCR.dcm", download=False)
    if path is None:
        pytest.skip("pydicom-data is absent")
    dataset = pydicom.dcmread(path)
    if side:
        pixels = dataset.pixel_array[600 : 600 + side, 700 : 700 + side]
        dataset.Rows, dataset.Columns, dataset.PixelData = side, side, pixels.astype("<i2").tobytes()
        dataset.SOPInstanceUID += ".1"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(folder / "rg1.dcm")
    return folder / "rg1.dcm"


def results(server, wanted=1):
    """The data sets that Orthanc has beside those it was sent, and their instances' names."""
    found = []
    for name in server.ask("/instances"):
        tags = server.ask(f"/instances/{name}/simplified-tags")
        if "by keras-srgan" in tags.get("DerivationDescription", ""):
            found.append(name)
    return found if len(found) >= wanted else None


def check(source_path, content, weights, folder):
    """That a stored file is the enlarged source: pixels, spacing, identity, references, and no new fault of form."""
    path = folder / "result.dcm"
    path.write_bytes(content)
    source, result = pydicom.dcmread(source_path), pydicom.dcmread(path)
    image = keras_srgan.read_image(source_path)
    expected = keras_srgan.load(weights).upscale(image.pixels, image.max_value)
    np.testing.assert_allclose(keras_srgan.read_image(path).pixels.astype(int), expected.astype(int), atol=1)
    assert (result.Rows, result.Columns) == (4 * source.Rows, 4 * source.Columns)
    for name in ("ImagerPixelSpacing", "PixelSpacing"):
        if name in source:
            np.testing.assert_allclose(np.asarray(result[name].value, float) * 4, np.asarray(source[name].value, float))
    for name in ("StudyInstanceUID", "PatientID", "PatientName", "SOPClassUID", "BitsStored", "Modality"):
        assert result[name].value == source[name].value
    for name in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert result[name].value != source[name].value
    reference = result.SourceImageSequence[0]
    assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert result.SyntheticData == "YES"
    assert result.ContributingEquipmentSequence[-1].ManufacturerModelName == "keras-srgan"
    assert result.ImageType[0] == "DERIVED" and result.DerivationCodeSequence[0].CodeValue == "113085"
    assert wrong_values(path) <= wrong_values(source_path)
    if shutil.which("dciodvfy"):
        assert faults(path) <= faults(source_path)
    return result


def wrong_values(path):
    """The elements whose values pydicom's validation refuses."""
    found = set()
    for element in pydicom.dcmread(path).iterall():
        values = element.value if element.VM > 1 else [element.value]
        for value in values if element.VR in ("UI", "CS", "DS", "IS", "DA", "TM", "LO", "SH", "ST", "LT", "PN") else ():
            try:
                pydicom.valuerep.validate_value(element.VR, str(value), pydicom.config.RAISE)
            except ValueError:
                found.add(element.keyword)
    return found


def faults(path):
    """What dciodvfy (dicom3tools) calls an error."""
    found = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace")
    # Debian's dictionary is older than Synthetic Data (0008,001C), of 2022.
    lines = [line for line in found.stderr.splitlines() if line.startswith("Error") and "(0x0008,0x001c)" not in line]
    return {re.sub(r"[<=].*", "", line) for line in lines}


def example(port):
    """Orthanc's configuration of the example, with the listener's port."""
    configuration = json.loads((EXAMPLE / "orthanc.json").read_text())
    modalities = configuration["DicomModalities"]
    modalities["keras-srgan"][2] = port
    return {"DicomModalities": modalities, "LuaScripts": [str(EXAMPLE / "enlarge.lua")]}


def test_with_the_example_what_lands_in_orthanc_comes_back_enlarged_in_the_same_study(
    orthanc, listener, weights, tmp_path, helpers
):
    port = helpers.free_port()
    server = orthanc(**example(port))
    running = listener(server.url, "--accept-from", "ORTHANC", port=port).start()
    path = radiograph(tmp_path)
    server.ask("/instances", path.read_bytes())
    (name,) = helpers.wait_for(lambda: results(server))
    check(path, server.file(name), weights, tmp_path)
    assert len(server.ask("/studies")) == 1 and len(server.ask("/series")) == 2
    running.wait(done=1, queued=0, enlarged=0)
    time.sleep(1)  # the result, stored, must not go round
    assert len(server.ask("/instances")) == 2


def test_a_study_is_fetched_enlarged_and_stored_and_a_second_time_changes_nothing(orthanc, weights, tmp_path, capsys):
    server, path = orthanc(), radiograph(tmp_path)
    server.ask("/instances", path.read_bytes())
    source = pydicom.dcmread(path)
    command = ["fetch", server.url, "--study", source.StudyInstanceUID, "--weights", str(weights)]
    assert pacs.main(command) == 0
    (name,) = results(server)
    check(path, server.file(name), weights, tmp_path)
    assert pacs.main([*command, "--series", source.SeriesInstanceUID]) == 0
    assert results(server) == [name]
    shown = capsys.readouterr()
    assert source.SOPInstanceUID not in shown.out + shown.err and str(source.PatientName) not in shown.out + shown.err
    assert pacs.main(["fetch", server.url, "--study", "1.2.3", "--weights", str(weights)]) == 1
    assert "check the UIDs" in capsys.readouterr().err


def test_a_map_goes_along_as_a_parametric_map_of_a_series_of_its_own_and_is_not_enlarged(orthanc, weights, tmp_path):
    pytest.importorskip("highdicom")
    server, path = orthanc(), radiograph(tmp_path)
    server.ask("/instances", path.read_bytes())
    source = pydicom.dcmread(path)
    command = ["fetch", server.url, "--study", source.StudyInstanceUID, "--weights", str(weights), "--map"]
    assert pacs.main(command) == 0
    stored = []
    for name in server.ask("/instances"):
        (tmp_path / "one.dcm").write_bytes(server.file(name))
        stored.append(pydicom.dcmread(tmp_path / "one.dcm"))
    (plane,) = [each for each in stored if each.SOPClassUID.name == "Parametric Map Storage"]
    assert (plane.Rows, plane.Columns) == (4 * source.Rows, 4 * source.Columns)
    assert len({each.SeriesInstanceUID for each in stored}) == len(stored) == 3
    assert {each.StudyInstanceUID for each in stored} == {source.StudyInstanceUID}
    assert pacs.main(command) == 0
    assert len(server.ask("/instances")) == 3


def test_credentials_of_netrc_open_what_is_closed_without(
    orthanc, tmp_path, monkeypatch, capsys, make_instance, helpers
):
    server = orthanc(AuthenticationEnabled=True, RegisteredUsers={"ann": "hidden"})
    netrc = tmp_path / "netrc"
    netrc.write_text("")
    monkeypatch.setenv("NETRC", str(netrc))
    send = ["send", str(make_instance()), "--to", server.url]

    def answers():
        pacs.main(send)
        return "401" in capsys.readouterr().err

    helpers.wait_for(answers)
    netrc.write_text("machine 127.0.0.1 login ann password hidden\n")
    assert pacs.main(send) == 0
    shown = capsys.readouterr()
    assert "1 sent" in shown.out and "hidden" not in shown.out + shown.err


def test_what_is_stored_twice_is_there_once(orthanc, make_instance):
    server, path = orthanc(), make_instance()
    for name in (server.name, server.url):
        destination = open_destination(name, "KERAS-SRGAN", Tls())
        destination.send([path])
        destination.send([path])
        destination.close()
    assert len(server.ask("/instances")) == 1


def test_orthanc_takes_it_by_tls_from_who_has_a_certificate(orthanc, certificates, make_instance, capsys):
    files = {
        "DicomTlsCertificate": "node.pem",
        "DicomTlsPrivateKey": "node.key",
        "DicomTlsTrustedCertificates": "ca.pem",
    }
    server = orthanc(DicomTlsEnabled=True, **{name: str(certificates / file) for name, file in files.items()})
    send = ["send", str(make_instance()), "--to", server.name.replace("127.0.0.1", "localhost"), "--to-tls"]
    own = ["--tls-cert", str(certificates / "node.pem"), "--tls-key", str(certificates / "node.key")]
    trusted = ["--tls-ca", str(certificates / "ca.pem")]
    assert pacs.main([*send, *own, *trusted]) == 0
    assert len(server.ask("/instances")) == 1
    assert pacs.main([*send, *own]) == 1  # the system's authorities know it not
    assert pacs.main([*send, *trusted]) == 1  # it knows us not


def test_dcmtk_sends_and_dcmtk_receives(listener, tmp_path, helpers, weights, storescu):
    if shutil.which("dcmqrscp") is None:
        pytest.skip("dcmtk's server (a package of its own in some systems) is absent")
    port, folder = helpers.free_port(), tmp_path / "dcmtk"
    folder.mkdir()
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\nHostTable BEGIN\nHostTable END\n"
        f"VendorTable BEGIN\nVendorTable END\nAETable BEGIN\nDCMTK {folder} RW (200, 1024mb) ANY\nAETable END\n"
    )
    server = subprocess.Popen(["dcmqrscp", "-c", str(folder / "dcmqrscp.cfg")])
    try:
        running = listener(f"DCMTK@127.0.0.1:{port}", "--accept-from", "STORESCU").start()
        path = radiograph(tmp_path)
        sent = subprocess.run([storescu, "-aec", "KERAS-SRGAN", "127.0.0.1", str(running.port), path])
        assert sent.returncode == 0
        running.wait(done=1)
        (stored,) = helpers.wait_for(lambda: [each for each in folder.iterdir() if each.name.startswith("CR")])
        check(path, stored.read_bytes(), weights, tmp_path)
    finally:
        server.kill()
        server.wait()


@pytest.mark.slow
def test_the_whole_radiograph_goes_through_orthanc(orthanc, listener, tmp_path, helpers):
    port = helpers.free_port()
    server = orthanc(**example(port))
    listener(server.url, "--accept-from", "ORTHANC", "--weights", "xray-fast", port=port).start()
    path = radiograph(tmp_path, side=0)
    server.ask("/instances", path.read_bytes())
    (name,) = helpers.wait_for(lambda: results(server), 300)
    check(path, server.file(name), "xray-fast", tmp_path)


def test_the_example_is_what_its_page_says():
    page = (EXAMPLE / "README.md").read_text()
    for name in re.findall(r"`(\w+\.(?:lua|json))`", page):
        assert (EXAMPLE / name).is_file()
    command = re.search(r"python -m keras_srgan.pacs (listen .*)", page)[1].split()
    pacs.parser().parse_args(command)
    configuration = json.loads((EXAMPLE / "orthanc.json").read_text())
    assert configuration["DicomAet"] in command
    assert f"http://127.0.0.1:{configuration['HttpPort']}/dicom-web" in command
    title, host, port = configuration["DicomModalities"]["keras-srgan"]
    shown = pacs.parser().parse_args(command)
    assert (title, host, port) == (shown.ae_title, shown.bind, shown.port)


def test_what_is_no_picture_or_made_here_is_skipped_by_fetch(orthanc, weights, make_instance, capsys):
    server = orthanc()
    report = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR"}
    for number, changes in enumerate((report, {"DerivationDescription": "Enlarged 4 times by keras-srgan"})):
        server.ask("/instances", make_instance(number, **changes).read_bytes())
    study = server.ask(f"/studies/{server.ask('/studies')[0]}")["MainDicomTags"]["StudyInstanceUID"]
    assert pacs.main(["fetch", server.url, "--study", study, "--weights", str(weights)]) == 0
    assert "2 skipped" in capsys.readouterr().out
    assert len(server.ask("/instances")) == 2
