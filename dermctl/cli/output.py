"""The one door for output: results on stdout, all else on stderr, JSON where a script wants it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

# Off a terminal nothing is cut or wrapped at 80 columns: scripts read whole lines.
_PLAIN_WIDTH = 10_000
RESEARCH_USE = "Research use only; not a medical device."


def console(stderr: bool = False) -> Console:
    """A console on the current stdout or stderr; plain where that is not a terminal."""
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    width = None if terminal else _PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


@dataclass(frozen=True)
class Output:
    """What a command prints with.

    Args:
        json: one JSON document on stdout in place of tables.
        quiet: no notices; results and errors stay.
        results: False in all but one of several processes, which show none.
    """

    json: bool = False
    quiet: bool = False
    results: bool = True

    @property
    def _prose(self) -> bool:
        return self.results and not self.json

    def document(self, document: Any) -> None:
        """The one JSON document of a ``--json`` run."""
        plain = "utf" not in (sys.stdout.encoding or "").lower()  # then any letter is spelt out
        text = json.dumps(document, indent=2, ensure_ascii=plain, allow_nan=False)
        if self.results:
            sys.stdout.write(f"{text}\n")

    def say(self, message: str) -> None:
        """A notice: a choice that was made, a warning; on stderr."""
        if not self.quiet:
            console(stderr=True).print(Text(message), soft_wrap=True)

    def line(self, text: str = "", style: str | None = None) -> None:
        """One line of a result."""
        if self._prose:
            console().print(Text(text, style=style or ""), soft_wrap=True)

    def heading(self, text: str) -> None:
        """A heading above a result."""
        self.line()
        self.line(text, style="bold")

    def facts(self, facts: Mapping[str, object]) -> None:
        """Name and value, a line each."""
        if not self._prose or not facts:
            return
        width = max(len(name) for name in facts)
        for name, value in facts.items():
            console().print(
                Text.assemble((f"  {name:<{width}}  ", "dim"), str(value)), soft_wrap=True
            )

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()
    ) -> None:
        """A table; ``right`` holds the numbers of right-aligned columns."""
        if not self._prose:
            return
        table = Table(box=None, header_style="bold", pad_edge=True, padding=(0, 1))
        for number, column in enumerate(columns):
            table.add_column(escape(column), justify="right" if number in right else "left")
        for row in rows:
            table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
        out = console()
        if out.is_terminal:
            out.print(table)
        else:
            _print_plain(out, table)

    def next_steps(self, *steps: str) -> None:
        """What to type next."""
        if self.quiet or not self._prose:
            return
        self.line()
        for step in steps:
            console().print(Text.assemble(("next: ", "dim"), (step, "bold")), soft_wrap=True)


def _print_plain(out: Console, table: Table) -> None:
    with out.capture() as captured:
        out.print(table)
    for text in captured.get().splitlines():
        out.print(Text(text.rstrip()), soft_wrap=True)


def print_error(message: str) -> None:
    """The one line of an error, on stderr."""
    console(stderr=True).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
