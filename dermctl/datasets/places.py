"""Whether every image of a manifest has its place in the store, before anything long begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dermctl.datasets.store import Store, shard_name
from dermctl.errors import DataError

_NAMED = 3

Integers = npt.NDArray[np.integer]


def check_places(
    store: Store, shards: Integers, rows: Integers, image_ids: Sequence[str], manifest: Path
) -> None:
    """Open each shard that a manifest names, and compare its length with the rows looked for.

    Args:
        store: that the manifest points into.
        shards, rows: int [N], the manifest's columns.
        image_ids: N names, for the message.
        manifest: its file, for the message.

    Raises:
        DataError: a shard is missing, damaged or foreign, or an image lies outside its shard; how
            many images that concerns, and the first of them, are said.
    """
    if not len(shards):
        return
    order = np.lexsort((rows, shards))
    numbers, first = np.unique(shards[order], return_index=True)
    for shard, members in zip(numbers.tolist(), np.split(order, first[1:]), strict=True):
        if shard < 0:
            _refuse(f"shard {shard}", members, image_ids, manifest)
        try:
            length = store.length(shard)
        except DataError as error:
            lost = named(image_ids, members)
            raise DataError(
                f"{error.what}; it holds {lost}", where=error.where, hint=error.hint
            ) from error
        there = rows[members]
        if there[0] < 0 or there[-1] >= length:
            outside = members[(there < 0) | (there >= length)]
            what = f"row {rows[outside[0]]} of {shard_name(shard)}, which holds {length:,} images"
            _refuse(what, outside, image_ids, manifest)


def named(image_ids: Sequence[str], which: Integers) -> str:
    """How many images, and the first of them."""
    first = ", ".join(image_ids[place] for place in which[:_NAMED].tolist())
    more = f" and {len(which) - _NAMED:,} more" if len(which) > _NAMED else ""
    return f"{len(which):,} image{'' if len(which) == 1 else 's'}: {first}{more}"


def _refuse(what: str, which: Integers, image_ids: Sequence[str], manifest: Path) -> None:
    raise DataError(
        f"the manifest points outside the store, at {what} ({named(image_ids, which)})",
        where=manifest,
        hint=f"Prepare it again with: dermctl data prepare … --name {manifest.parent.name}",
    )
