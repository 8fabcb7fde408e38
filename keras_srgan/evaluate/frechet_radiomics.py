"""FRD: the Fréchet distance of radiomic features between the originals and each method's images, by `frd-score`."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

from keras_srgan.evaluate.methods import baselines, networks
from keras_srgan.evaluate.protocols import Protocol
from keras_srgan.evaluate.test_set import items_of, read_ahead
from keras_srgan.images import ImageError, write_image
from keras_srgan.markdown import markdown_table
from keras_srgan.packages import installed

FEWEST = 4  # images: two halves of two


def frd_markdown(
    data: str | Path,
    weights: Sequence[str | Path],
    protocol: Protocol,
    seed: int = 0,
    warn: Callable[[str], object] = lambda text: None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> str:
    """FRD of bicubic and networks from the originals, and of one half of the originals from the other, as Markdown.

    It compares sets, not images: an image that shows what another patient has counts as well.

    Args:
        data: a folder of HR images.
        weights: names, files or run folders.
        protocol: `Protocol` of gray images; makes LR.
        seed: integer, divides the originals.
        warn, progress: as for `compare`.

    Raises:
        OSError, ValueError: as `compare`; where the packages are not installed, or for fewer than four images.
    """
    if protocol.channel != "gray":
        raise ValueError(f"--task frd needs a protocol of gray images, not {protocol.name}")
    if not installed("frd_score", "radiomics"):
        raise ValueError("--task frd needs frd-score and pyradiomics: see docs/protocols.md")
    from frd_score import compute_frd

    methods = [*baselines([], protocol.scale), *networks(weights, protocol.scale)]
    items, used = items_of(protocol, data), 0
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for done, pair in enumerate(read_ahead(items), 1):
            if isinstance(pair, ImageError):
                warn(f"left out: {pair}")
            else:
                assert pair.hr is not None
                images = {"HR": pair.hr, **{method.name: method(pair, protocol)[0] for method in methods}}
                for number, image in enumerate(images.values()):
                    plane = np.rint(protocol.inner(image, pair.max_value)[0, ..., 0] * 255).astype("uint8")
                    write_image(root / str(number) / f"{used:05d}.png", plane)
                used += 1
            progress(done, len(items))
        if used < FEWEST:
            raise ValueError(f"{used} usable image(s); FRD needs at least {FEWEST}")
        order = np.random.default_rng(seed).permutation(used)
        for part, members in enumerate(np.array_split(order, 2)):
            (root / f"half{part}").mkdir()
            for i in members:
                (root / f"half{part}" / f"{i:05d}.png").symlink_to(root / "0" / f"{i:05d}.png")
        folders = {method.name: ("0", str(number)) for number, method in enumerate(methods, 1)}
        folders["one half of HR from the other"] = ("half0", "half1")
        with redirect_stdout(StringIO()):  # it prints each figure too
            table = [
                [name, f"{compute_frd([str(root / each) for each in pair], verbose=False):.2f}"]
                for name, pair in folders.items()
            ]
    return (
        f"{markdown_table(['image', 'FRD from HR'], table)}\n\nFréchet Radiomics Distance, version 1 (Konz, Osuala et "
        "al., Medical Image Analysis 2026), the logarithm of the squared distance; "
        f"{used} images; lower is nearer. The halves, seed {seed}, are smaller sets, which raises it."
    )
