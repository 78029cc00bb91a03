"""The near-duplicate pairs of a prepared dataset: ``near_duplicates.parquet`` beside its manifests.

With it a group can be explained, and drawn anew, without a new search. Pairs that the publisher
lists stand there too; whoever links by pairs takes all of them. Images that were withdrawn
because of a pair (``leak``, ``bridges_splits``) are named as well, so an end of a pair may be in
``rejected.parquet``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dermctl.datasets.manifest import write_parquet
from dermctl.datasets.near_duplicates.find import Pair
from dermctl.errors import DataError

NEAR_DUPLICATES_FILE = "near_duplicates.parquet"
PUBLISHED = "published"
"""Kind of a pair that the publisher lists; nothing was measured."""

_METADATA_KEY = b"dermctl"
SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("other_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # copy, rephotographed or published
        pa.field("score", pa.int32()),  # keypoints in the same arrangement
        pa.field("mirrored", pa.bool_()),  # image_id is mirrored, then turned, to lie on other_id
        pa.field("turn", pa.float32()),  # degrees clockwise
        pa.field("scale", pa.float32()),  # size in other_id over size in image_id
    ]
)


@dataclass(frozen=True)
class Link:
    """Two images that show the same skin.

    Args:
        image_id, other_id: the two.
        kind: ``copy``, ``rephotographed`` (see :mod:`.find`) or :data:`PUBLISHED`.
        score: keypoints that lie in the same arrangement; None, as what follows, where the
            publisher says so and nothing was measured.
        mirrored: whether ``image_id`` is mirrored, then turned, to lie on ``other_id``.
        turn: degrees clockwise by which it is turned.
        scale: size in ``other_id`` over size in ``image_id``, at the same long side.
    """

    image_id: str
    other_id: str
    kind: str
    score: int | None = None
    mirrored: bool | None = None
    turn: float | None = None
    scale: float | None = None

    @classmethod
    def found(cls, pair: Pair, image_ids: Sequence[str]) -> Link:
        """A verified pair of rows, by the ids of their images."""
        one, other = image_ids[pair.i], image_ids[pair.j]
        return cls(one, other, pair.kind, pair.score, pair.mirrored, pair.turn, pair.scale)


@dataclass(frozen=True)
class NearDuplicates:
    """What is known of a dataset's near-duplicates.

    Args:
        links: the pairs.
        searched: whether pixels were compared; if not, only what the publisher lists is there.
    """

    links: tuple[Link, ...] = ()
    searched: bool = True

    def ids(self) -> list[tuple[str, str]]:
        """The pairs of image ids."""
        return [(link.image_id, link.other_id) for link in self.links]


def write_near_duplicates(folder: Path, found: NearDuplicates) -> None:
    """Write the table of the dataset in ``folder``."""
    columns = {
        field.name: pa.array([getattr(link, field.name) for link in found.links], field.type)
        for field in SCHEMA
    }
    metadata = {_METADATA_KEY: json.dumps({"searched": found.searched}).encode()}
    table = pa.table(columns, schema=SCHEMA.with_metadata(metadata))
    write_parquet(folder / NEAR_DUPLICATES_FILE, table)


def read_near_duplicates(folder: Path) -> NearDuplicates:
    """The near-duplicates of the dataset in ``folder``.

    Raises:
        DataError: the table is missing, as in a dataset of an older dermctl, or damaged.
    """
    path = folder / NEAR_DUPLICATES_FILE
    again = f"Prepare it again with: dermctl data prepare … --name {folder.name}"
    if not path.is_file():
        raise DataError("the dataset has no table of near-duplicates", where=path, hint=again)
    try:
        table = pq.read_table(path)
        searched = bool(json.loads((table.schema.metadata or {})[_METADATA_KEY])["searched"])
        links = tuple(Link(**row) for row in table.select(SCHEMA.names).to_pylist())
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"cannot be read ({error})", where=path, hint=again) from error
    return NearDuplicates(links, searched)
