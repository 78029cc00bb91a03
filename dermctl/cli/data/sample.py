"""``dermctl data sample``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermctl.cli.options import JSON, example, unpack

EXAMPLE = example(
    "dermctl data sample --to raw/sample",
    "dermctl data prepare padufes --raw raw/sample --name sample",
)


def sample(
    ctx: typer.Context,
    to: Annotated[Path | None, typer.Option(help="Folder; default: raw/sample.")] = None,
    images: Annotated[int, typer.Option(min=60, help="Images to draw.")] = 480,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the drawing.")] = 0,
    json: JSON = False,
) -> None:
    """Draw the synthetic sample: skin and lesions made by code, laid out like PAD-UFES-20.

    The usual defects are in it. It shows how dermctl works and says nothing about real skin.
    """
    from dermctl.core.data.sample import sample as run

    workspace, output, progress = unpack(ctx, json=json)
    drawn = run(to or workspace.raw / "sample", images=images, seed=seed, progress=progress)
    if json:
        output.document(drawn.to_json())
        return
    output.heading("Synthetic sample (drawn by code, no patient)")
    output.facts(
        {
            "folder": drawn.folder,
            "images": drawn.images,
            "lesions": drawn.lesions,
            "patients": drawn.patients,
            "classes": ", ".join(f"{name} {count}" for name, count in drawn.classes.items()),
            "defects": ", ".join(f"{name} {count}" for name, count in drawn.defects.items()),
        }
    )
    output.next_steps(f"dermctl data prepare padufes --raw {drawn.folder} --name sample")
