"""``dermctl data reasons``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from dermctl.cli.options import JSON, example, unpack

EXAMPLE = example("dermctl data reasons", "dermctl data reasons --json")


def reasons(ctx: typer.Context, json: JSON = False) -> None:
    """Every reason that data validate and data prepare name, and what it does to a row.

    A row is dropped, kept with a warning, or kept with a note. --drop and --keep change that.
    """
    from dermctl.datasets.reasons import REASONS

    _, output, _ = unpack(ctx, json=json)
    if json:
        output.document([asdict(reason) for reason in REASONS.values()])
        return
    output.heading("Reasons")
    output.table(
        ("reason", "action", "--drop", "--keep", "what it means"),
        [
            (
                reason.code,
                reason.action,
                "yes" if reason.of_row and reason.action != "drop" else "",
                "yes" if reason.keepable and reason.action == "drop" else "",
                reason.explanation,
            )
            for reason in REASONS.values()
        ],
    )
