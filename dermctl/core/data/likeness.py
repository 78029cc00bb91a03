"""The near-duplicates of a dataset that is being prepared, and what they join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dermctl.datasets.division import Rows
from dermctl.datasets.groups import row_pairs
from dermctl.datasets.near_duplicates import (
    COPY,
    Description,
    Descriptions,
    find_near_duplicates,
    large_components,
)
from dermctl.datasets.near_duplicates.table import PUBLISHED, Link, NearDuplicates
from dermctl.datasets.packer import Seen
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class Component:
    """Images that near-duplicates alone join, of so many lesions that someone should look."""

    lesions: int
    images: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """What near-duplicates did to the groups of a dataset.

    Args:
        searched: whether pictures were compared.
        pairs: near-duplicate pairs among the kept images.
        copies: how many of them are copies of one file.
        published: how many of them only the publisher lists.
        groups: groups of the dataset.
        groups_without: groups that there would be without these pairs.
        to_look_at: components of suspiciously many lesions, the largest first.
    """

    searched: bool
    pairs: int
    copies: int
    published: int
    groups: int
    groups_without: int
    to_look_at: tuple[Component, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = {key: value for key, value in vars(self).items() if key != "to_look_at"}
        listed = [{"lesions": c.lesions, "images": list(c.images)} for c in self.to_look_at]
        return {**plain, "to_look_at": listed}


def near_duplicates(
    image_ids: Sequence[str],
    seen: Mapping[int, Seen],
    rows: Sequence[int],
    published: Sequence[tuple[str, str]],
    *,
    search: bool,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> NearDuplicates:
    """The pairs among ``rows``: those that the publisher lists, and those that pixels verify.

    Args:
        image_ids: id of each row of the source.
        seen: row -> what is known of its image, keypoints among it.
        rows: rows to compare, with different ids.
        published: pairs of ids that the publisher says to be one photograph.
        search: whether to compare pictures.
        workers: processes; None means one for each CPU core.
        progress: one unit a picture, then one a pair.
    """
    ids = [image_ids[row] for row in rows]
    links = []
    if search:
        descriptions = Descriptions.gather(_description(seen[row]) for row in rows)
        found = find_near_duplicates(descriptions, workers=workers, progress=progress)
        links = [Link.found(pair, ids) for pair in found]
    known = {frozenset((link.image_id, link.other_id)) for link in links}
    for one, other in row_pairs(published, ids):
        pair = frozenset((ids[one], ids[other]))
        if len(pair) == 2 and pair not in known:
            known.add(pair)
            links.append(Link(ids[one], ids[other], PUBLISHED))
    return NearDuplicates(tuple(links), searched=search)


def _description(seen: Seen) -> Description:
    assert seen.description is not None, "pictures are described where they are searched"
    return seen.description


def joined(rows: Rows, found: NearDuplicates, groups: Sequence[str], name: str) -> Joined:
    """What the pairs did to the groups of the rows that are kept.

    Args:
        rows: what is kept.
        found: the pairs.
        groups: group of each row.
        name: of the dataset.
    """
    kept = set(rows.image_ids)
    links = [link for link in found.links if {link.image_id, link.other_id} <= kept]
    pairs = row_pairs(((link.image_id, link.other_id) for link in links), rows.image_ids)
    lesions = [
        ("lesion", lesion) if lesion else ("image", image)
        for lesion, image in zip(rows.lesion_ids, rows.image_ids, strict=True)
    ]
    return Joined(
        searched=found.searched,
        pairs=len(links),
        copies=sum(link.kind == COPY for link in links),
        published=sum(link.kind == PUBLISHED for link in links),
        groups=len(set(groups)),
        groups_without=len(set(rows.groups(name))),
        to_look_at=tuple(
            Component(
                lesions=len({lesions[row] for row in component}),
                images=tuple(rows.image_ids[row] for row in component),
            )
            for component in large_components(pairs, lesions)
        ),
    )
