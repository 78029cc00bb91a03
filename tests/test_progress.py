"""The default of every core function reports nothing."""

from __future__ import annotations

import pytest

from dermctl.progress import SILENT


def test_silent_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with SILENT.task("look", 3, unit="files") as task:
        task.advance()
        task.update(total=4, note="note")
    SILENT.say("a choice")
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_silent_progress_lets_errors_through() -> None:
    with pytest.raises(ValueError, match="wrong"), SILENT.task("look"):
        raise ValueError("wrong")
