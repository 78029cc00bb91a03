"""Progress: bars on a terminal only, plain lines elsewhere, nothing when quiet or in a child."""

from __future__ import annotations

import io
import re
import sys

import pytest

from dermctl.cli import progress as module
from dermctl.cli.output import Output
from dermctl.cli.progress import BarProgress, PlainProgress, progress_for
from dermctl.progress import SilentProgress
from tests.clock import still_clock

Captured = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return still_clock(module, monkeypatch)


def test_which_progress_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert isinstance(progress_for(Output()), PlainProgress)
    assert isinstance(progress_for(Output(quiet=True)), SilentProgress)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(progress_for(Output()), BarProgress)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert isinstance(progress_for(Output()), SilentProgress)


def test_off_a_terminal_a_task_is_a_line_at_its_end(capsys: Captured, clock: list[float]) -> None:
    with PlainProgress(Output()).task("pack", 2000, unit="images") as task:
        task.advance(1500)
        task.update(note="3 rejected")
        task.advance(500)
        clock[0] += 10
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "pack: 2,000 of 2,000 images in 10 s, 200.0 images/s (3 rejected)\n"


def test_a_long_task_is_a_line_each_half_minute(capsys: Captured, clock: list[float]) -> None:
    with PlainProgress(Output()).task("train", 100, unit="steps") as task:
        for _ in range(100):
            clock[0] += 1
            task.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "train: 30 of 100 steps in 30 s, 1.0 steps/s, 70 s left"
    assert [line.split(" of")[0] for line in lines] == [
        "train: 30",
        "train: 60",
        "train: 90",
        "train: 100",
    ]


def test_a_task_of_unknown_length(capsys: Captured, clock: list[float]) -> None:
    with PlainProgress(Output()).task("read") as task:
        task.advance(3)
        clock[0] += 2
    assert capsys.readouterr().err == "read: 3 images in 2 s, 1.5 images/s\n"


def test_a_task_that_fails_claims_nothing(capsys: Captured) -> None:
    with pytest.raises(ZeroDivisionError), PlainProgress(Output()).task("pack", 3):
        raise ZeroDivisionError
    assert capsys.readouterr().err == ""


def test_choices_are_lines_of_their_own(capsys: Captured) -> None:
    PlainProgress(Output()).say("no --data given: isic")
    assert capsys.readouterr().err == "no --data given: isic\n"


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    progress = BarProgress(Output())
    with progress.task("outer", 2) as outer:
        with progress.task("inner", unit="files") as inner:
            inner.update(total=3, note="[red]as it is[/red]")
            inner.advance(3)
        progress.say("a choice [red]in between[/red]")
        outer.advance(2)
    with progress.task("later", 1) as later:
        later.advance()
    with progress.task("few", 0.25, unit="MB") as few:
        few.advance(0.25)
    with progress.task("many", 16_577) as many:
        many.advance(16_577)
    shown = terminal.getvalue()
    assert "0.2/0.2" in shown
    assert "16,577/16,577" in shown
    for part in ("outer", "inner", "2/2", "3/3", "later", "a choice [red]in between[/red]"):
        assert part in shown
    assert "[red]as it is[/red]" in shown


@pytest.mark.parametrize("quiet", [False, True])
def test_what_ends_a_process_is_an_error_also_where_all_is_quiet(
    capsys: Captured, *, quiet: bool
) -> None:
    progress_for(Output(quiet=quiet)).fail("a process is lost")
    assert capsys.readouterr().err == "error: a process is lost\n"


def test_what_ends_a_process_gives_the_terminal_its_cursor_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    progress = BarProgress(Output())
    with progress.task("train", 2):
        progress.fail("a process is lost")
        shown = terminal.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "a process is lost" in shown[shown.rindex("\x1b[?25h") :]


@pytest.mark.parametrize("width", [80, 140])
def test_a_trainings_line_tells_its_rate_on_any_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stderr", Terminal())
    note = "epoch 12/100 · loss 4.135 · 1271 images/s · waiting 13%"
    with BarProgress(Output()).task("train", 9999, unit="steps") as task:
        task.advance(123)
        task.update(note=note)
    assert isinstance(sys.stderr, Terminal)
    plain = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", sys.stderr.getvalue())
    last = [line.strip() for line in plain.replace("\r", "\n").splitlines() if "train" in line][-1]
    assert len(last) <= width
    assert " 123/9,999" in last
    assert note in last or note[:48] in last
    assert ("━" in last) is (width == 140)
