"""A pytest plugin: the first run writes down what was skipped, a run after it takes that only.

The environment's SKIPPED names the file that it writes. Lines may be added: files or folders to run again whole.
"""

import os
from pathlib import Path

import pytest

RECORD = Path(os.environ["SKIPPED"])
BEFORE = RECORD.read_text(encoding="utf-8").splitlines() if RECORD.exists() else None
found: set[str] = set()


def _note(report) -> None:
    if report.skipped:
        found.add(report.nodeid)


pytest_runtest_logreport = pytest_collectreport = _note


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if BEFORE is None:
        return
    again = [item for item in items if any(item.nodeid.startswith(each) for each in BEFORE)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(again)])
    items[:] = again


def pytest_sessionfinish() -> None:
    if BEFORE is None:
        RECORD.write_text("".join(f"{each}\n" for each in sorted(found)), encoding="utf-8")
