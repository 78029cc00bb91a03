"""Looks at every file of a source and packs what can be seen into a store."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from dermctl.datasets.examine import Examined, examine
from dermctl.datasets.near_duplicates import Description
from dermctl.datasets.pool import ordered_map
from dermctl.datasets.reasons import Action
from dermctl.datasets.screening import Findings
from dermctl.datasets.store import Store, StoreWriter
from dermctl.progress import SILENT, Progress

NO_PLACE = (-1, -1)
"""Shard and row of an image that was looked at and not packed."""


@dataclass(frozen=True)
class Seen:
    """What is kept of one file once its pixels are in the store."""

    sha256: str
    phash: int
    width: int
    height: int
    shard: int
    row: int
    description: Description | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Looking:
    """How files are looked at: see ``dermctl.datasets.examine.examine``."""

    size: int
    min_side: int
    max_aspect: float
    lossless: bool = False
    keypoints: bool = False
    workers: int | None = field(default=None, compare=False)


def pack_files(
    files: Mapping[int, tuple[str, Path]],
    store: Path | None,
    looking: Looking,
    findings: Findings,
    actions: Mapping[str, Action],
    progress: Progress = SILENT,
    *,
    md5s: Mapping[int, str] | None = None,
) -> dict[int, Seen]:
    """Examine files in parallel and write the good ones into a store, in order.

    Args:
        files: row number -> (image id, file).
        store: folder of the store to write; None: look only, pack nothing.
        looking: size and limits.
        findings: where rejections and notes go.
        actions: what each reason does.
        progress: one unit a file.
        md5s: row number -> the MD5 that its publisher gives, hexadecimal.

    Returns:
        Row number -> what is known of its image, for the rows that are kept or that only their
        label has dropped.
    """
    look = partial(
        examine,
        size=looking.size,
        min_side=looking.min_side,
        max_aspect=looking.max_aspect,
        lossless=looking.lossless,
        md5=bool(md5s),
        keypoints=looking.keypoints,
    )
    seen: dict[int, Seen] = {}
    examined = ordered_map(look, (path for _, path in files.values()), looking.workers)
    title = "look at" if store is None else "look at and pack"
    with (
        nullcontext() if store is None else StoreWriter(store) as writer,
        progress.task(title, len(files)) as task,
    ):
        for (row, (image_id, _)), result in zip(files.items(), examined, strict=True):
            _record(row, result, findings, actions)
            _compare(row, result, (md5s or {}).get(row), findings, actions)
            if row not in findings.unusable and result.packed is not None:
                place = writer.add(image_id, result.packed) if writer else NO_PLACE
                phash = result.phash or 0
                size = result.width, result.height
                seen[row] = Seen(result.sha256, phash, *size, *place, result.description)
            task.advance()
            if len(findings.rejected):
                task.update(note=f"{len(findings.rejected):,} rejected")
    return seen


def _record(row: int, result: Examined, findings: Findings, actions: Mapping[str, Action]) -> None:
    found: Iterable[tuple[str, str]] = (*result.faults, *result.notes)
    for code, detail in found:
        findings.found(row, code, detail, actions)


def _compare(
    row: int,
    result: Examined,
    expected: str | None,
    findings: Findings,
    actions: Mapping[str, Action],
) -> None:
    if expected and result.md5 and result.md5 != expected.strip().lower():
        findings.found(row, "md5_mismatch", f"it is {result.md5}, not {expected}", actions)


def repack(
    old: Path, new: Path, ids: Sequence[str], places: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Copy the images at ``places`` into a new store, so that it holds nothing that was rejected.

    Returns:
        Their places there, in order.
    """
    source = Store(old)
    with StoreWriter(new) as writer:
        return [
            writer.add(image_id, bytes(source.read(*place)))
            for image_id, place in zip(ids, places, strict=True)
        ]


def keep_only(store: Path, seen: Mapping[int, Seen], ids: Mapping[int, str]) -> dict[int, Seen]:
    """Pack a store anew where images were rejected after they were packed.

    Args:
        store: its folder.
        seen: row number -> what is known of its image, for all that lie in it.
        ids: row number -> image id, for those that are kept, in order.

    Returns:
        Row number -> what is known of its image, its new place too, for those that are kept.
    """
    if len(ids) == len(seen):
        return dict(seen)
    packed = store.with_name(f"{store.name}.kept")
    old = [(seen[row].shard, seen[row].row) for row in ids]
    new = repack(store, packed, list(ids.values()), old)
    shutil.rmtree(store)
    packed.replace(store)
    return {
        row: replace(seen[row], shard=shard, row=place)
        for row, (shard, place) in zip(ids, new, strict=True)
    }
