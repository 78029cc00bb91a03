"""Losses as a user writes them: read as literals, never run."""

from __future__ import annotations

import pytest

from dermctl.errors import ConfigError
from dermctl.methods.losses.spelling import parse_loss


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("nt_xent", ("nt_xent", {})),
        (" NTXentLoss ", ("NTXentLoss", {})),
        ("TripletMarginLoss(margin=0.1)", ("TripletMarginLoss", {"margin": 0.1})),
        (
            "X(a=-1, b='all', c=True, d=None, e=(1, 2))",
            ("X", {"a": -1, "b": "all", "c": True, "d": None, "e": (1, 2)}),
        ),
        ("X()", ("X", {})),
    ],
)
def test_a_name_with_or_without_parameters(text: str, wanted: tuple[str, object]) -> None:
    assert parse_loss(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "1", "X(", "X(0.1)", "X(**{})", "X(a=b)", "X(a=open('f'))", "os.system('x')", "X().y()",
     "nt xent", "X(a=1)(b=2)", "lambda: 1", "X(a=1 + 1)"],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read as a loss") as caught:
        parse_loss(text)
    assert "TripletMarginLoss(margin=0.1)" in str(caught.value)
