"""``data split``: the split of a prepared dataset drawn anew; the store stays as it is."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl.core.data.check import REJECTED
from dermctl.datasets.assembly import (
    class_counts,
    group_counts,
    untestable_classes,
    write_splits,
)
from dermctl.datasets.descriptors import DESCRIPTORS_FILE
from dermctl.datasets.division import Recipe
from dermctl.datasets.folds import grouped_folds
from dermctl.datasets.manifest import (
    SPLITS,
    manifest_description,
    read_manifest,
    write_parquet,
)
from dermctl.datasets.near_duplicates.table import NEAR_DUPLICATES_FILE
from dermctl.datasets.remembered import History, write_history
from dermctl.datasets.splits import TEST, Assignment
from dermctl.datasets.store import STORE_FOLDER
from dermctl.errors import DataError
from dermctl.files import sole_writer, swap_folder, write_json
from dermctl.progress import SILENT, Progress
from dermctl.report.dataset import write_dataset_report
from dermctl.runs import now
from dermctl.workspace import DATASET_FILE, Workspace

FOLDS_FILE = "folds.parquet"
FOLDS_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("group_id", pa.string(), nullable=False),
        pa.field("fold", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class SplitRequest:
    """What to draw. Shares and seed that are None stay as they were.

    Args:
        folds: deal train and validation out to this many folds. The split itself is drawn anew
            only if a share is given too.
    """

    name: str
    val: float | None = None
    test: float | None = None
    seed: int | None = None
    folds: int | None = None

    @property
    def folds_only(self) -> bool:
        """Whether the split stays as it is."""
        return self.folds is not None and self.val is None and self.test is None


@dataclass(frozen=True)
class Divided:
    """What came of it.

    Args:
        moved: images that are in another split than before.
        folds: images of each fold; empty where no folds were asked for.
    """

    name: str
    folder: Path
    recipe: Recipe
    moved: int
    counts: Mapping[str, Mapping[str, int]]  # split -> class -> images
    groups: Mapping[str, int]  # split -> groups
    untestable: Mapping[str, int]
    folds: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "split": self.recipe.to_json(),
            "moved": self.moved,
            "splits": {split: dict(counts) for split, counts in self.counts.items()},
            "groups": dict(self.groups),
            "untestable": dict(self.untestable),
            "folds": list(self.folds),
        }


@dataclass(frozen=True)
class _Dataset:
    """A prepared dataset as it lies in its folder."""

    folder: Path
    manifest: pa.Table  # of all splits
    splits: list[str]
    description: dict[str, Any]
    document: dict[str, Any]
    recipe: Recipe

    def column(self, name: str) -> list[Any]:
        values: list[Any] = self.manifest.column(name).to_pylist()
        return values


def split(workspace: Workspace, request: SplitRequest, progress: Progress = SILENT) -> Divided:
    """Divide the groups of a prepared dataset anew, or deal them out to folds.

    The new dataset is built beside the old one, around the same shards, and takes its place with
    a rename: whoever is killed leaves a whole dataset, or one that the next call puts back.

    Raises:
        DataError: there is no such dataset, it cannot be read, or it cannot be divided like this.
    """
    with sole_writer(workspace.dataset(request.name)):
        return _split(workspace, request, progress)


def _split(workspace: Workspace, request: SplitRequest, progress: Progress) -> Divided:
    dataset = _read(workspace.dataset(request.name))
    recipe = dataset.recipe.changed(request.val, request.test, request.seed)
    if request.folds_only:
        progress.say("the split stays as it is: no --val or --test was given with --folds")
        return _fold(dataset, dataset.recipe, recipe.seed, request.folds or 0)
    assignment = _draw(dataset, recipe)
    progress.say(f"drawn anew with {recipe}")
    building = dataset.folder.with_name(f".{request.name}.partial")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        divided = _build(building, dataset, recipe, assignment, request)
        if (dataset.folder / FOLDS_FILE).exists() and not request.folds:
            progress.say("the folds of the old split are gone; with --folds K there are new ones")
        swap_folder(building, dataset.folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return divided


def _read(folder: Path) -> _Dataset:
    parts = [read_manifest(folder, name) for name in SPLITS]
    splits = [name for name, part in zip(SPLITS, parts, strict=True) for _ in range(len(part))]
    path = folder / DATASET_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        recipe = Recipe.from_json(document["split"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"cannot be read ({type(error).__name__}: {error})",
            where=path,
            hint=f"Prepare it again with: dermctl data prepare … --name {folder.name}",
        ) from error
    # The order of preparing is that of the store: a new split writes the same rows in any order.
    manifest = pa.concat_tables(parts)
    order = manifest.append_column("_split", pa.array(splits)).sort_by(
        [("shard", "ascending"), ("row", "ascending")]
    )
    return _Dataset(
        folder,
        order.drop_columns(["_split"]),
        order.column("_split").to_pylist(),
        manifest_description(parts[0]),
        document,
        recipe,
    )


def _draw(dataset: _Dataset, recipe: Recipe) -> Assignment:
    """Every group anew, but those of a published held-out split."""
    groups = dataset.column("group_id")
    places = zip(groups, dataset.splits, strict=True)
    published = {group: place for group, place in places if place in recipe.official}
    labels, skin_types = dataset.column("label_finest"), dataset.column("fitzpatrick")
    return recipe.assign(groups, labels, skin_types, published)


def _build(
    folder: Path,
    dataset: _Dataset,
    recipe: Recipe,
    assignment: Assignment,
    request: SplitRequest,
) -> Divided:
    splits = assignment.splits
    divided = Divided(
        name=request.name,
        folder=dataset.folder,
        recipe=recipe,
        moved=sum(own != old for own, old in zip(splits, dataset.splits, strict=True)),
        counts=class_counts(dataset.column("label"), splits),
        groups=group_counts(dataset.column("group_id"), splits),
        untestable=untestable_classes(dataset.column("label"), dataset.column("group_id"), splits),
        folds=_write_folds(folder, dataset, splits, recipe.seed, request.folds),
    )
    changed = {"untestable": dict(divided.untestable), "split": recipe.to_json()}
    write_splits(folder, dataset.manifest, splits, {**dataset.description, **changed})
    counts = {key: divided.to_json()[key] for key in ("splits", "groups")}
    document = {**dataset.document, **changed, **counts, "split_at": now()}
    write_json(folder / DATASET_FILE, document)
    write_dataset_report(folder / "report.html", document, dataset.manifest, splits)
    now_in = dict(zip(dataset.column("image_id"), splits, strict=True))
    write_history(folder, History(now_in))
    for name in (REJECTED, NEAR_DUPLICATES_FILE, DESCRIPTORS_FILE):
        if (dataset.folder / name).exists():
            _link(dataset.folder / name, folder / name)
    (folder / STORE_FOLDER).mkdir()
    for shard in sorted((dataset.folder / STORE_FOLDER).iterdir()):
        _link(shard, folder / STORE_FOLDER / shard.name)
    return divided


def _link(old: Path, new: Path) -> None:
    """The same file under a second name; a copy where the file system has no hard links."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)


def _fold(dataset: _Dataset, recipe: Recipe, seed: int, folds: int) -> Divided:
    splits = dataset.splits
    return Divided(
        name=dataset.folder.name,
        folder=dataset.folder,
        recipe=recipe,
        moved=0,
        counts=class_counts(dataset.column("label"), splits),
        groups=group_counts(dataset.column("group_id"), splits),
        untestable=dataset.document.get("untestable", {}),
        folds=_write_folds(dataset.folder, dataset, splits, seed, folds),
    )


def _write_folds(
    folder: Path, dataset: _Dataset, splits: Sequence[str], seed: int, folds: int | None
) -> tuple[int, ...]:
    """Write ``folds.parquet`` over train and validation; returns the images of each fold."""
    if folds is None:
        return ()
    rows = dataset.manifest.filter(pa.array([own != TEST for own in splits], pa.bool_()))
    ids, groups = (rows.column(name).to_pylist() for name in ("image_id", "group_id"))
    found = grouped_folds(groups, rows.column("label_finest").to_pylist(), folds, seed)
    recipe = {b"dermctl": json.dumps({"folds": folds, "seed": seed}).encode()}
    schema = FOLDS_SCHEMA.with_metadata(recipe)
    write_parquet(folder / FOLDS_FILE, pa.table([ids, groups, found], schema=schema))
    counts = Counter(found)
    return tuple(counts[fold] for fold in range(folds))
