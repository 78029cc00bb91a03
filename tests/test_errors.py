"""Errors are one line: what, where, what to type next; and they survive a process boundary."""

from __future__ import annotations

import pickle

import pytest

from dermctl import errors
from dermctl.datasets.reasons import ImageFault
from dermctl.errors import DataError, DermctlError, UsageFault

FAMILY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, DermctlError)
]


def test_what_where_and_hint_on_one_line() -> None:
    error = DataError("it is\n damaged", where="a.arrow", hint="Type:\n dermctl demo")
    assert str(error) == "it is damaged [a.arrow]. Type: dermctl demo"
    assert str(DataError("it is damaged")) == "it is damaged"


@pytest.mark.parametrize("kind", FAMILY)
def test_only_slips_on_the_command_line_exit_with_two(kind: type[DermctlError]) -> None:
    assert kind.exit_code == (2 if kind is UsageFault else 1)


@pytest.mark.parametrize(
    "error",
    [
        *(kind("what", where="where", hint="hint") for kind in FAMILY),
        ImageFault("truncated", "ends early"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_come_whole_out_of_a_worker_process(error: DermctlError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert (back.what, back.where, back.hint) == (error.what, error.where, error.hint)
