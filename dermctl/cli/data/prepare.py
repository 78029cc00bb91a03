"""``dermctl data prepare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dermctl.cli.data.reading import (
    SourceName,
    SplitSeed,
    TestShare,
    ValShare,
    with_reading_flags,
)
from dermctl.cli.data.show import show_prepared
from dermctl.cli.options import JSON, example, unpack

EXAMPLE = example(
    "dermctl data prepare padufes --raw ~/PAD-UFES-20",
    "dermctl data prepare isic --raw raw/isic --label diagnosis_1 --license cc-0,cc-by",
    "dermctl data prepare csv --raw images --csv table.csv --image-column file "
    "--label-column diagnosis --patient-column patient --name clinic",
    "dermctl data prepare ham10000 --label malignancy --indeterminate malignant "
    "--name ham10000-malignancy",
    "dermctl data prepare padufes --exclude selfclean_PAD-UFES-20_cleaned_file_list.csv",
    "dermctl data prepare folder --raw photos --name clinic",
)


@with_reading_flags
def prepare(
    *,
    ctx: typer.Context,
    source: SourceName,
    raw: Annotated[
        Path | None,
        typer.Option(help="Folder of the raw files; default: raw/SOURCE, downloaded if absent."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the dataset; default: SOURCE.")] = None,
    size: Annotated[int, typer.Option(min=16, help="Short side of packed images, px.")] = 256,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Pack as PNG: all pixels as resized, 6 times larger.")
    ] = False,
    val: ValShare = None,
    test: TestShare = None,
    seed: SplitSeed = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="List of images to leave out, of cleaned files to keep, or of duplicate pairs; "
            "repeatable.",
        ),
    ] = None,
    no_near_duplicates: Annotated[
        bool,
        typer.Option(
            "--no-near-duplicates",
            help="Do not compare pictures: near-duplicates may then lie in different splits.",
        ),
    ] = False,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Go on without files that could not be downloaded."),
    ] = False,
    reading: dict[str, Any],
    json: JSON = False,
) -> None:
    """Validate, split and pack a source: manifests, store, rejections and a report."""
    from dermctl.core.data.prepare import PrepareRequest
    from dermctl.core.data.prepare import prepare as run

    workspace, output, progress = unpack(ctx, json=json)
    request = PrepareRequest(
        source=source,
        raw=raw,
        name=name,
        size=size,
        lossless=lossless,
        val=val,
        test=test,
        seed=seed,
        exclude=tuple(exclude or ()),
        near_duplicates=not no_near_duplicates,
        allow_missing=allow_missing,
        **reading,
    )
    prepared = run(workspace, request, progress)
    if json:
        output.document(prepared.to_json())
    else:
        show_prepared(output, prepared)
        output.next_steps("dermctl pretrain", "dermctl finetune")
