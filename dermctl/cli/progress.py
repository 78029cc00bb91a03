"""Progress bars on a terminal, plain lines elsewhere; on stderr, so that pipes stay clean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.progress import Task as RichTask
from rich.table import Column
from rich.text import Text

from dermctl.cli.output import Output, console, print_error
from dermctl.progress import Progress, SilentProgress, Task

_SECONDS_BETWEEN_PLAIN_LINES = 30.0
_WIDE = 120  # columns of a terminal that a training's bar and note fill


def progress_for(output: Output) -> Progress:
    """Bars on a terminal, plain lines on a pipe, nothing with ``--quiet`` or in a child rank."""
    from dermctl.runs import is_main_process

    if not is_main_process():
        return SilentProgress()
    if output.quiet:
        return _QuietProgress()
    return BarProgress(output) if console(stderr=True).is_terminal else PlainProgress(output)


class _QuietProgress(SilentProgress):
    def fail(self, message: str) -> None:
        print_error(message)


class BarProgress:
    """Draws one bar a task, with rate and time left."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._bars: Bars | None = None

    def say(self, message: str) -> None:
        """Print above the bars."""
        if self._bars is not None:
            self._bars.console.print(Text(message), soft_wrap=True)
        else:
            self._output.say(message)

    def fail(self, message: str) -> None:
        """Print below the bars, and give the terminal its cursor back."""
        if self._bars is not None:
            self._bars.stop()
        print_error(message)

    @contextmanager
    def task(
        self, description: str, total: float | None = None, unit: str = "images"
    ) -> Iterator[Task]:
        """Open a bar; it stays on the screen, full, when the task ends."""
        if self._bars is not None:  # a task within a task: another bar below
            yield _Bar(
                self._bars, self._bars.add_task(description, total=total, unit=unit, note="")
            )
            return
        with _bars() as bars:
            self._bars = bars
            try:
                yield _Bar(bars, bars.add_task(description, total=total, unit=unit, note=""))
            finally:
                self._bars = None


def _bars() -> Bars:
    """On a narrow terminal without what the rest tells too; what is still too long is cut off."""
    shown = console(stderr=True)
    narrow = shown.width < _WIDE
    columns: list[ProgressColumn] = [
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        *([] if narrow else [BarColumn(bar_width=28)]),
        _Done(),
        _Rate(only_without_note=narrow),
        *([] if narrow else [TimeElapsedColumn()]),
        TimeRemainingColumn(),
        TextColumn(
            "{task.fields[note]}",
            style="dim",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
    ]
    return Bars(*columns, console=shown, expand=True)


class _Done(ProgressColumn):
    """So many of so many; of a few megabytes the tenths count."""

    def render(self, task: RichTask) -> Text:
        tenths = task.fields["unit"] == "MB" and (task.total or 0) < 10
        done, total = (
            "?" if number is None else f"{number:,.1f}" if tenths else f"{int(number):,}"
            for number in (task.completed, task.total)
        )
        return Text(f"{done:>{len(total)}}/{total}", style="progress.download")


class _Rate(ProgressColumn):
    """Units a second; not where a note is to tell the rate, if so asked."""

    def __init__(self, *, only_without_note: bool) -> None:
        super().__init__()
        self._only_without_note = only_without_note

    def render(self, task: RichTask) -> Text:
        speed = task.finished_speed or task.speed
        if not speed or (self._only_without_note and task.fields["note"]):
            return Text("")
        shown = f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"
        return Text(f"{shown} {task.fields['unit']}/s", style="dim")


class _Bar:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._task, amount)

    def update(self, *, total: float | None = None, note: str | None = None) -> None:
        if total is not None:
            self._bars.update(self._task, total=total)
        if note is not None:
            self._bars.update(self._task, note=note)


class PlainProgress:
    """One line each half minute of a task, and one when it ends."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def say(self, message: str) -> None:
        """A line of its own."""
        self._output.say(message)

    def fail(self, message: str) -> None:
        """A line of its own, of an error."""
        print_error(message)

    @contextmanager
    def task(
        self, description: str, total: float | None = None, unit: str = "images"
    ) -> Iterator[Task]:
        """Report a task in plain lines."""
        task = _PlainTask(self._output, description, total, unit)
        yield task
        task.show(done=True)


class _PlainTask:
    def __init__(self, output: Output, description: str, total: float | None, unit: str) -> None:
        self._output, self._description, self._unit = output, description, unit
        self._total, self._done, self._note = total, 0.0, ""
        self._started = self._shown = time.monotonic()

    def advance(self, amount: float = 1) -> None:
        self._done += amount
        if time.monotonic() - self._shown >= _SECONDS_BETWEEN_PLAIN_LINES:
            self.show()

    def update(self, *, total: float | None = None, note: str | None = None) -> None:
        self._total = self._total if total is None else total
        self._note = self._note if note is None else note

    def show(self, *, done: bool = False) -> None:
        self._shown = time.monotonic()
        elapsed = self._shown - self._started
        of = f" of {self._total:,.0f}" if self._total is not None else ""
        rate = f", {self._done / elapsed:,.1f} {self._unit}/s" if elapsed > 0.05 else ""
        left = ""
        if not done and self._total is not None and self._done:
            left = f", {elapsed * (self._total - self._done) / self._done:.0f} s left"
        note = f" ({self._note})" if self._note else ""
        counted = f"{self._description}: {self._done:,.0f}{of} {self._unit}"
        self._output.say(f"{counted} in {elapsed:.0f} s{rate}{left}{note}")
