"""Whether every image of a manifest has its place in the store, before anything long begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dermctl.datasets.held import in_words
from dermctl.datasets.prepared import Split
from dermctl.datasets.store import STORE_FOLDER, Store, shard_name
from dermctl.errors import DataError

Integers = npt.NDArray[np.integer]
Rows = npt.NDArray[np.int64]


def check_split(split: Split) -> None:
    """Hold the rows of one split against its dataset's store: see :func:`check_places`."""
    shards, rows = (np.asarray(split.table.column(name)) for name in ("shard", "row"))
    names = split.table.column("image_id").combine_chunks()
    manifest = split.folder / f"{split.name}.parquet"
    check_places(Store(split.folder / STORE_FOLDER), shards, rows, names, manifest)


def check_places(
    store: Store, shards: Integers, rows: Integers, image_ids: pa.StringArray, manifest: Path
) -> None:
    """Open each shard that a manifest names, and look for its images there, by their ids.

    Args:
        store: that the manifest points into.
        shards, rows: int [N], the manifest's columns.
        image_ids: N names.
        manifest: its file, for the message.

    Raises:
        DataError: a shard is missing, damaged or foreign, or an image lies outside its shard; how
            many images that concerns, and the first of them, are said.
    """
    if not len(shards):
        return
    for shard, places in _by_shard(shards):
        if shard < 0:
            _refuse(f"shard {shard}", image_ids.take(pa.array(places)), manifest)
        there, wanted = store.id_column(shard), rows[places]
        outside = (wanted < 0) | (wanted >= len(there))
        if outside.any():
            what = f"row {wanted[outside][0]} of {shard_name(shard)}, which holds "
            lost = image_ids.take(pa.array(places[outside]))
            _refuse(f"{what}{len(there):,} images", lost, manifest)
        found, named = there.take(pa.array(wanted)), image_ids.take(pa.array(places))
        if not found.equals(named):
            _refuse_foreign(store, shard, found, named)


def _by_shard(shards: Integers) -> Iterator[tuple[int, Rows]]:
    """Each shard that is named, and the places in the manifest where it is."""
    order = np.argsort(shards, kind="stable")
    ordered = shards[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
        yield int(ordered[start]), order[start:end]


def _refuse(what: str, lost: pa.StringArray, manifest: Path) -> None:
    raise DataError(
        f"the manifest points outside the store, at {what} ({in_words(lost.to_pylist())})",
        where=manifest,
        hint=f"Prepare it again with: dermctl data prepare … --name {manifest.parent.name}",
    )


def _refuse_foreign(store: Store, shard: int, found: pa.StringArray, named: pa.StringArray) -> None:
    pairs = zip(found.to_pylist(), named.to_pylist(), strict=True)
    own, other = next((wanted, there) for there, wanted in pairs if there != wanted)
    raise store.error(
        f"a shard holds other images than the manifest says: '{other}' where '{own}' should lie",
        shard,
    )
