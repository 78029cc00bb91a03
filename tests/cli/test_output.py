"""Results on stdout, all else on stderr; whole lines off a terminal, plain JSON for scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dermctl.cli.output import Output, print_error

Captured = pytest.CaptureFixture[str]
LONG = "a very long value " * 30


def test_results_go_to_stdout_and_notices_to_stderr(capsys: Captured) -> None:
    output = Output()
    output.line("a result")
    output.say("a choice")
    print_error("a fault")
    captured = capsys.readouterr()
    assert captured.out == "a result\n"
    assert captured.err == "a choice\nerror: a fault\n"


def test_nothing_is_cut_or_wrapped_off_a_terminal(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    output = Output()
    output.line(LONG)
    output.facts({"folder": LONG})
    output.table(("name", "value"), [("x", LONG)])
    output.next_steps(LONG)
    output.say(LONG)
    print_error(LONG)
    captured = capsys.readouterr()
    assert captured.out.count(LONG.strip()) == 4
    assert captured.err.count(LONG.strip()) == 2
    assert "\x1b" not in captured.out + captured.err


def test_text_is_shown_as_it_is(capsys: Captured) -> None:
    output = Output()
    strange = "[red]not markup[/red] [/] \\[x] :smile: 1e-4 «ß»"
    output.line(strange)
    output.facts({strange: strange})
    output.table((strange,), [(strange,), (None,), (3,)])
    output.say(strange)
    output.next_steps(strange)
    print_error(strange)
    captured = capsys.readouterr()
    assert captured.out.count(strange) == 6
    assert captured.err.count(strange) == 2


def test_tables_line_up(capsys: Captured) -> None:
    Output().table(("class", "images"), [("nevus", "1,000"), ("mel", "7")], right=(1,))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [" class  images", " nevus   1,000", " mel         7"]


def test_facts_line_up(capsys: Captured) -> None:
    Output().facts({"a": 1, "longer": "x"})
    assert capsys.readouterr().out == "  a       1\n  longer  x\n"
    Output().facts({})
    assert capsys.readouterr().out == ""


def test_quiet_leaves_results_and_errors(capsys: Captured) -> None:
    output = Output(quiet=True)
    output.say("a choice")
    output.next_steps("dermctl demo")
    output.line("a result")
    print_error("a fault")
    captured = capsys.readouterr()
    assert captured.out == "a result\n"
    assert captured.err == "error: a fault\n"


def test_json_is_one_document_and_nothing_else(capsys: Captured) -> None:
    output = Output(json=True)
    output.line("a result")
    output.heading("Title")
    output.facts({"a": 1})
    output.table(("a",), [(1,)])
    output.next_steps("dermctl demo")
    output.document({"name": "nævus", "n": [1, None]})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"name": "nævus", "n": [1, None]}
    assert "nævus" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize("json", [True, False])
def test_a_process_beside_the_first_shows_no_results(capsys: Captured, json: bool) -> None:
    output = Output(json=json, results=False)
    output.heading("Title")
    output.facts({"a": 1})
    output.table(("a",), [(1,)])
    output.next_steps("dermctl demo")
    output.document({"a": 1})
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_what_is_no_json_is_not_written(capsys: Captured) -> None:
    with pytest.raises(ValueError, match="JSON"):
        Output(json=True).document({"loss": float("nan")})
    assert capsys.readouterr().out == ""


STRANGE = """
from dermctl import __main__ as program
from dermctl.cli.output import Output

def app():
    Output().line("0.3–0.4 → é")
    Output(json=True).document({"class": "naevus é – →"})

program.app = app
program.main()
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1251", "cp932", "utf-8"])
def test_letters_that_an_output_does_not_have_stop_nothing(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-c", STRANGE], env=environment, capture_output=True, check=True
    )
    line, _, document = done.stdout.partition(b"\n")
    assert line.decode(encoding).startswith("0.3")
    if encoding == "utf-8":
        assert line.decode() == "0.3–0.4 → é"
    assert json.loads(document.decode(encoding)) == {"class": "naevus é – →"}
