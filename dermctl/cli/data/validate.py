"""``dermctl data validate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dermctl.cli.data.reading import SourceName, with_reading_flags
from dermctl.cli.options import JSON, example, unpack
from dermctl.cli.output import Output, print_error

if TYPE_CHECKING:
    from dermctl.core.data.validate import Validated

EXAMPLE = example(
    "dermctl data validate padufes --raw ~/PAD-UFES-20",
    "dermctl data validate fitzpatrick --out faults.csv --keep not_rgb",
    "dermctl data validate csv --raw images --csv table.csv --image-column file "
    "--label-column diagnosis",
)


@with_reading_flags
def validate(
    *,
    ctx: typer.Context,
    source: SourceName,
    raw: Annotated[
        Path | None, typer.Option(help="Folder of the raw files; default: raw/SOURCE.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write each fault to a .parquet or .csv.")
    ] = None,
    reading: dict[str, Any],
    json: JSON = False,
) -> None:
    """Every fault of every row and file at once; changes nothing. Exit 1 if a row is unusable."""
    from dermctl.core.data.validate import ValidateRequest
    from dermctl.core.data.validate import validate as run

    workspace, output, progress = unpack(ctx, json=json)
    request = ValidateRequest(
        source=source,
        raw=raw,
        out=out,
        **reading,
    )
    found = run(workspace, request, progress)
    if json:
        output.document(found.to_json())
    else:
        show_validated(output, found, out)
    if not found.rows:
        print_error(f"'{source}' has a table without rows in {found.raw}")
        raise typer.Exit(1)
    if found.unusable:
        print_error(f"{found.unusable:,} of {found.rows:,} rows of '{source}' are unusable")
        raise typer.Exit(1)


def show_validated(output: Output, found: Validated, out: Path | None) -> None:
    """Reasons, how many rows each concerns, what happens to those, and examples."""
    output.heading(f"What was found in {found.raw}")
    output.facts(
        {
            "rows": f"{found.rows:,}, {found.rows - found.unusable:,} of them usable",
            "label": found.label or "none (for pretraining only)",
        }
    )
    if found.groups:
        output.line()
        output.table(
            ("reason", "rows", "action", "what it means"),
            [(g.reason, f"{g.rows:,}", g.action, g.explanation) for g in found.groups],
            right=(1,),
        )
        output.heading("For example")
        for group in found.groups:
            for text in group.examples:
                output.line(f"  {group.reason}  {text}")
    if out is not None:
        output.line()
        output.facts({"each fault": out})
