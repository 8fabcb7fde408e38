"""Destinations that are slow, refuse or vanish, and names that are none."""

import pytest

pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt

from keras_srgan.pacs import destinations
from keras_srgan.pacs.destinations import Refused, Unreachable, open_destination
from keras_srgan.pacs.tls import Tls
from keras_srgan.pacs.transfers import send


def to(name):
    return open_destination(name, "KERAS-SRGAN", Tls())


def test_instances_go_through_one_association_whole(shelf, make_instance):
    node = shelf()
    paths = [make_instance(number) for number in range(3)]
    destination = to(node.name)
    destination.send(paths[:2])
    first = destination._association
    destination.send(paths[2:])
    assert destination._association is first
    destination.close()
    import pydicom

    for path in paths:
        source = pydicom.dcmread(path)
        assert node.stored[source.SOPInstanceUID].PixelData == source.PixelData


def test_a_node_of_implicit_vr_alone_gets_it_that_way(make_instance):
    found = []
    node = AE("OLD")
    node.add_supported_context("1.2.840.10008.5.1.4.1.1.1", ImplicitVRLittleEndian)
    handler = (evt.EVT_C_STORE, lambda event: found.append(event.dataset.PatientID) or 0)
    server = node.start_server(("127.0.0.1", 0), block=False, evt_handlers=[handler])
    destination = to(f"OLD@127.0.0.1:{server.server_address[1]}")
    destination.send([make_instance()])
    destination.close()
    server.shutdown()
    assert found == ["SECRETID"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(0xA700, Unreachable), (0x0124, Unreachable), (0xA900, Refused), (0xC000, Refused), (0x0122, Refused)],
)
def test_a_refusal_is_for_now_or_for_good_by_its_status(shelf, make_instance, status, kind):
    node = shelf()
    node.status = status
    with pytest.raises(kind, match=f"{status:#06x}"):
        to(node.name).send([make_instance()])


@pytest.mark.parametrize("status", [0xB000, 0xB007, 0x0111])
def test_stored_with_a_warning_or_stored_before_is_stored(shelf, make_instance, status):
    node = shelf()
    node.status = status
    to(node.name).send([make_instance()])


def test_a_node_that_does_not_take_the_class_refuses_for_good(make_instance):
    node = AE("CTONLY")
    node.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
    server = node.start_server(("127.0.0.1", 0), block=False)
    with pytest.raises(Refused, match="takes no Computed Radiography"):
        to(f"CTONLY@127.0.0.1:{server.server_address[1]}").send([make_instance()])
    server.shutdown()


def test_a_node_that_vanishes_is_tried_again_and_gets_it_once(shelf, make_instance, helpers):
    node = shelf()
    node.vanish = True
    destination, path = to(node.name), make_instance()
    with pytest.raises(Unreachable):
        destination.send([path])
    node.vanish = False
    destination.send([path])
    destination.close()
    assert list(node.times.values()) == [2] and len(node.stored) == 1  # under one UID


def test_a_node_that_takes_too_long_counts_as_absent(shelf, make_instance, monkeypatch):
    monkeypatch.setattr(destinations, "ANSWER", 0.5)
    node = shelf()
    node.delay = 3
    with pytest.raises(Unreachable, match="no answer"):
        to(node.name).send([make_instance()])


def test_nobody_there_and_a_wrong_title_are_said(shelf, make_instance, helpers):
    path = make_instance()
    with pytest.raises(Unreachable, match="can't be reached"):
        to(f"X@127.0.0.1:{helpers.free_port()}").send([path])
    with pytest.raises(Unreachable, match="AE title KERAS-SRGAN"):
        to(shelf().name.replace("SHELF", "OTHER")).send([path])
    with pytest.raises(Unreachable, match="no answer"):
        to(f"http://127.0.0.1:{helpers.free_port()}/dicom-web").send([path])


@pytest.mark.parametrize(
    "text", ["", "HOST:104", "A@B", "A@B:0", "A@B:70000", "A" * 17 + "@b:1", "ftp://x/y", "http://"]
)
def test_what_is_no_destination_is_refused_with_its_form(text):
    with pytest.raises(ValueError, match="give "):
        to(text)


def test_send_takes_files_and_folders_and_one_failure_is_not_the_end(shelf, make_instance, tmp_path):
    node = shelf()
    make_instance(1)
    make_instance(2)
    other = tmp_path / "notes.txt"
    other.write_text("no DICOM")
    destination = to(node.name)
    outcomes = list(send([other, tmp_path], destination))
    destination.close()
    assert [each.status for each in outcomes] == ["failed", "sent", "sent"]
    assert len(node.stored) == 2 and "not a DICOM file" in outcomes[0].why
