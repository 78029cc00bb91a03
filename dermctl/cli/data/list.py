"""``dermctl data list``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from dermctl.cli.options import JSON, example, unpack

if TYPE_CHECKING:
    from dermctl.datasets.sources.base import Source

EXAMPLE = example("dermctl data list", "dermctl data list --json")


def _ways(sources: Sequence[Source]) -> list[tuple[list[str], str]]:
    """How to get the sources; what is the same but for a source's name is said once for all."""
    names: dict[str, list[str]] = {}
    for source in sources:
        way = re.sub(rf"\b{re.escape(source.name)}\b", "SOURCE", source.how_to_get)
        names.setdefault(way, []).append(source.name)
    return [
        (alike, way if len(alike) > 1 else way.replace("SOURCE", alike[0]))
        for way, alike in names.items()
    ]


def list_data(ctx: typer.Context, json: JSON = False) -> None:
    """Known sources (licence, size, how to get them) and prepared datasets."""
    from dermctl.core.data.list import list_data as run

    workspace, output, _ = unpack(ctx, json=json)
    listing = run(workspace)
    if json:
        output.document(listing.to_json())
        return
    output.heading("Sources")
    output.table(
        ("source", "images", "licence", "default label", "what it is"),
        [(s.name, s.size, s.license, s.default_label, s.title) for s in listing.sources],
    )
    output.heading("How to get them")
    ways = _ways(listing.sources)
    for names, way in ways:
        if len(names) > 1:
            output.line(f"  {', '.join(names)}:")
            output.line(f"    {way}")
    output.facts({names[0]: way for names, way in ways if len(names) == 1})
    output.heading(f"Prepared in {workspace.data}")
    if listing.prepared:
        output.table(
            ("dataset", "source", "label", "classes", "train", "val", "test", "rejected", ""),
            [
                (
                    dataset.name,
                    dataset.source,
                    dataset.label,
                    dataset.classes,
                    *(dataset.images[split] for split in ("train", "val", "test")),
                    dataset.rejected,
                    "synthetic" if dataset.synthetic else "",
                )
                for dataset in listing.prepared
            ],
            right=(3, 4, 5, 6, 7),
        )
    elif not listing.damaged:
        output.line("  none yet")
        output.next_steps("dermctl data prepare SOURCE --raw DIR")
    if listing.damaged:
        output.heading("Damaged")
        output.facts({one.folder.name: one.what for one in listing.damaged})
