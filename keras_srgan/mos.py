"""`python -m keras_srgan.mos`: people judge the pictures; a page to rate them, and the scores."""

import shlex
import sys
from functools import partial
from pathlib import Path

from keras_srgan.command import Parser, run_safely, start_quietly
from keras_srgan.version import __version__


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog="keras-srgan mos",
        description="Mean opinion scores: make a page of blind crops, let people rate them, read what they saved.",
    )
    actions = parse.add_subparsers(dest="action", required=True, metavar="make|score")
    make = actions.add_parser("make", help="write the page, and the key beside it")
    make.add_argument("--data", required=True, metavar="DIR", help="folder of originals")
    make.add_argument("--weights", required=True, nargs="+", metavar="NAME", help="names, files or run folders")
    make.add_argument("--out", required=True, metavar="FILE.html", help="the page; its key goes to FILE.key.json")
    make.add_argument("--crops", type=int, default=12, metavar="INT", help="how many, each of another image [12]")
    make.add_argument("--size", type=int, default=160, metavar="INT", help="side of a crop, px [160]")
    make.add_argument("--seed", type=int, default=0, metavar="INT", help="chooses images and places [0]")
    make.add_argument("--overwrite", action="store_true", help="replace a page and key that exist")
    score = actions.add_parser("score", help="print mean opinion scores with 95%% intervals")
    score.add_argument("ratings", nargs="+", metavar="RATINGS.csv", help="what the judges saved")
    score.add_argument("--key", required=True, metavar="FILE.key.json", help="the key beside the page")
    return parse


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    parse = parser()
    parsed = parse.parse_args(arguments)
    if parsed.action == "score":
        return run_safely("keras-srgan mos score", lambda: score(parsed))
    for name, least in (("crops", 1), ("size", 1), ("seed", 0)):
        if getattr(parsed, name) < least:
            parse.error(f"--{name} {getattr(parsed, name)}: at least {least}")
    command = f"python -m keras_srgan.mos {shlex.join(arguments)}"
    return run_safely("keras-srgan mos make", lambda: make(parsed, command))


def make(parsed, command: str) -> int:
    """`mos make`."""
    out = Path(parsed.out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out {out}: give a name that ends in .html")
    for each in (out, out.with_suffix(".key.json")):
        if each.exists() and not parsed.overwrite:
            raise ValueError(f"{each}: exists, and ratings may belong to it; give --overwrite or another --out")
    start_quietly()
    from keras_srgan.data.images import ImageError, read_image
    from keras_srgan.data.sources import find_images
    from keras_srgan.files import sha256
    from keras_srgan.judge_page import make_crops, write_page
    from keras_srgan.weights import SUFFIX, find_weights, load

    paths = find_images(parsed.data)
    upscalers, hashes = {}, {}
    for given in parsed.weights:
        path = find_weights(given)
        name = path.name.removesuffix(SUFFIX)
        name = str(given) if name in upscalers else name  # two runs of one recipe
        if name in upscalers:
            raise ValueError(f"--weights {given}: given twice")
        upscalers[name], hashes[name] = load(path), sha256(path)
    channels = 3 if any(each.channels == 3 for each in upscalers.values()) else None

    def read(path: Path):
        try:
            return read_image(path, channels)
        except (ImageError, OSError) as error:
            print(f"warning: left out: {' '.join(str(error).split())}", file=sys.stderr)
            return None

    crops = make_crops([partial(read, path) for path in paths], upscalers, parsed.crops, parsed.size, parsed.seed)
    about = {"command": command, "version": __version__, "weights": hashes}
    key = write_page(out, crops, parsed.seed, about)
    print(f"{out}: {len(crops)} crops of {parsed.size} px, {len(upscalers) + 2} versions each. Give it to the judges.")
    print(f"{key}: what is what. Keep it from them; mos score needs it.")
    return 0


def score(parsed) -> int:
    """`mos score`."""
    from keras_srgan.opinions import markdown, mean_opinions, read_key, read_ratings

    key = read_key(parsed.key)
    ratings = read_ratings(parsed.ratings, key)
    print(markdown(ratings, mean_opinions(ratings, key["methods"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
