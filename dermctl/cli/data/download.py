"""``dermctl data download``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermctl.cli.options import JSON, example, unpack
from dermctl.cli.output import Output, print_error
from dermctl.errors import UsageFault

if TYPE_CHECKING:
    from dermctl.core.data.download import Downloaded
    from dermctl.core.data.loss import Share

EXAMPLE = example(
    "dermctl data download padufes",
    "dermctl data download fitzpatrick --to raw/fitzpatrick",
    "dermctl data download isic --collection 212 --limit 500",
    "dermctl data download isic --edition snapshot",
)


def download(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="See: dermctl data list.")],
    to: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder; default: raw/SOURCE.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many images at most (isic, fitzpatrick).")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Transfers at a time.")] = 8,
    csv: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Take rows and addresses from here (fitzpatrick)."
        ),
    ] = None,
    collection: Annotated[
        list[str] | None, typer.Option(help="Numbers of collections (isic): 212,65; repeatable.")
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="What to search for, in the archive's language (isic).")
    ] = None,
    edition: Annotated[
        str | None, typer.Option(help="Another way to get it: isic snapshot, fitzpatrick c.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again also for what has failed for good.")
    ] = False,
    json: JSON = False,
) -> None:
    """Fetch a source, resumed and verified; run again to go on. Exit 1 while anything is missing.

    failures.parquet lists each missing file with address, status, tries and reason.
    """
    from dermctl.core.data.download import DownloadRequest
    from dermctl.core.data.download import download as run

    workspace, output, progress = unpack(ctx, json=json)
    request = DownloadRequest(
        source=source,
        to=to,
        edition=edition,
        collections=_numbers(collection or ()),
        query=query,
        limit=limit,
        csv=csv,
        workers=workers,
        retry_failed=retry_failed,
    )
    downloaded = run(workspace, request, progress)
    if json:
        output.document(downloaded.to_json())
    else:
        show_downloaded(output, downloaded)
        _next_steps(output, downloaded, to)
    if downloaded.missing:
        reasons = ", ".join(f"{code} {count:,}" for code, count in downloaded.failures.items())
        are = "file is" if downloaded.missing == 1 else "files are"
        print_error(f"{downloaded.missing:,} {are} missing of '{source}': {reasons}")
        raise typer.Exit(1)


def _numbers(texts: Sequence[str]) -> tuple[int, ...]:
    """Numbers between commas; none twice, in order, so that one selection is written one way."""
    words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    for word in words:
        if not word.isdecimal():
            raise UsageFault(
                f"'{word}' is no number of a collection",
                where="--collection",
                hint="Numbers stand in the archive's addresses of collections; HAM10000 is 212",
            )
    return tuple(sorted({int(word) for word in words}))


def show_downloaded(output: Output, downloaded: Downloaded) -> None:
    """What is there, what is missing and why, and what that costs."""
    from dermctl.datasets.fetch.failures import FAILURES_FILE, REASONS
    from dermctl.datasets.fetch.meter import readable_size

    output.heading(f"Download of '{downloaded.source}'")
    output.facts(
        {
            "folder": downloaded.folder,
            "files": f"{downloaded.files:,} there, {downloaded.fetched:,} of them new "
            f"({readable_size(downloaded.bytes)})",
            "missing": f"{downloaded.missing:,}",
        }
    )
    if not downloaded.missing:
        return
    output.heading(f"Missing ({FAILURES_FILE} lists each)")
    output.table(
        ("reason", "files", "asked again", "what it means"),
        [
            (
                code,
                f"{count:,}",
                "with --retry-failed" if REASONS[code].final else "by the next run",
                REASONS[code].explanation,
            )
            for code, count in downloaded.failures.items()
        ],
        right=(1,),
    )
    if downloaded.loss is not None:
        total = downloaded.loss.total
        output.heading(f"What that costs: {total.missing:,} of {total.rows:,} images")
        for title, shares in (
            ("skin type", downloaded.loss.skin_types),
            ("label", downloaded.loss.labels),
        ):
            if shares:
                output.table((title, "images", "missing", ""), _rows(shares), right=(1, 2, 3))


def _rows(shares: Mapping[str, Share]) -> list[tuple[str, str, str, str]]:
    return [
        (name, f"{share.rows:,}", f"{share.missing:,}", f"{share.lost:.0%}")
        for name, share in shares.items()
    ]


def _next_steps(output: Output, downloaded: Downloaded, to: Path | None) -> None:
    if downloaded.passing:
        output.next_steps(
            f"dermctl data download {downloaded.source} …    "
            f"# the same again: asks for {downloaded.passing:,} more"
        )
        return
    if downloaded.missing and downloaded.loss is None:  # the table itself is not there
        output.next_steps(f"dermctl data download {downloaded.source} --retry-failed")
        return
    raw = "" if to is None else f" --raw {to}"
    output.next_steps(f"dermctl data prepare {downloaded.source}{raw}")
