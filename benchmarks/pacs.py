"""How many instances a minute go through `keras-srgan pacs listen`, and where the time goes.

    python benchmarks/pacs.py --weights xray-fast --side 512 --count 30

A sender, the listener and the node that takes the results run on this machine and share its cores.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, evt

from keras_srgan.data.sample import sample_radiograph
from keras_srgan.pacs.destinations import Node


def instance(number: int, side: int, folder: Path) -> Path:
    """A square of the sample radiograph, 12 bits, as a CR image."""
    meta = FileMetaDataset()
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientName = dataset.PatientID = "BENCHMARK"
    dataset.PatientBirthDate = dataset.PatientSex = dataset.StudyDate = dataset.StudyTime = ""
    dataset.Modality, dataset.ImagerPixelSpacing = "CR", [0.2, 0.2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = side
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    pixels = sample_radiograph().pixels[200 + number : 200 + number + side, 300 : 300 + side] >> 3
    dataset.PixelData = pixels.astype("<u2").tobytes()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    path = folder / f"{number}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--weights", default="xray-fast", help="[xray-fast]")
    parse.add_argument("--side", type=int, default=512, help="of the images, px [512]")
    parse.add_argument("--count", type=int, default=30, help="instances [30]")
    arguments = parse.parse_args()
    arrived: list[float] = []
    node = AE("SHELF")
    node.supported_contexts = AllStoragePresentationContexts
    handler = (evt.EVT_C_STORE, lambda event: arrived.append(time.monotonic()) or 0)
    shelf = node.start_server(("127.0.0.1", 0), block=False, evt_handlers=[handler])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [instance(number, arguments.side, folder) for number in range(arguments.count + 1)]
        command = [sys.executable, "-m", "keras_srgan.pacs", "listen", "--port", "0", "--accept-any"]
        command += ["--weights", arguments.weights, "--queue", str(folder / "queue")]
        command += ["--out-to", f"SHELF@127.0.0.1:{shelf.server_address[1]}"]
        listener = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert listener.stdout and listener.stderr
            found = re.search(r":(\d+), results", listener.stdout.readline())
            assert found, listener.stderr.read()
            sender = Node("KERAS-SRGAN", "127.0.0.1", int(found[1]), "SENDER")
            sender.send(paths[:1])  # the first compiles
            while not arrived:
                time.sleep(0.05)
            started = time.monotonic()
            sender.send(paths[1:])
            received = time.monotonic() - started
            sender.close()
            while len(arrived) <= arguments.count:
                time.sleep(0.05)
            whole = time.monotonic() - started
        finally:
            listener.terminate()
            log = listener.communicate()[1]
            shelf.shutdown()
    print(f"{arguments.count} instances of {arguments.side}x{arguments.side}, {arguments.weights}: {whole:.1f} s")
    print(f"{60 * arguments.count / whole:.1f} instances a minute")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{used.ru_utime + used.ru_stime:.1f} s of processor time in all, the start included")
    print(f"{received / arguments.count:.3f} s to receive and queue one")
    for what in ("enlarged", "sent"):
        seconds = [float(each) for each in re.findall(rf"{what}, ([\d.]+) s", log)][1:]
        print(f"{np.mean(seconds):.2f} s until {what}, mean (shortest {min(seconds):.2f})")


if __name__ == "__main__":
    main()
