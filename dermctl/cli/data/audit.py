"""``dermctl data audit``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermctl.cli.options import JSON, Workers, example, unpack
from dermctl.cli.output import Output, print_error

if TYPE_CHECKING:
    from dermctl.core.data.audited import Audited, Count
    from dermctl.datasets.audit.findings import Finding

EXAMPLE = example(
    "dermctl data audit ham10000",
    "dermctl data audit padufes --against ham10000 --against isic",
    "dermctl data audit padufes --out audits/padufes --no-images --json",
)
_EXAMPLES = 3
_NAMED = 4


def audit(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A prepared dataset; see: dermctl data list.")],
    against: Annotated[
        list[str] | None,
        typer.Option(help="Another prepared dataset: leaks between the two; repeatable."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Folder of audit.parquet and audit.html; default: the dataset's."
        ),
    ] = None,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="No pictures, neither embedded nor linked.")
    ] = False,
    workers: Workers = None,
    json: JSON = False,
) -> None:
    """Leaks, near-duplicates and label conflicts of a prepared dataset. Exit 1 if anything leaks.

    A leak is the same patient, lesion, bytes or verified pixels in two splits, or, with
    --against, in the test split of one dataset and any split of the other. All else that is
    found (duplicates, label conflicts, large components) is listed and leaves the exit code 0.
    """
    from dermctl.core.data.audit import AuditRequest
    from dermctl.core.data.audit import audit as run

    workspace, output, progress = unpack(ctx, json=json)
    request = AuditRequest(name, tuple(against or ()), out, not no_images, workers)
    audited = run(workspace, request, progress)
    if json:
        output.document(audited.to_json())
    else:
        show_audited(output, audited)
    if audited.leaks:
        print_error(f"{audited.leaks:,} leaks were found [{audited.table}]. {_next_step(audited)}")
        raise typer.Exit(1)


def _next_step(audited: Audited) -> str:
    from dermctl.datasets.audit.findings import LEAK

    if audited.counts[LEAK].findings:
        return f"Prepare it again with: dermctl data prepare … --name {audited.name}"
    return (
        "Leave these images out with: dermctl data prepare … "
        f"--name {audited.name} --exclude {audited.exclude_list}"
    )


def show_audited(output: Output, audited: Audited) -> None:
    """Counts, examples, balance."""
    from dermctl.datasets.audit.findings import KINDS

    versus = f" against {', '.join(audited.against)}" if audited.against else ""
    output.heading(f"Audit of '{audited.name}'{versus}")
    output.facts(
        {
            "images": f"{audited.images:,}",
            "label": audited.label or "none",
            "left out by lists": _lists(audited),
            "each finding": audited.table,
            "page": audited.page,
        }
    )
    output.line()
    output.table(
        ("found", "findings", "images", "by", "what it means"),
        [
            (kind, f"{count.findings:,}", f"{count.images:,}", _ties(count), KINDS[kind])
            for kind, count in audited.counts.items()
        ],
        right=(1, 2),
    )
    for kind, count in audited.counts.items():
        if count.findings:
            _show_examples(output, audited, [f for f in audited.findings if f.kind == kind])
    _show_balance(output, "class", audited.labels)
    _show_balance(output, "skin type", audited.skin_types)


def _lists(audited: Audited) -> str:
    if not audited.exclusions:
        return "no list was given (dermctl data prepare … --exclude FILE)"
    named = ", ".join(str(exclusion["file"]) for exclusion in audited.exclusions)
    return f"{audited.excluded:,} rows ({named})"


def _ties(count: Count) -> str:
    return ", ".join(f"{tie} {number:,}" for tie, number in count.ties.items())


def _show_examples(output: Output, audited: Audited, findings: list[Finding]) -> None:
    """The first few of one kind, those with the highest score first."""
    images = audited.gathered
    output.heading(f"{findings[0].kind}, for example")
    for finding in sorted(findings, key=lambda found: -(found.score or 0))[:_EXAMPLES]:
        named = [
            f"{images.image_ids[row]} ({images.datasets[row]}/{images.splits[row]}, "
            f"{images.labels[row] or 'no label'})"
            for row in finding.rows[:_NAMED]
        ]
        more = len(finding.rows) - len(named)
        text = ", ".join(named) + (f" and {more:,} more" if more else "")
        output.line(f"  {text}: {finding.detail}")


def _show_balance(output: Output, what: str, counts: Mapping[str, Mapping[str, int]]) -> None:
    values = sorted({value for own in counts.values() for value in own})
    if values == ["unknown"]:
        return
    splits = list(counts)
    totals = {split: sum(counts[split].values()) for split in splits}
    output.heading(f"Images by {what} and split")
    rows: list[tuple[object, ...]] = [
        (value, *(_share(counts[split].get(value, 0), totals[split]) for split in splits))
        for value in values
    ]
    rows.append(("all", *(f"{totals[split]:,}" for split in splits)))
    output.table((what, *splits), rows, right=tuple(range(1, len(splits) + 1)))


def _share(number: int, total: int) -> str:
    return f"{number:,} ({number / total:5.1%})" if total else "0"
