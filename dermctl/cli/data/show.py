"""How a prepared dataset is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dermctl.cli.output import Output
from dermctl.datasets.taxonomy.words import target_words

if TYPE_CHECKING:
    from dermctl.core.data.account import Prepared
    from dermctl.core.data.likeness import Joined


def show_prepared(output: Output, prepared: Prepared) -> None:
    """Counts, classes by split, rejections and warnings."""
    title = f"Dataset '{prepared.name}'"
    output.heading(f"{title} (synthetic: drawn by code)" if prepared.synthetic else title)
    output.facts(
        {
            "rows": f"{prepared.rows:,} = {prepared.kept:,} kept + "
            f"{sum(prepared.rejected.values()):,} rejected",
            "label": _label(prepared),
            "near-duplicates": joined_words(prepared.near_duplicates),
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
    show_splits(output, prepared.counts, prepared.groups, prepared.untestable)
    show_components(output, prepared.near_duplicates)


def joined_words(joined: Joined) -> str:
    """What was found, and what it did to the groups."""
    if not joined.searched:
        known = f"; {joined.published:,} pairs as published" if joined.published else ""
        return f"not searched for: copies may lie in different splits{known}"
    return (
        f"{joined.pairs:,} pairs, {joined.copies:,} of them copies: "
        f"{joined.groups_without:,} groups became {joined.groups:,}"
    )


def show_components(output: Output, joined: Joined) -> None:
    """Groups that near-duplicates made of suspiciously many lesions."""
    for component in joined.to_look_at:
        first = ", ".join(component.images[:3])
        output.say(
            f"warning: near-duplicates alone join {component.lesions:,} lesions "
            f"({len(component.images):,} images: {first}, …). Look at them: dataset.json lists all"
        )


def _label(prepared: Prepared) -> str:
    if prepared.label is None:
        return "none (for pretraining only)"
    if prepared.target is None:
        return prepared.label
    return f"{prepared.label}: {target_words(prepared.target)}"


def show_splits(
    output: Output,
    counts: Mapping[str, Mapping[str, int]],
    groups: Mapping[str, int],
    untestable: Mapping[str, int],
) -> None:
    """Classes by split, and which of them cannot be tested.

    Args:
        counts: split -> class -> images.
        groups: split -> groups.
        untestable: class -> groups that it has.
    """
    splits = list(counts)
    classes = sorted({name for own in counts.values() for name in own})
    output.heading("Images by split")
    rows: list[tuple[object, ...]] = [
        (name, *(f"{counts[split].get(name, 0):,}" for split in splits)) for name in classes
    ]
    rows.append(("all", *(f"{sum(counts[split].values()):,}" for split in splits)))
    rows.append(("groups", *(f"{groups[split]:,}" for split in splits)))
    output.table(("class", *splits), rows, right=(1, 2, 3))
    for name, held in untestable.items():
        output.say(
            f"warning: class '{name}' has {held} group(s), too few to be in every split: "
            "it stays in train and cannot be tested (leave it out with --min-class N)"
        )


def _counts(counts: object) -> list[tuple[str, str]]:
    assert isinstance(counts, dict)
    return [(code, f"{count:,}") for code, count in counts.items()]
