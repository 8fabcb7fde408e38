"""`python -m keras_srgan.mos`: people judge the pictures; a page to rate them, and the scores."""

import shlex
import sys

from keras_srgan.cli import Parser, run_safely, start_quietly
from keras_srgan.mos.names import check_names


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog="keras-srgan mos",
        description="Mean opinion scores, and reading studies: make a page, let people rate, read what they saved.",
    )
    actions = parse.add_subparsers(dest="action", required=True, metavar="make|score")
    make = actions.add_parser("make", help="write the page, and the key beside it")
    make.add_argument("--data", required=True, metavar="DIR", help="folder of originals")
    make.add_argument("--weights", required=True, nargs="+", metavar="NAME", help="names, files or run folders")
    make.add_argument("--out", required=True, metavar="FILE.html", help="the page; its key goes to FILE.key.json")
    make.add_argument(
        "--crops", type=int, default=12, metavar="INT", help="how many, each of another image; of --reading: cases [12]"
    )
    make.add_argument("--size", type=int, default=160, metavar="INT", help="side of a crop, px [160]")
    make.add_argument("--seed", type=int, default=0, metavar="INT", help="chooses images and places [0]")
    make.add_argument("--reading", metavar="CSV", help="a reading study: file,label with two labels; whole images")
    make.add_argument("--finding", default="", metavar="LABEL", help="of --reading: the label that readers look for")
    make.add_argument("--overwrite", action="store_true", help="replace a page and key that exist")
    score = actions.add_parser("score", help="print scores with 95%% intervals, and how far judges agree")
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
    if bool(parsed.reading) != bool(parsed.finding):
        parse.error("--reading CSV and --finding LABEL go together")
    command = f"python -m keras_srgan.mos {shlex.join(arguments)}"
    return run_safely("keras-srgan mos make", lambda: make(parsed, command))


def make(parsed, command: str) -> int:
    """`mos make`."""
    check_names(parsed.out, parsed.overwrite)
    start_quietly()
    from keras_srgan.mos.page import judge_folder

    crops = dict(crops=parsed.crops, size=parsed.size, seed=parsed.seed, labels=parsed.reading, finding=parsed.finding)
    print(judge_folder(parsed.data, parsed.weights, parsed.out, **crops, command=command, warn=warn))
    return 0


def warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


def score(parsed) -> int:
    """`mos score`."""
    from keras_srgan.mos import agreement, reading, scores

    key = scores.read_key(parsed.key)
    ratings = scores.read_ratings(parsed.ratings, key)
    if key.get("finding"):
        print(reading.markdown(ratings, reading.study(ratings, key), key["finding"]))
    else:
        print(scores.markdown(ratings, scores.mean_opinions(ratings, key["methods"])))
    print(agreement.sentence(ratings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
