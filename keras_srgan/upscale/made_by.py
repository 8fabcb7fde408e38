"""The network that made a result, for objects that have to name it."""

import hashlib
from typing import TYPE_CHECKING

from keras_srgan.images.dicom import Network
from keras_srgan.weights import identity

if TYPE_CHECKING:
    from keras_srgan.inference import Options, Upscaler

UNKNOWN = "not known"  # what `identity` says of weights without a card


def made_by(upscaler: "Upscaler", options: "Options") -> Network:
    """What a derived DICOM object says of the network, and its UIDs are made from.

    Args:
        upscaler: enlarges arrays.
        options: its options; those that change pixels are named.

    Returns:
        A `Network`. The sha256 is the card's, or else that of the generator's weights as they are in memory.
    """
    known = identity(upscaler.card)
    if known == UNKNOWN:
        digest = hashlib.sha256()
        for variable in upscaler.generator.variables:
            digest.update(variable.numpy().tobytes())
        known = digest.hexdigest()
    settings = [
        "self-ensemble" if options.self_ensemble else "",
        f"back-projection {options.back_project}" if options.back_project else "",
        f"colour by {options.colour}" if options.colour != "luma" else "",
        "stretched" if options.stretch else "",
    ]
    name = str(upscaler.card.get("name") or upscaler.generator.name)
    return Network(name, known, ", ".join(filter(None, settings)))
