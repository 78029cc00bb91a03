"""``dermctl data check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dermctl.cli.options import JSON, example, unpack
from dermctl.cli.output import Output, print_error

if TYPE_CHECKING:
    from dermctl.core.data.check import Checked

EXAMPLE = example("dermctl data check padufes", "dermctl data check padufes --json")
_SHOWN = 10


def check(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A prepared dataset; see: dermctl data list.")],
    json: JSON = False,
) -> None:
    """A prepared dataset against its hashes and its own account. Exit 1 if anything is wrong."""
    from dermctl.core.data.check import check as run

    workspace, output, progress = unpack(ctx, json=json)
    checked = run(workspace, name, progress)
    if json:
        output.document(checked.to_json())
    else:
        show_checked(output, checked)
    if checked.faults:
        wrong = len(checked.faults)
        print_error(
            f"{wrong:,} {'thing is' if wrong == 1 else 'things are'} wrong with "
            f"'{name}' [{checked.folder}]. "
            f"Prepare it again with: dermctl data prepare … --name {name}"
        )
        raise typer.Exit(1)


def show_checked(output: Output, checked: Checked) -> None:
    """What was looked at, and each thing that is wrong with the images that it concerns."""
    output.heading(f"Dataset '{checked.name}'")
    output.facts({"images": f"{checked.images:,}", "shards": f"{checked.shards:,}"})
    if not checked.faults:
        output.line("  all of it is as it was prepared")
        return
    output.line()
    output.table(
        ("file", "what is wrong", "images"),
        [(fault.file, fault.what, f"{len(fault.images):,}") for fault in checked.faults],
        right=(2,),
    )
    for fault in checked.faults:
        if fault.images:
            output.heading(f"{fault.file}: {fault.what}")
            more = len(fault.images) - _SHOWN
            output.line("  " + ", ".join(fault.images[:_SHOWN]))
            if more > 0:
                output.line(f"  and {more:,} more (all of them with --json)")
