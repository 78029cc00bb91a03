"""Which images a shard of the store holds, by the manifests beside it: for whoever lost them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dermctl.errors import DataError

_NAMED = 3
"""Images that a message names."""


def held_images(folder: Path, shard: int, row: int | None = None) -> list[str]:
    """Ids of the images that the manifests of a dataset look for in one shard, split by split.

    Args:
        folder: of the dataset.
        shard: of its store.
        row: only what is looked for there; None: in the whole shard.
    """
    import pyarrow.compute as pc

    from dermctl.datasets.manifest import SPLITS, read_manifest

    found: list[str] = []
    for split in SPLITS:
        try:
            table = read_manifest(folder, split, ["image_id", "shard", "row"])
        except DataError:
            continue  # what is lost beside the shard: its own reader says it
        table = table.filter(pc.field("shard") == shard)
        if row is not None:
            table = table.filter(pc.field("row") == row)
        found += table.column("image_id").to_pylist()
    return found


def in_words(image_ids: Sequence[str]) -> str:
    """How many images, and the first of them."""
    first = ", ".join(image_ids[:_NAMED])
    more = f" and {len(image_ids) - _NAMED:,} more" if len(image_ids) > _NAMED else ""
    return f"{len(image_ids):,} image{'' if len(image_ids) == 1 else 's'}: {first}{more}"
