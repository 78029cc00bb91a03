"""What an audit finds: kinds of findings, and the table that they are written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from dermctl.datasets.audit.gathered import Images

LEAK = "leak"
LEAK_BETWEEN = "leak_between"
OVERLAP = "overlap"
LABEL_CONFLICT = "label_conflict"
BYTE_IDENTICAL = "byte_identical"
NEAR_DUPLICATE = "near_duplicate"
LARGE_COMPONENT = "large_component"

KINDS: Mapping[str, str] = {
    LEAK: "the same patient, lesion, bytes or pixels in two splits",
    LEAK_BETWEEN: "a test image of one dataset is tied to an image of the other",
    OVERLAP: "images outside of both test splits tie the two datasets together",
    LABEL_CONFLICT: "one lesion, file or picture under different labels",
    BYTE_IDENTICAL: "files with the same bytes",
    NEAR_DUPLICATE: "pictures that show the same skin, verified on pixels",
    LARGE_COMPONENT: "more lesions than plausible, joined by near-duplicates alone: look at them",
}
"""Kind → what it means, the gravest first."""
LEAKS = frozenset({LEAK, LEAK_BETWEEN})

PATIENT, LESION, BYTES, PIXELS = "patient", "lesion", "bytes", "pixels"
TIES = (PATIENT, LESION, BYTES, PIXELS)
"""What ties images together."""

_LIST = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("tie", pa.string(), nullable=False),  # patient, lesion, bytes or pixels
        pa.field("image_ids", _LIST, nullable=False),
        pa.field("datasets", _LIST, nullable=False),
        pa.field("splits", _LIST, nullable=False),
        pa.field("labels", _LIST, nullable=False),  # null: unlabelled
        pa.field("score", pa.int32()),  # keypoints in the same arrangement, of a pair
        pa.field("detail", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Args:
        kind: one of `KINDS`.
        tie: what ties the images together, one of `TIES`.
        rows: of the images.
        detail: for people.
        score: keypoints in the same arrangement, where two pictures were compared.
    """

    kind: str
    tie: str
    rows: tuple[int, ...]
    detail: str
    score: int | None = None


def as_table(findings: Sequence[Finding], images: Images) -> pa.Table:
    """One row a finding (`SCHEMA`)."""

    def of(values: Sequence[str | None]) -> list[list[str | None]]:
        return [[values[row] for row in finding.rows] for finding in findings]

    columns = [
        [finding.kind for finding in findings],
        [finding.tie for finding in findings],
        of(images.image_ids),
        of(images.datasets),
        of(images.splits),
        of(images.labels),
        [finding.score for finding in findings],
        [finding.detail for finding in findings],
    ]
    return pa.table(columns, schema=SCHEMA)


def touched(findings: Iterable[Finding]) -> set[int]:
    """The rows that findings name."""
    return {row for finding in findings for row in finding.rows}
