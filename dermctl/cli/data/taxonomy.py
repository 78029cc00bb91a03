"""``dermctl data taxonomy``."""

from __future__ import annotations

from typing import Annotated

import typer

from dermctl.cli.options import JSON, example, unpack

EXAMPLE = example("dermctl data taxonomy", "dermctl data taxonomy padufes")

_TARGETS = {
    "malignancy": "malignant or benign; indeterminate labels are left out (--indeterminate)",
    "ham7": "the seven classes of HAM10000",
    "isic1": "level 1 of the ISIC archive's tree: Benign, Indeterminate, Malignant",
    "isic2": "level 2 of that tree",
    "isic3": "level 3 of that tree",
}


def taxonomy(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="[SOURCE]", help="Show its labels one by one.")
    ] = None,
    json: JSON = False,
) -> None:
    """Shared targets for --label, and the class that each source's labels have on them.

    In brackets: why a label has no class. Rows with it are left out, and counted by that reason.
    """
    from dermctl.core.data.taxonomy import taxonomy as run

    _, output, _ = unpack(ctx, json=json)
    found = run(source)
    if json:
        output.document({"targets": _TARGETS, "sources": [each.to_json() for each in found]})
        return
    output.heading("Targets (dermctl data prepare SOURCE --label TARGET)")
    output.facts(_TARGETS)
    if source is None:
        output.heading("Sources")
        output.table(
            ("source", "labels", "from its column, the first that says something"),
            [(each.source, f"{len(each.labels):,}", ", ".join(each.columns)) for each in found],
            right=(1,),
        )
        output.next_steps("dermctl data taxonomy SOURCE")
        return
    output.heading(f"Labels of '{source}'")
    output.table(
        ("label", *_TARGETS),
        [(label, *classes.values()) for label, classes in found[0].labels.items()],
    )
