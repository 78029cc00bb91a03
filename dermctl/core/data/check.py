"""``data check``: a prepared dataset against its hashes, its manifests and its own account."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dermctl.core.data.list import PreparedDataset, describe_dataset
from dermctl.datasets.manifest import SPLITS, check_pages, read_manifest
from dermctl.datasets.near_duplicates.table import NEAR_DUPLICATES_FILE, read_near_duplicates
from dermctl.datasets.remembered import HISTORY_FILE
from dermctl.datasets.store import STORE_FOLDER, ShardError, Store, shard_name
from dermctl.errors import DataError
from dermctl.progress import SILENT, Progress
from dermctl.workspace import DATASET_FILE, Workspace

REJECTED = "rejected.parquet"


@dataclass(frozen=True)
class CheckFault:
    """One thing that is wrong.

    Args:
        file: where, below the dataset's folder.
        what: in words.
        images: ids of the images that it concerns.
    """

    file: str
    what: str
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """What was looked at, and what is wrong."""

    name: str
    folder: Path
    images: int
    shards: int
    faults: tuple[CheckFault, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "images": self.images,
            "shards": self.shards,
            "faults": [{**asdict(f), "images": list(f.images)} for f in self.faults],
        }


@dataclass(frozen=True)
class _Image:
    """One row of a manifest."""

    image_id: str
    split: str
    group_id: str
    shard: int
    row: int


def check(workspace: Workspace, name: str, progress: Progress = SILENT) -> Checked:
    """Read a prepared dataset as a whole, and compare all that can be compared.

    Raises:
        DataError: there is no such dataset.
    """
    folder = workspace.dataset(name)
    images, faults = _read_manifests(folder)
    store = Store(folder / STORE_FOLDER)
    shards = sorted({image.shard for image in images} | set(store.shards()))
    faults += _account(folder, images)
    faults += _divided(images)
    faults += _twice(images)
    faults += _beside(folder, images)
    of_shard: dict[int, list[_Image]] = defaultdict(list)
    for image in images:
        of_shard[image.shard].append(image)
    with progress.task("check", len(images)) as task:
        for shard in shards:
            faults += _check_shard(store, shard, of_shard[shard])
            task.advance(len(of_shard[shard]))
    return Checked(name, folder, len(images), len(shards), tuple(faults))


def _read_manifests(folder: Path) -> tuple[list[_Image], list[CheckFault]]:
    images: list[_Image] = []
    faults: list[CheckFault] = []
    columns = ("image_id", "group_id", "shard", "row")
    for split in SPLITS:
        try:
            check_pages(folder / f"{split}.parquet")
            table = read_manifest(folder, split, columns)
        except DataError as error:
            faults.append(CheckFault(f"{split}.parquet", error.what))
            continue
        cells = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
        images += [_Image(name, split, group, shard, row) for name, group, shard, row in cells]
    return images, faults


def _account(folder: Path, images: Sequence[_Image]) -> Iterator[CheckFault]:
    """Rows in = kept + rejected, in ``dataset.json`` and in the files."""
    try:
        rejected = check_pages(folder / REJECTED)
    except DataError as error:
        yield CheckFault(REJECTED, error.what)
        return
    try:
        said, rows, kept = _said(folder)
    except DataError as error:
        yield CheckFault(DATASET_FILE, error.what)
        return
    if rows != kept + said.rejected:
        yield CheckFault(DATASET_FILE, f"{rows:,} rows are not {kept:,} kept + {said.rejected:,}")
    if rejected != said.rejected:
        yield CheckFault(REJECTED, f"it lists {rejected:,} rows, {DATASET_FILE} {said.rejected:,}")
    for split in SPLITS:
        there = sum(image.split == split for image in images)
        expected = said.images.get(split, 0)
        if there != expected:
            what = f"it has {there:,} images, {DATASET_FILE} says {expected:,}"
            yield CheckFault(f"{split}.parquet", what)


def _said(folder: Path) -> tuple[PreparedDataset, int, int]:
    """What ``dataset.json`` says: the dataset in a line, rows in, rows kept."""
    said = describe_dataset(folder)
    document = json.loads((folder / DATASET_FILE).read_text(encoding="utf-8"))
    try:
        return said, int(document["rows"]), int(document["kept"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"cannot be read ({type(error).__name__}: {error})") from error


def _divided(images: Sequence[_Image]) -> Iterator[CheckFault]:
    """Groups that lie in more than one split: what must never be."""
    members: dict[str, list[_Image]] = defaultdict(list)
    for image in images:
        members[image.group_id].append(image)
    for group, found in sorted(members.items()):
        splits = sorted({image.split for image in found})
        if len(splits) > 1:
            files = ", ".join(f"{split}.parquet" for split in splits)
            ids = tuple(image.image_id for image in found)
            yield CheckFault(files, f"group '{group}' is divided between {len(splits)} splits", ids)


def _twice(images: Sequence[_Image]) -> Iterator[CheckFault]:
    """Ids, and places of the store, that occur more than once."""
    by_id: dict[object, list[_Image]] = defaultdict(list)
    by_place: dict[object, list[_Image]] = defaultdict(list)
    for image in images:
        by_id[image.image_id].append(image)
        by_place[image.shard, image.row].append(image)
    for what, found in (("occurs more than once", by_id), ("share one place", by_place)):
        for same in found.values():
            if len(same) > 1:
                files = ", ".join(sorted({f"{image.split}.parquet" for image in same}))
                yield CheckFault(files, what, tuple(image.image_id for image in same))


def _beside(folder: Path, images: Sequence[_Image]) -> Iterator[CheckFault]:
    """The history and the near-duplicates, and pairs of these that lie in two splits."""
    splits = {image.image_id: image.split for image in images}
    for file in (HISTORY_FILE, NEAR_DUPLICATES_FILE):
        try:
            check_pages(folder / file)
        except DataError as error:
            yield CheckFault(file, error.what)
            return
    for pair in read_near_duplicates(folder).ids():
        if len({splits[name] for name in pair if name in splits}) > 1:
            yield CheckFault(NEAR_DUPLICATES_FILE, "a pair is divided between two splits", pair)


def _check_shard(store: Store, shard: int, images: Sequence[_Image]) -> Iterator[CheckFault]:
    """One shard: there, readable, its images as hashed, and where the manifests look for them."""
    file = f"{STORE_FOLDER}/{shard_name(shard)}"
    try:
        ids = store.ids(shard)
        damaged = tuple(image_id for image_id, _ in store.faults(shard))
    except ShardError as error:
        where = file if shard >= 0 else "the manifests"
        yield CheckFault(where, error.fault, tuple(image.image_id for image in images))
        return
    if damaged:
        yield CheckFault(file, "the bytes differ from their SHA-256", damaged)
    yield from _misplaced(file, ids, {image.row: image.image_id for image in images})


def _misplaced(file: str, ids: Sequence[str], there: Mapping[int, str]) -> Iterator[CheckFault]:
    """`ids` lie in the shard in this order; the manifests look for `there`, row -> id."""
    outside = tuple(name for row, name in there.items() if not 0 <= row < len(ids))
    if outside:
        yield CheckFault(file, f"it has {len(ids):,} images: these rows lie outside", outside)
    other = tuple(n for row, n in there.items() if 0 <= row < len(ids) and ids[row] != n)
    if other:
        yield CheckFault(file, "another image lies where these are looked for", other)
    spare = tuple(name for row, name in enumerate(ids) if row not in there)
    if spare:
        yield CheckFault(file, "images that no manifest names", spare)
