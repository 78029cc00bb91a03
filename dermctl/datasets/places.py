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
        image_ids: N names, for the message; an Arrow column serves too.
        manifest: its file, for the message.

    Raises:
        DataError: a shard is missing, damaged or foreign, or an image lies outside its shard; how
            many images that concerns, and the first of them, are said.
    """
    if not len(shards):
        return
    numbers, which = np.unique(shards, return_inverse=True)
    least, greatest = (np.zeros(len(numbers), np.int64) for _ in range(2))
    np.minimum.at(least, which, rows)
    np.maximum.at(greatest, which, rows)
    for number, shard in enumerate(numbers.tolist()):
        if shard < 0:
            _refuse(f"shard {shard}", shards == shard, image_ids, manifest)
        try:
            length = store.length(shard)
        except DataError as error:
            lost = named(image_ids, shards == shard)
            raise DataError(
                f"{error.what}; it holds {lost}", where=error.where, hint=error.hint
            ) from error
        if least[number] < 0 or greatest[number] >= length:
            outside = (shards == shard) & ((rows < 0) | (rows >= length))
            row = rows[outside][0]
            what = f"row {row} of {shard_name(shard)}, which holds {length:,} images"
            _refuse(what, outside, image_ids, manifest)


def named(image_ids: Sequence[str], which: npt.NDArray[np.bool_]) -> str:
    """How many images (bool [N]), and the first of them."""
    places = np.flatnonzero(which)
    first = ", ".join(str(image_ids[place]) for place in places[:_NAMED].tolist())
    more = f" and {len(places) - _NAMED:,} more" if len(places) > _NAMED else ""
    return f"{len(places):,} image{'' if len(places) == 1 else 's'}: {first}{more}"


def _refuse(
    what: str, which: npt.NDArray[np.bool_], image_ids: Sequence[str], manifest: Path
) -> None:
    raise DataError(
        f"the manifest points outside the store, at {what} ({named(image_ids, which)})",
        where=manifest,
        hint=f"Prepare it again with: dermctl data prepare … --name {manifest.parent.name}",
    )
