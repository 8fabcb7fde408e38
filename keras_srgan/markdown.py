"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table.

    Args:
        head: the titles of the columns.
        rows: sequences of as many texts.

    Returns:
        The table, without a newline at its end.

    Example:

    >>> print(markdown_table(["method", "PSNR"], [["bicubic", "36.55"]]))
    | method | PSNR |
    | --- | --- |
    | bicubic | 36.55 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
