"""The history of a dataset's splits, as it is kept beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dermctl.datasets.history import BRIDGES_SPLITS, LEAK, WITHDRAWN, Withdrawal
from dermctl.datasets.remembered import HISTORY_FILE, History, read_history, write_history
from dermctl.errors import DataError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    history = History({"b": "train", "a": WITHDRAWN}, {"a": "linked to c in test"})
    write_history(tmp_path, history)
    assert read_history(tmp_path) == history


def test_without_a_file_nothing_is_remembered(tmp_path: Path) -> None:
    assert read_history(tmp_path) == History()


def test_a_damaged_file_is_no_history(tmp_path: Path) -> None:
    (tmp_path / HISTORY_FILE).write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="cannot be read"):
        read_history(tmp_path)


def test_it_grows_and_forgets_nobody() -> None:
    history = History({"a": "train", "b": "test", "old": WITHDRAWN}, {"old": "the first reason"})
    grown = history.grown(
        {"b": "test", "c": "val"},
        [
            Withdrawal("a", LEAK, "linked to b in test", "train"),
            Withdrawal("old", LEAK, "withdrawn before", WITHDRAWN),
            Withdrawal("n", BRIDGES_SPLITS, "ties together test and val"),
        ],
    )
    assert grown.splits == {"a": WITHDRAWN, "b": "test", "c": "val", "old": WITHDRAWN}
    assert grown.why == {"a": "linked to b in test", "old": "the first reason"}
