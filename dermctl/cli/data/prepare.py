"""``dermctl data prepare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermctl.cli.data.show import show_prepared
from dermctl.cli.options import JSON, Workers, example, unpack

EXAMPLE = example(
    "dermctl data prepare padufes --raw ~/PAD-UFES-20",
    "dermctl data prepare isic --raw raw/isic --label diagnosis_1 --license cc-0,cc-by",
    "dermctl data prepare csv --raw images --csv table.csv --image-column file "
    "--label-column diagnosis --patient-column patient --name clinic",
    "dermctl data prepare folder --raw photos --name clinic",
)
_OWN = "Columns of your own table (source csv)"


def prepare(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="See: dermctl data list.")],
    raw: Annotated[
        Path | None,
        typer.Option(help="Folder of the raw files; default: raw/SOURCE, downloaded if absent."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the dataset; default: SOURCE.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the label.")] = None,
    size: Annotated[int, typer.Option(min=16, help="Short side of packed images, px.")] = 256,
    val: Annotated[float, typer.Option(help="Share of images for validation.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of images for test.")] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split.")] = 0,
    workers: Workers = None,
    license: Annotated[
        str | None, typer.Option("--license", help="Keep these only: cc-0,cc-by,…")
    ] = None,
    min_class: Annotated[int, typer.Option(min=0, help="Leave out classes with fewer images.")] = 0,
    min_side: Annotated[int, typer.Option(min=1, help="Least short side of an image, px.")] = 32,
    drop: Annotated[
        list[str] | None, typer.Option(help="Drop rows for this reason too; repeatable.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Keep rows in spite of this reason; repeatable.")
    ] = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Go on without files that could not be downloaded."),
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="The table.", rich_help_panel=_OWN)] = None,
    image_column: Annotated[str | None, typer.Option(rich_help_panel=_OWN)] = None,
    label_column: Annotated[str | None, typer.Option(rich_help_panel=_OWN)] = None,
    patient_column: Annotated[str | None, typer.Option(rich_help_panel=_OWN)] = None,
    lesion_column: Annotated[str | None, typer.Option(rich_help_panel=_OWN)] = None,
    skin_type_column: Annotated[str | None, typer.Option(rich_help_panel=_OWN)] = None,
    json: JSON = False,
) -> None:
    """Validate, split and pack a source: manifests, store, rejections and a report."""
    from dermctl.core.data.prepare import PrepareRequest
    from dermctl.core.data.prepare import prepare as run
    from dermctl.datasets.sources.base import ReadOptions

    workspace, output, progress = unpack(ctx, json=json)
    read = ReadOptions(
        label=label,
        csv=csv,
        image_column=image_column,
        label_column=label_column,
        patient_column=patient_column,
        lesion_column=lesion_column,
        skin_type_column=skin_type_column,
    )
    request = PrepareRequest(
        source=source,
        raw=raw,
        name=name,
        read=read,
        size=size,
        val=val,
        test=test,
        seed=seed,
        workers=workers,
        licenses=_words(license),
        min_class=min_class,
        min_side=min_side,
        drop=tuple(drop or ()),
        keep=tuple(keep or ()),
        allow_missing=allow_missing,
    )
    prepared = run(workspace, request, progress)
    if json:
        output.document(prepared.to_json())
    else:
        show_prepared(output, prepared)
        output.next_steps("dermctl pretrain", "dermctl finetune")


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in (text or "").split(",") if word.strip())
