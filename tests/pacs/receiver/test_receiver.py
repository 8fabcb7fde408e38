"""Who may store, and what."""

import logging
import threading

import pytest

pytest.importorskip("pynetdicom")

from keras_srgan.pacs.queue import Queue
from keras_srgan.pacs.receiver import Receiver

from .conftest import associate, pdata, queued, status_of, store_command


def test_an_instance_is_queued_before_it_is_answered_and_c_echo_works(receive, make_instance, helpers):
    receiver, queue = receive()
    path = make_instance()
    assert helpers.store(receiver.port, path) == 0
    assert queued(queue) == 1
    from pynetdicom import AE

    node = AE("SENDER")
    node.add_requested_context("1.2.840.10008.1.1")
    association = node.associate("127.0.0.1", receiver.port, ae_title="KERAS-SRGAN")
    assert association.send_c_echo().Status == 0
    association.release()


def test_wrong_ae_titles_are_rejected_both_ways_unless_any_may_call(receive, make_instance, helpers):
    receiver, queue = receive()
    path = make_instance()
    assert helpers.store(receiver.port, path, calling="STRANGER") is None
    assert helpers.store(receiver.port, path, title="OTHER") is None
    assert queued(queue) == 0
    receiver, queue = receive(callers=None)
    assert helpers.store(receiver.port, path, calling="STRANGER") == 0


def test_fifty_associations_at_once_are_all_served(receive, make_instance, helpers):
    receiver, queue = receive()
    paths, found = [make_instance(number) for number in range(50)], {}
    ready = threading.Barrier(50)

    def send(number):
        ready.wait()
        found[number] = helpers.store(receiver.port, paths[number])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(50)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == dict.fromkeys(range(50), 0)
    assert queued(queue) == 50


def test_one_association_too_many_is_rejected_and_there_is_room_again_later(receive, make_instance, helpers):
    receiver, queue = receive(max_associations=2)
    path = make_instance()
    held = [associate(receiver.port) for _ in range(2)]
    assert helpers.store(receiver.port, path) is None
    for each in held:
        each.close()
    helpers.wait_for(lambda: helpers.store(receiver.port, path) == 0)


def test_the_data_set_must_be_the_instance_that_the_request_names(receive, helpers):
    receiver, queue = receive()
    stream = associate(receiver.port)
    stream.sendall(pdata(store_command(), 3) + pdata(b"\x08\0\x18\0UI\x08\x00" + b"1.2.3.5\0", 2))
    assert status_of(stream) == 0xA900
    stream.close()
    assert queued(queue) == 0


def test_what_this_package_made_is_taken_and_not_enlarged_again(receive, make_instance, helpers):
    receiver, queue = receive()
    from pydicom.dataset import Dataset

    equipment, derivation, group = Dataset(), Dataset(), Dataset()
    derivation.DerivationDescription = "Enlarged 4 times by keras-srgan"
    equipment.ManufacturerModelName = "keras-srgan"
    group.DerivationImageSequence = [derivation]
    changes = [
        {"DerivationDescription": derivation.DerivationDescription},
        {"ContributingEquipmentSequence": [equipment]},
        {"SharedFunctionalGroupsSequence": [group]},
    ]
    for number, change in enumerate(changes):
        assert helpers.store(receiver.port, make_instance(number, **change)) == 0
    assert queued(queue) == 0


def test_a_resend_is_answered_with_success_and_queued_once(receive, make_instance, helpers):
    receiver, queue = receive()
    path = make_instance()
    assert [helpers.store(receiver.port, path) for _ in range(2)] == [0, 0]
    assert queued(queue) == 1


def test_the_log_names_hashes_only(receive, make_instance, helpers, caplog):
    import pydicom

    logger = logging.getLogger("keras_srgan.pacs")
    logger.propagate = True
    receiver, queue = receive()
    path = make_instance()
    with caplog.at_level(logging.INFO):
        helpers.store(receiver.port, path)
        helpers.store(receiver.port, path, calling="STRANGER")
    found = [record.getMessage() for record in caplog.records if record.name.startswith("keras_srgan")]
    uid = pydicom.dcmread(path).SOPInstanceUID
    assert any("received" in each for each in found)
    assert not any(word in " ".join(found) for word in (uid, "SECRET", "STRANGER"))


def test_a_port_in_use_is_one_clear_line(receive, tmp_path):
    receiver, _ = receive()
    other = Queue(tmp_path / "other", 1000)
    with pytest.raises(OSError, match="--port"):
        Receiver(other, ("127.0.0.1", receiver.port), "X", None)
    other.close()


def test_classes_of_pictures_are_offered_in_syntaxes_that_can_be_decoded_and_others_are_not():
    from pynetdicom import sop_class

    from keras_srgan.pacs.receiver import contexts

    offered = {each.abstract_syntax: each.transfer_syntax for each in contexts()}
    for name in ("ComputedRadiographyImageStorage", "XRayAngiographicImageStorage", "EnhancedMRImageStorage"):
        assert {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"} <= set(offered[getattr(sop_class, name)])
    for name in ("SegmentationStorage", "BasicTextSRStorage", "VLWholeSlideMicroscopyImageStorage", "RTDoseStorage"):
        assert getattr(sop_class, name) not in offered
    assert not any("1.2.840.10008.1.2.4.100" in each for each in offered.values())  # MPEG2
