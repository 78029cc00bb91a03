"""Keeping splits as they are while a dataset grows.

An image that was trained on must never be tested on later, so every image keeps the split it
first had. Two things can stand in the way:

- images that already have a split turn out to be linked across splits (``leak``): those of the
  weaker split are withdrawn, train before validation, so that the test split stays;
- a new image ties together groups that already lie in different splits (``bridges_splits``):
  the new image is left out, and the groups stay apart.

An official split is a history too: hand it over as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dermctl.datasets.groups import as_pairs, connected_groups, link_equal
from dermctl.datasets.splits import SPLITS, TEST, TRAIN, VAL
from dermctl.errors import DataError

LEAK, BRIDGES_SPLITS = "leak", "bridges_splits"

WITHDRAWN = "withdrawn"
"""In a history: the image was once used and then withdrawn; it stays withdrawn."""

_STRENGTH = {TRAIN: 0, VAL: 1, TEST: 2}


@dataclass(frozen=True, order=True)
class Withdrawal:
    """An image that cannot be part of any split.

    Args:
        image_id: the image.
        reason: ``leak`` or ``bridges_splits``.
        detail: what it is linked to, for people.
        split: the split it had, or ``None`` for a new image.
    """

    image_id: str
    reason: str
    detail: str
    split: str | None = None


def official_history(image_ids: Sequence[str], official: Sequence[str | None]) -> dict[str, str]:
    """Turn a publisher's split column into a history; ``None`` and ``""`` mean no split.

    Raises:
        DataError: a value other than train, val or test.
    """
    history = {i: split for i, split in zip(image_ids, official, strict=True) if split}
    for image_id, split in history.items():
        if split not in SPLITS:
            raise DataError(
                f"unknown official split {split!r}",
                where=image_id,
                hint=f"Name one of: {', '.join(SPLITS)}",
            )
    return history


def reconcile(
    image_ids: Sequence[str],
    history: Mapping[str, str],
    *,
    patient_ids: Sequence[str | None],
    lesion_ids: Sequence[str | None],
    sha256s: Sequence[str | None],
    near_duplicate_pairs: ArrayLike | None = None,
) -> list[Withdrawal]:
    """Find the images to leave out so that every other image can keep its split.

    Once the withdrawn rows are gone, no group holds images of two splits. New images are
    admitted in order of their ids, so the answer does not depend on the order of the rows.

    Args:
        image_ids: [n] unique image ids.
        history: split of every image that has one (or :data:`WITHDRAWN`); ids that are not
            among ``image_ids`` are ignored.
        patient_ids, lesion_ids, sha256s, near_duplicate_pairs: the links, as in
            :func:`dermctl.datasets.groups.group_images`.

    Returns:
        one withdrawal for every image to leave out, sorted by image id.
    """
    links = _Links(image_ids, (patient_ids, lesion_ids, sha256s), near_duplicate_pairs)
    split_of = {i: history[i] for i in image_ids if i in history}
    again = [
        Withdrawal(i, LEAK, "withdrawn before, when it turned out to be linked across splits")
        for i, split in split_of.items()
        if split == WITHDRAWN
    ]
    out = {withdrawal.image_id for withdrawal in again}
    leaks = _leaks(links, {i: split for i, split in split_of.items() if i not in out})
    out |= {withdrawal.image_id for withdrawal in leaks}
    known = {i: split for i, split in split_of.items() if i not in out}
    return sorted([*again, *leaks, *_bridges(links, known, out)])


def fixed_groups(
    group_ids: Sequence[str], image_ids: Sequence[str], history: Mapping[str, str]
) -> dict[str, str]:
    """The split of every group that holds an image with a history.

    Args:
        group_ids: [n] group of each remaining row, after :func:`reconcile`.
        image_ids: [n] image of each remaining row.
        history: split of every image that has one.

    Raises:
        ValueError: a group holds images of two splits; withdraw what ``reconcile`` lists first.
    """
    fixed: dict[str, str] = {}
    for group, image_id in zip(group_ids, image_ids, strict=True):
        split = history.get(image_id)
        if split is not None and fixed.setdefault(group, split) != split:
            raise ValueError(f"group {group} lies in {fixed[group]} and in {split}")
    return fixed


class _Links:
    """What ties images together, by row."""

    def __init__(
        self,
        image_ids: Sequence[str],
        columns: Sequence[Sequence[str | None]],
        pairs: ArrayLike | None,
    ) -> None:
        self.image_ids = list(image_ids)
        self.columns = columns
        self.pairs = as_pairs(pairs)
        self.row_of = {image_id: row for row, image_id in enumerate(self.image_ids)}

    def components(self, rows: Sequence[int]) -> list[list[int]]:
        """The connected components of ``rows``, through links among these rows alone."""
        position = np.full(len(self.image_ids), -1, dtype=np.int64)
        position[list(rows)] = np.arange(len(rows))
        pairs = position[self.pairs]
        links = [link_equal([column[row] for row in rows]) for column in self.columns]
        numbers = connected_groups(len(rows), [*links, pairs[(pairs >= 0).all(axis=1)]])
        members: dict[int, list[int]] = {}
        for row, number in zip(rows, numbers.tolist(), strict=True):
            members.setdefault(number, []).append(row)
        return list(members.values())

    def ties(self, rows: Sequence[int]) -> dict[int, list[tuple[int, str | int]]]:
        """What each of ``rows`` is tied to: shared identifiers, and rows it duplicates."""
        chosen = set(rows)
        ties: dict[int, list[tuple[int, str | int]]] = {
            row: [
                (kind, value) for kind, column in enumerate(self.columns) if (value := column[row])
            ]
            for row in rows
        }
        for one, other in self.pairs.tolist():
            if one in chosen and other in chosen:
                ties[one].append((-1, other))
                ties[other].append((-1, one))
        return ties


def _leaks(links: _Links, known: Mapping[str, str]) -> list[Withdrawal]:
    """Images with a split that are linked to images of a stronger one."""
    withdrawals = []
    for rows in links.components([links.row_of[image_id] for image_id in known]):
        members = sorted(links.image_ids[row] for row in rows)
        strongest = max((known[i] for i in members), key=_STRENGTH.__getitem__)
        witness = next(i for i in members if known[i] == strongest)
        withdrawals += [
            Withdrawal(i, LEAK, f"linked to {witness} in {strongest}", known[i])
            for i in members
            if known[i] != strongest
        ]
    return withdrawals


def _bridges(links: _Links, known: Mapping[str, str], out: set[str]) -> list[Withdrawal]:
    """New images that would tie together images of different splits."""
    withdrawals = []
    rows = [row for row, image_id in enumerate(links.image_ids) if image_id not in out]
    for component in links.components(rows):
        if len({known[i] for row in component if (i := links.image_ids[row]) in known}) > 1:
            withdrawals += _admit(links, component, known)
    return withdrawals


def _admit(links: _Links, rows: Sequence[int], known: Mapping[str, str]) -> list[Withdrawal]:
    """Admit the new images of one component one by one; return those that would bridge."""
    forest = _Forest()
    ties = links.ties(rows)
    is_new = {row: links.image_ids[row] not in known for row in rows}
    admitted: set[int] = set()
    withdrawals = []
    for row in sorted(rows, key=lambda row: (is_new[row], links.image_ids[row])):
        image_id = links.image_ids[row]
        near = [tie for tie in ties[row] if tie[0] >= 0 or tie[1] in admitted]
        if is_new[row]:
            touched = {split for tie in near if (split := forest.split(_node(tie)))}
            if len(touched) > 1:
                places = " and ".join(sorted(touched))
                withdrawals.append(Withdrawal(image_id, BRIDGES_SPLITS, f"ties together {places}"))
                continue
        admitted.add(row)
        forest.join([("image", row), *map(_node, near)], known.get(image_id))
    return withdrawals


def _node(tie: tuple[int, str | int]) -> tuple[int | str, str | int]:
    kind, value = tie
    return ("image", value) if kind < 0 else (kind, value)


class _Forest:
    """Union-find whose trees carry the one split their images have."""

    def __init__(self) -> None:
        self._parent: dict[object, object] = {}
        self._split: dict[object, str | None] = {}

    def _root(self, node: object) -> object:
        while (parent := self._parent.setdefault(node, node)) != node:
            self._parent[node] = self._parent[parent]
            node = parent
        return node

    def split(self, node: object) -> str | None:
        return self._split.get(self._root(node))

    def join(self, nodes: Sequence[object], split: str | None) -> None:
        roots = [self._root(node) for node in nodes]
        splits = {found for found in (split, *map(self._split.get, roots)) if found}
        for root in roots:
            self._parent[root] = roots[0]
        self._split[roots[0]] = splits.pop() if splits else None
