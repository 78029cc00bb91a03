"""`data reasons`: the visible table of what drops a row, held to what the flags really accept."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dermctl.cli.main import app
from dermctl.datasets.reasons import REASONS, Action, resolve_actions
from dermctl.errors import UsageFault

ACTIONS = {
    "drop": (
        *("missing_file", "zero_bytes", "not_an_image", "unreadable", "truncated", "not_rgb"),
        *("decompression_bomb", "animated", "too_small", "extreme_aspect"),
        *("missing_label", "unknown_label", "duplicate_id", "label_conflict"),
    ),
    "note": (
        *("cmyk", "depth_16bit", "alpha_composited"),
        *("exif_rotated", "icc_converted", "multi_picture"),
    ),
    "warn": ("md5_mismatch", "unlisted_file"),
}
"""What is done by default about the faults that a data set is most often found to have."""


def shown() -> dict[str, list[str]]:
    result = CliRunner().invoke(app, ["data", "reasons"])
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    return {words[0]: words[1:] for words in rows if words and words[0] in REASONS}


def test_every_reason_is_shown_with_its_action():
    table = shown()
    assert set(table) == set(REASONS)
    for action, codes in ACTIONS.items():
        assert {table[code][0] for code in codes} == {action}
    document = json.loads(CliRunner().invoke(app, ["data", "reasons", "--json"]).stdout)
    assert [reason["code"] for reason in document] == list(REASONS)


@pytest.mark.parametrize("code", REASONS)
def test_the_flags_do_what_the_table_says(code):
    reason = REASONS[code]
    for flag, allowed in (("drop", reason.of_row), ("keep", reason.keepable)):
        if not allowed:
            with pytest.raises(UsageFault, match=code):
                resolve_actions(**{flag: [code]})
            continue
        action = resolve_actions(**{flag: [code]})[code]
        assert (action is Action.DROP) == (flag == "drop")
    says_yes = shown()[code][1] == "yes"
    assert says_yes == (reason.keepable if reason.action is Action.DROP else reason.of_row)
