"""A reading study: how well readers tell cases with a finding from others, by each method's images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_srgan.markdown import markdown_table
from keras_srgan.mos.scores import Rating, interval

REPLICATES = 2000
YES = 4  # ratings from here on say that the finding is there


def study(ratings: Sequence[Rating], key: Mapping[str, Any], seed: int = 0) -> list[dict[str, Any]]:
    """The readers' mean AUC with 95 % intervals, for readers and cases like these.

    The bootstrap draws readers and cases, both with replacement, cases with and without the finding by themselves:
    fully crossed multi-reader, multi-case (Gallas et al., Academic Radiology 2012). All methods see the same draws.

    Args:
        ratings: list of `Rating`, how sure a reader is that the finding is there.
        key: what `read_key` returns, of a page made with `--reading`.
        seed: of the bootstrap.

    Returns:
        A row a method: `method`, `readings`, `readers` (each one's AUC), `mean`, `low`, `high`, `over_bicubic` (the
        same three for the difference), `sensitivity` and `specificity`. NaN where there are no readings.
    """
    truth = {each["crop"]: bool(each["truth"]) for each in key["versions"].values()}
    readers = sorted({each.judge for each in ratings})
    cases = [sorted(crop for crop, present in truth.items() if present is kind) for kind in (True, False)]
    rng = np.random.default_rng(seed)

    def draws(n: int) -> np.ndarray:
        return np.vstack([np.ones(n, int), rng.multinomial(n, np.full(n, 1 / n), REPLICATES)])

    drawn, yes, no = draws(len(readers)), draws(len(cases[0])), draws(len(cases[1]))
    rows, means = [], []
    for method in key["methods"]:
        known = {(each.judge, each.crop): each.value for each in ratings if each.method == method}
        each_reader = []
        for reader in readers:
            with_it, without = (
                np.array([known.get((reader, crop), np.nan) for crop in part], "float64") for part in cases
            )
            each_reader.append(_auc(with_it, without, yes, no))
        areas = np.stack(each_reader)  # reader, replicate
        weights = drawn.T * np.isfinite(areas)
        with np.errstate(invalid="ignore"):
            means.append((np.nan_to_num(areas) * weights).sum(axis=0) / weights.sum(axis=0))
        said = [(value >= YES, truth[crop]) for (_, crop), value in known.items()]
        rows.append(
            {
                "method": method,
                "readings": len(known),
                "readers": dict(zip(readers, areas[:, 0].tolist(), strict=True)),
                **interval(means[-1]),
                "sensitivity": _share([positive for positive, present in said if present]),
                "specificity": _share([not positive for positive, present in said if not present]),
            }
        )
    base = means[list(key["methods"]).index("bicubic")]
    for row, mean in zip(rows, means, strict=True):
        row["over_bicubic"] = interval(mean - base)
    return rows


def _auc(with_it: np.ndarray, without: np.ndarray, yes: np.ndarray, no: np.ndarray) -> np.ndarray:
    """One reader's AUC in each replicate; cases that were not read have no part."""
    order = (with_it[:, None] > without) + 0.5 * (with_it[:, None] == without)
    read = np.isfinite(with_it), np.isfinite(without)
    a, b = yes * read[0], no * read[1]
    with np.errstate(invalid="ignore"):
        return np.einsum("rp,pn,rn->r", a, order, b, optimize=True) / (a.sum(axis=1) * b.sum(axis=1))


def _share(said: Sequence[bool]) -> float:
    return float(np.mean(said)) if said else float("nan")


def markdown(ratings: Sequence[Rating], rows: Sequence[Mapping[str, Any]], finding: str) -> str:
    """The study as a Markdown table, with what it rests on."""
    table = []
    for row in rows:
        over = row["over_bicubic"]
        cells = [row["method"], f"{row['mean']:.3f}", f"{row['low']:.3f} to {row['high']:.3f}"]
        cells += [f"{over['mean']:+.3f}", f"{over['low']:+.3f} to {over['high']:+.3f}"]
        cells += [f"{row['sensitivity']:.0%}", f"{row['specificity']:.0%}"]
        cells += [", ".join(f"{area:.2f}" for area in row["readers"].values()), str(row["readings"])]
        table.append([cell.replace("+nan", "-").replace("nan%", "-").replace("nan", "-") for cell in cells])
    head = ["method", "AUC", "95% interval", "over bicubic", "95% interval", "sensitivity", "specificity"]
    readers, cases = sorted({each.judge for each in ratings}), {each.crop for each in ratings}
    return (
        f"{markdown_table([*head, 'each reader', 'readings'], table)}\n\n"
        f"Finding: {finding}. {len(readers)} reader(s) ({', '.join(readers)}), {len(cases)} case(s); mean of the "
        f"readers' AUC, intervals by bootstrap over readers and cases; {YES} and 5 count as yes."
    )
