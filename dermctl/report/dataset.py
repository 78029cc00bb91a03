"""The page that `data prepare` leaves beside a dataset: what is in it, what was left out, why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl.datasets.reasons import REASONS
from dermctl.datasets.splits import SPLITS
from dermctl.datasets.taxonomy.words import target_words
from dermctl.files import write_text
from dermctl.report.page import render
from dermctl.report.plots import Plot
from dermctl.report.plots_dataset import MOST_BARS, images_by_value, shares_by_value
from dermctl.report.tallies import CrossTable, cross_table, group_sizes, spread
from dermctl.report.wording import SKIN_TYPES

_SIZES_SHOWN = 8
_ATTRIBUTES = ("sex", "site", "modality")
"""Columns of the manifest that are shown where the source states them."""


def write_dataset_report(
    path: Path, document: Mapping[str, Any], manifest: pa.Table, splits: Sequence[str]
) -> None:
    """Write the report of a prepared dataset as one self-contained HTML page.

    Args:
        path: the page to write.
        document: what ``dataset.json`` holds.
        manifest: the kept images of all splits, a row an image (`datasets.manifest.COLUMNS`).
        splits: [n] split of each row of ``manifest``.
    """
    columns = [*SPLITS, *sorted(set(splits) - set(SPLITS))]
    tables = _tables(manifest, splits, columns)
    ages = _ages(manifest, splits, columns)
    stated = {*tables, "age"} if ages else set(tables)
    page = render(
        "dataset.html",
        document=document,
        synthetic=bool(document.get("synthetic")),
        target=target_words(document["target"]) if document.get("target") else "",
        rejected=_explained(document.get("rejected", {})),
        noted=_explained({**document.get("noted", {}), **document.get("table_faults", {})}),
        tables=tables,
        class_plots=_class_plots(tables["classes"]),
        skin_plots=_skin_plots(tables["skin types"]),
        groups=group_sizes(manifest.column("group_id").to_pylist()),
        known=_known(manifest),
        ages=ages,
        attributes=_ATTRIBUTES,
        not_stated=[name for name in ("age", *_ATTRIBUTES) if name not in stated],
        sizes=_image_sizes(manifest),
        recipe=_recipe(document.get("split", {})),
        provenance=_provenance(document),
    )
    write_text(path, page)


def _tables(
    manifest: pa.Table, splits: Sequence[str], columns: Sequence[str]
) -> dict[str, CrossTable]:
    def column(name: str) -> list[Any]:
        return list(manifest.column(name).to_pylist())

    tables = {
        "classes": cross_table("class", column("label"), splits, columns, unknown="no label"),
        "skin types": cross_table(
            "skin type", column("fitzpatrick"), splits, columns, name=_skin_type
        ),
    }
    for name in _ATTRIBUTES:
        if any(value is not None for value in column(name)):
            tables[name] = cross_table(name, column(name), splits, columns, most_first=True)
    tables["licences"] = cross_table(
        "licence", column("license"), splits, columns, most_first=True, unknown="not stated"
    )
    return tables


def _skin_type(number: int) -> str:
    return SKIN_TYPES.get(number, str(number))


def _class_plots(table: CrossTable) -> list[Plot]:
    plots = [images_by_value(table, "Images of each class, by split")]
    if len(table.known) <= MOST_BARS:
        plots.append(shares_by_value(table, "Share of each class within its split"))
    return plots


def _skin_plots(table: CrossTable) -> list[Plot]:
    if not table.known:
        return []
    return [
        images_by_value(table, "Images of each skin type, by split"),
        shares_by_value(table, "Share of each skin type within its split"),
    ]


def _explained(counts: Mapping[str, int]) -> list[tuple[str, int, str]]:
    """Reason code, number of rows, explanation; a code without one is shown as it is."""
    return [
        (code, number, REASONS[code].explanation if code in REASONS else "")
        for code, number in sorted(counts.items(), key=lambda item: -item[1])
    ]


def _known(manifest: pa.Table) -> dict[str, tuple[int, int]]:
    """For patients and lesions: how many there are, and in how many images they are known."""
    known = {}
    for name, plural in (("patient_id", "patients"), ("lesion_id", "lesions")):
        values = [value for value in manifest.column(name).to_pylist() if value is not None]
        known[plural] = (len(set(values)), len(values))
    return known


def _ages(
    manifest: pa.Table, splits: Sequence[str], columns: Sequence[str]
) -> list[tuple[str, Any, int]]:
    """Split, spread of the ages, images without one; nothing where no age is known."""
    ages = manifest.column("age").to_pylist()
    rows = []
    for split in (*columns, "all"):
        own = [age for age, its in zip(ages, splits, strict=True) if split in (its, "all")]
        found = spread(own)
        rows.append((split, found, len(own) - (found.known if found else 0)))
    return rows if rows[-1][1] else []


def _image_sizes(manifest: pa.Table) -> dict[str, Any]:
    widths, heights = (manifest.column(side).to_pylist() for side in ("width", "height"))
    sizes = list(zip(widths, heights, strict=True))
    common = Counter(sizes).most_common(_SIZES_SHOWN)
    return {
        "common": common,
        "distinct": len(set(sizes)),
        "others": len(sizes) - sum(number for _, number in common),
        "short_side": spread([min(size) for size in sizes]),
        "long_side": spread([max(size) for size in sizes]),
    }


def _recipe(split: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The split recipe as names and values for people."""
    names = {
        "val": "Asked for validation",
        "test": "Asked for test",
        "seed": "Seed",
        "grouped_by": "Never divided",
        "stratified_on": "Balanced over",
        "official": "As published",
        "near_duplicates": "Near-duplicates",
    }
    return [(names.get(key, key), _recipe_value(key, value)) for key, value in split.items()]


def _recipe_value(key: str, value: Any) -> str:
    if key in ("val", "test") and isinstance(value, float):
        return f"{100 * value:g} % of the images"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _provenance(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Source", str(document["source"])),
        ("Licence of the source", str(document["license"])),
        ("Please cite", document["citation"] or "not stated"),
        ("Prepared", str(document["prepared_at"])),
        ("With", f"dermctl {document['dermctl']}"),
        ("Manifest version", str(document["manifest_version"])),
    ]
