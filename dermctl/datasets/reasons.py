"""The one table of reasons: why a row is dropped, kept with a warning, or merely noted.

``data validate`` and ``data prepare`` name every fault by one of these codes; ``--drop CODE`` and
``--keep CODE`` change what happens to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from dermctl.errors import DataError, UsageFault

Finding = tuple[str, str]
"""A reason code and its detail."""


class Action(StrEnum):
    """What happens to a row to which a reason applies."""

    DROP = "drop"
    """The row goes to ``rejected.parquet``."""
    WARN = "warn"
    """The row is kept, and the summary warns."""
    NOTE = "note"
    """The row is kept; the fact is counted."""


@dataclass(frozen=True)
class Reason:
    """One reason code.

    Args:
        code: how the reason is spelt in files and flags.
        action: what happens by default.
        explanation: one line for people.
        keepable: False where no usable image or honest split is left if the row stays, so that
            ``--keep`` is refused.
        of_row: False where it concerns the table or the folder, so that ``--drop`` is refused.
    """

    code: str
    action: Action
    explanation: str
    keepable: bool = True
    of_row: bool = True


def _drop(code: str, explanation: str) -> Reason:
    return Reason(code, Action.DROP, explanation)


def _always_drop(code: str, explanation: str) -> Reason:
    return Reason(code, Action.DROP, explanation, keepable=False)


def _warn(code: str, explanation: str) -> Reason:
    return Reason(code, Action.WARN, explanation)


def _warn_of_source(code: str, explanation: str) -> Reason:
    return Reason(code, Action.WARN, explanation, of_row=False)


def _note(code: str, explanation: str) -> Reason:
    return Reason(code, Action.NOTE, explanation)


_TABLE = (
    # The file yields no picture.
    _always_drop("missing_file", "the metadata names a file that is not there"),
    _always_drop("zero_bytes", "the file is empty"),
    _always_drop(
        "not_an_image", "the bytes are not those of a picture (an error page, a document)"
    ),
    _always_drop("unreadable", "the picture is damaged or of a kind that cannot be read"),
    _always_drop("truncated", "the file ends before the picture does"),
    _always_drop("decompression_bomb", "more pixels than can safely be decoded"),
    _always_drop("animated", "an animation: no frame of it is the picture"),
    # The picture is there and is not what a colour photograph of skin looks like.
    _drop("not_rgb", "no colour: one channel, or channels that differ by no more than noise"),
    _drop("too_small", "the short side is below --min-side"),
    _drop("extreme_aspect", "the long side is many times the short side"),
    # The picture was put right on the way in.
    _note("cmyk", "CMYK, converted to RGB"),
    _note("depth_16bit", "16 bits a channel, scaled to 8"),
    _note("alpha_composited", "see-through pixels, laid on white"),
    _note("exif_rotated", "turned upright as its EXIF orientation says"),
    _note("icc_converted", "a colour profile other than sRGB, converted to sRGB"),
    _note("icc_unusable", "a damaged colour profile, or one of another kind: taken as sRGB"),
    _note("multi_picture", "several pictures in one file: the first is used"),
    # The source's tables and its folder.
    _always_drop("malformed_row", "a line of the table that cannot be read as a row"),
    _always_drop("outside_raw", "the path in the row leads out of the folder"),
    _warn_of_source("bad_value", "cells that are not understood: left empty"),
    _warn_of_source("duplicate_column", "a column name that occurs twice"),
    _warn_of_source("encoding", "the table is not UTF-8"),
    _warn_of_source("unmatched_row", "rows of two tables that do not find each other"),
    _warn_of_source("ambiguous_file", "several files answer to the name in a row"),
    _warn_of_source("misplaced_file", "a file where the layout has none: left out"),
    _warn_of_source("unlisted_file", "a picture that no row of the metadata names"),
    # The row and its label.
    _drop("bad_label", "the label contradicts itself, as two ones in a one-hot row"),
    _drop("missing_label", "the row has no label"),
    _drop("unknown_label", "the label says that nothing is known"),
    _drop("indeterminate", "neither benign nor malignant, or both: see --indeterminate"),
    _drop("non_neoplastic", "no neoplasm, so neither a benign nor a malignant one"),
    _drop("outside_target", "the target has no such class"),
    _drop("too_coarse", "the label does not say which class of the target it is"),
    _drop("straddles", "the label covers several classes of the target"),
    _always_drop("duplicate_id", "the id occurs twice"),
    _drop("label_conflict", "byte-identical files carry different labels"),
    _note("byte_identical", "the same bytes as another row: both go to one group"),
    _warn("md5_mismatch", "the bytes are not those the publisher's MD5 stands for"),
    _drop("license_excluded", "its licence is not among those asked for"),
    _drop("class_too_small", "its class has fewer images than --min-class"),
    _drop("excluded", "named by the list of images to leave out"),
    # Splits.
    _always_drop("leak", "tied to an image of another split, which comes before this one"),
    _always_drop("bridges_splits", "ties together groups that already lie in different splits"),
)

REASONS: Mapping[str, Reason] = MappingProxyType({reason.code: reason for reason in _TABLE})
"""Every reason by its code, in the order of the table."""

LABEL_REASONS = frozenset(
    {
        "bad_label",
        "missing_label",
        "unknown_label",
        "indeterminate",
        "non_neoplastic",
        "outside_target",
        "too_coarse",
        "straddles",
        "label_conflict",
        "class_too_small",
    }
)
"""Reasons that depend on which label is asked for. Rows dropped for one of them alone still take
part in the division, so that another label moves no image."""


class ImageFault(DataError):  # noqa: N818 - its siblings are faults too
    """A file that yields no picture: a reason code, and a detail for people."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{REASONS[code].explanation} ({detail})")

    def __reduce__(self) -> tuple[type[ImageFault], tuple[str, str]]:
        return type(self), (self.code, self.detail)


def resolve_actions(drop: Collection[str] = (), keep: Collection[str] = ()) -> Mapping[str, Action]:
    """The action of every reason after the user's ``--drop`` and ``--keep``.

    A reason named by ``drop`` drops the row; one named by ``keep`` keeps it, and the summary warns
    of it if it would have been dropped.

    Raises:
        UsageFault: a code that does not exist, is named by both, can never be kept, or is not
            one that rows are dropped for.
    """
    for flag, codes in (("--drop", drop), ("--keep", keep)):
        for code in codes:
            _check_code(code, flag)
    if both := sorted(set(drop) & set(keep)):
        raise UsageFault(
            f"{', '.join(both)} is named by --drop and by --keep", hint="Choose one of the two"
        )
    if elsewhere := [code for code in drop if not REASONS[code].of_row]:
        code = elsewhere[0]
        raise UsageFault(
            f"no row is dropped for {code} ({REASONS[code].explanation})",
            where=f"--drop {code}",
            hint="Leave this flag out",
        )
    if hopeless := [code for code in keep if not REASONS[code].keepable]:
        code = hopeless[0]
        raise UsageFault(
            f"a row cannot be kept in spite of {code} ({REASONS[code].explanation})",
            where=f"--keep {code}",
            hint="Leave this flag out",
        )
    actions = {code: reason.action for code, reason in REASONS.items()}
    actions.update(dict.fromkeys(drop, Action.DROP))
    actions.update({code: Action.WARN for code in keep if actions[code] is Action.DROP})
    return MappingProxyType(actions)


def _check_code(code: str, flag: str) -> None:
    if code in REASONS:
        return
    close = difflib.get_close_matches(code, REASONS, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"Use one of: {', '.join(REASONS)}"
    raise UsageFault(f"no reason is called {code!r}", where=f"{flag} {code}", hint=hint)
