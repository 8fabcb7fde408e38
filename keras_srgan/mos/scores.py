"""Mean opinion scores from the judges' ratings, with intervals."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SCALE = ("1", "2", "3", "4", "5")
COLUMNS = ("page", "judge", "crop", "version", "rating", "time")
REPLICATES = 4000


class Rating(NamedTuple):
    """One judge's rating of one version of a crop."""

    judge: str
    crop: str
    method: str
    value: int


def read_key(path: str | Path) -> dict[str, Any]:
    """Reads the key that was written beside a page.

    Raises:
        OSError: if there is no such file.
        ValueError: if it is no key.
    """
    try:
        key = json.loads(Path(path).read_text(encoding="utf-8"))
        if all({"crop", "method"} <= set(each) for each in key["versions"].values()) and key["methods"] and key["page"]:
            return key
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(f"{path}: not the key of a page; give the NAME.key.json that mos make wrote beside it")


def read_ratings(paths: Iterable[str | Path], key: dict[str, Any]) -> list[Rating]:
    """Reads the CSV files that judges saved.

    A spreadsheet may have saved them again: a byte order mark and semicolons are understood.

    Args:
        paths: the files.
        key: what `read_key` returns.

    Returns:
        List of `Rating`.

    Raises:
        OSError: if a file can't be read.
        ValueError: naming file and line, at the first line that is damaged, out of range, of another page, or given
            twice.
    """
    ratings: list[Rating] = []
    seen: dict[tuple[str, str], str] = {}
    for path in paths:
        for line, row in _rows(Path(path)):
            where = f"{path}, line {line}"
            judge, opaque, value = row["judge"].strip(), row["version"].strip(), row["rating"].strip()
            known = key["versions"].get(opaque)
            if row["page"].strip() != key["page"]:
                raise ValueError(f"{where}: a rating of page {row['page'][:20]!r}, but the key is of {key['page']!r}")
            if known is None or known["crop"] != row["crop"].strip():
                raise ValueError(f"{where}: no version {opaque[:20]!r} of crop {row['crop'][:20]!r} in the key")
            if not judge:
                raise ValueError(f"{where}: no judge's name; fill it in")
            if value not in SCALE:
                raise ValueError(f"{where}: rating {value[:20]!r}; a whole number from 1 to 5 is needed")
            if (judge, opaque) in seen:
                raise ValueError(f"{where}: {judge!r} rated {opaque} in {seen[judge, opaque]} too; keep one of them")
            seen[judge, opaque] = where
            ratings.append(Rating(judge, known["crop"], known["method"], int(value)))
    if not ratings:
        raise ValueError("the files hold no rating; save the CSV after rating something")
    return ratings


def _rows(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    """Line numbers and rows of one file."""
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: not a text in UTF-8; give the CSV as the page saved it") from None
    head_line = content.partition("\n")[0]
    if not content.strip():
        raise ValueError(f"{path}, line 1: the file is empty; save it again from the page")
    separator = ";" if head_line.count(";") > head_line.count(",") else ","
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    try:
        head = [each.strip() for each in next(reader)]
        missing = [each for each in COLUMNS[:-1] if each not in head]
        if missing:
            raise ValueError(f"{path}, line 1: no column {missing[0]!r}; give the CSV as the page saved it")
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(head):
                raise ValueError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells under {len(head)} heads; cut short?"
                )
            yield reader.line_num, dict(zip(head, cells, strict=True))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: damaged ({error}); save it again from the page") from None


def mean_opinions(ratings: Sequence[Rating], methods: Sequence[str], seed: int = 0) -> list[dict[str, Any]]:
    """Mean opinion scores with 95% intervals.

    Ratings of one judge, or of one crop, resemble each other: the bootstrap draws judges and crops anew, both with
    replacement, not single ratings, whose intervals would be too narrow. All methods see the same draws, which makes
    the differences from bicubic paired.

    Args:
        ratings: list of `Rating`.
        methods: the order of the rows; bicubic is one of them.
        seed: of the bootstrap.

    Returns:
        A row a method: `method`, `ratings` (their number), `mean`, `low`, `high`, and `over_bicubic`, the same three
        for the difference. NaN where a method has no rating.
    """
    judges, crops = sorted({each.judge for each in ratings}), sorted({each.crop for each in ratings})
    total = np.zeros((len(methods), len(judges), len(crops)))
    count = np.zeros_like(total)
    for each in ratings:
        place = methods.index(each.method), judges.index(each.judge), crops.index(each.crop)
        total[place] += each.value
        count[place] += 1
    rng = np.random.default_rng(seed)

    def draws(n: int) -> np.ndarray:
        """How often each of `n` is drawn, a row a replicate; the first is the data as they are."""
        return np.vstack([np.ones(n, int), rng.multinomial(n, np.full(n, 1 / n), REPLICATES)])

    weights = draws(len(judges)), draws(len(crops))
    with np.errstate(invalid="ignore"):  # a draw without any rating of a method is NaN
        scores = _weighted(total, *weights) / _weighted(count, *weights)
    base = scores[methods.index("bicubic")]
    return [
        {
            "method": method,
            "ratings": int(count[i].sum()),
            **interval(scores[i]),
            "over_bicubic": interval(scores[i] - base),
        }
        for i, method in enumerate(methods)
    ]


def _weighted(values: np.ndarray, judges: np.ndarray, crops: np.ndarray) -> np.ndarray:
    """Sums `(methods, judges, crops)` with the weights of each replicate: `(methods, replicates)`."""
    return np.stack([np.einsum("rj,rj->r", judges, crops @ each.T) for each in values])


def interval(replicates: np.ndarray) -> dict[str, float]:
    """The first value, which is of the data as they are, and the 95 % interval of the others."""
    finite = replicates[1:][np.isfinite(replicates[1:])]
    low, high = np.percentile(finite, [2.5, 97.5]) if len(finite) else (np.nan, np.nan)
    return {"mean": float(replicates[0]), "low": float(low), "high": float(high)}


def markdown(ratings: Sequence[Rating], rows: Sequence[dict[str, Any]]) -> str:
    """The scores as a Markdown table, with what they rest on."""
    heads = ["method", "MOS", "95% interval", "over bicubic", "95% interval", "ratings"]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    for row in rows:
        over = row["over_bicubic"]
        cells = [row["method"], f"{row['mean']:.2f}", f"{row['low']:.2f} to {row['high']:.2f}"]
        cells += [f"{over['mean']:+.2f}", f"{over['low']:+.2f} to {over['high']:+.2f}", str(row["ratings"])]
        lines.append(f"| {' | '.join(cells).replace('+nan', '-').replace('nan', '-')} |")
    judges, crops = {each.judge for each in ratings}, {each.crop for each in ratings}
    lines.append("")
    lines.append(
        f"{len(judges)} judge(s), {len(crops)} crop(s), {len(ratings)} rating(s) from 1 (bad) to 5 (excellent); "
        "intervals by bootstrap over judges and crops."
    )
    return "\n".join(lines)
