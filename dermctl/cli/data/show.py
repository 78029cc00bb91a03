"""How a prepared dataset is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermctl.cli.output import Output

if TYPE_CHECKING:
    from dermctl.core.data.prepare import Prepared


def show_prepared(output: Output, prepared: Prepared) -> None:
    """Counts, classes by split, rejections and warnings."""
    title = f"Dataset '{prepared.name}'"
    output.heading(f"{title} (synthetic: drawn by code)" if prepared.synthetic else title)
    output.facts(
        {
            "rows": f"{prepared.rows:,} = {prepared.kept:,} kept + "
            f"{sum(prepared.rejected.values()):,} rejected",
            "label": prepared.label or "none (for pretraining only)",
            "folder": prepared.folder,
            "report": prepared.folder / "report.html",
        }
    )
    if prepared.rejected:
        output.heading("Rejected (rejected.parquet lists each)")
        output.table(("reason", "rows"), _counts(prepared.rejected), right=(1,))
    noted = {**prepared.noted, **prepared.table_faults}
    if noted:
        output.heading("Noted")
        output.table(("what", "rows"), _counts(noted), right=(1,))
    splits = list(prepared.counts)
    classes = sorted({name for counts in prepared.counts.values() for name in counts})
    output.heading("Images by split")
    rows: list[tuple[object, ...]] = [
        (name, *(f"{prepared.counts[split].get(name, 0):,}" for split in splits))
        for name in classes
    ]
    rows.append(("all", *(f"{sum(prepared.counts[split].values()):,}" for split in splits)))
    rows.append(("groups", *(f"{prepared.groups[split]:,}" for split in splits)))
    output.table(("class", *splits), rows, right=(1, 2, 3))
    for name, groups in prepared.untestable.items():
        output.say(
            f"warning: class '{name}' has {groups} group(s), too few to be in every split: "
            "it stays in train and cannot be tested (leave it out with --min-class N)"
        )


def _counts(counts: object) -> list[tuple[str, str]]:
    assert isinstance(counts, dict)
    return [(code, f"{count:,}") for code, count in counts.items()]
