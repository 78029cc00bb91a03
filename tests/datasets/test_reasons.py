from __future__ import annotations

import pickle

import pytest

from dermctl.datasets.reasons import REASONS, Action, ImageFault, resolve_actions
from dermctl.errors import UsageFault

NO_PICTURE = (
    "missing_file",
    "zero_bytes",
    "not_an_image",
    "unreadable",
    "truncated",
    "decompression_bomb",
    "animated",
)


def test_codes_are_keys_and_explanations_are_one_line():
    for code, reason in REASONS.items():
        assert code == reason.code
        assert reason.explanation
        assert "\n" not in reason.explanation


def test_defaults():
    actions = resolve_actions()
    assert actions == {code: reason.action for code, reason in REASONS.items()}
    assert actions["not_rgb"] is Action.DROP
    assert actions["md5_mismatch"] is Action.WARN
    assert actions["cmyk"] is Action.NOTE


def test_drop_and_keep_change_what_they_name_and_nothing_else():
    actions = resolve_actions(drop=["alpha_composited"], keep=["not_rgb", "cmyk"])
    assert actions["alpha_composited"] is Action.DROP
    assert actions["not_rgb"] is Action.WARN
    assert actions["cmyk"] is Action.NOTE, "to keep what is kept anyway changes nothing"
    changed = {code for code, action in resolve_actions().items() if actions[code] is not action}
    assert changed == {"alpha_composited", "not_rgb"}


@pytest.mark.parametrize("code", NO_PICTURE)
def test_what_yields_no_picture_cannot_be_kept(code):
    with pytest.raises(UsageFault, match=code):
        resolve_actions(keep=[code])


def test_an_unknown_code_names_the_nearest():
    with pytest.raises(UsageFault, match=r"Did you mean not_rgb\?"):
        resolve_actions(drop=["not-rgb"])


def test_one_code_cannot_be_dropped_and_kept():
    with pytest.raises(UsageFault, match="too_small"):
        resolve_actions(drop=["too_small"], keep=["too_small"])


def test_a_fault_survives_the_way_back_from_a_worker():
    fault = pickle.loads(pickle.dumps(ImageFault("truncated", "ends at byte 7")))
    assert (fault.code, fault.detail) == ("truncated", "ends at byte 7")
    assert "ends at byte 7" in str(fault)
