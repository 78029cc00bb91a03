"""What missing files cost a source: which skin types and which classes they take away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

UNKNOWN = "unknown"
UNLABELLED = "(none)"
TOO_MUCH = 0.5
"""Share of a class beyond which its loss is no accident to be passed over."""


@dataclass(frozen=True)
class Share:
    """So many of so many are missing."""

    missing: int
    rows: int

    @property
    def lost(self) -> float:
        """The share that is missing, 0 to 1."""
        return self.missing / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Loss:
    """Rows of a source whose file is not there.

    Args:
        total: over all rows.
        skin_types: by Fitzpatrick skin type, "1" to "6" and "unknown"; empty where none is known.
        labels: by label; empty where there are none.
    """

    total: Share
    skin_types: Mapping[str, Share]
    labels: Mapping[str, Share]

    def too_much(self) -> dict[str, Share]:
        """The classes that have lost more than half of their images."""
        return {name: share for name, share in self.labels.items() if share.lost > TOO_MUCH}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""

        def plain(share: Share) -> dict[str, int]:
            return {"missing": share.missing, "rows": share.rows}

        return {
            **plain(self.total),
            "by_skin_type": {name: plain(share) for name, share in self.skin_types.items()},
            "by_label": {name: plain(share) for name, share in self.labels.items()},
        }


def loss_of(table: pa.Table, only: Collection[str] | None = None) -> Loss:
    """Count the rows without a file.

    Args:
        table: a source's rows (``dermctl.datasets.sources.base.COMMON_SCHEMA``).
        only: image ids to count; None: all.
    """
    ids = table.column("image_id").to_pylist()
    rows = [row for row, image_id in enumerate(ids) if only is None or image_id in only]
    paths = table.column("path").to_pylist()
    missing = [row for row in rows if paths[row] is None]
    types = table.column("fitzpatrick").to_pylist()
    labels = table.column("label").to_pylist()
    by_type = _shares([types[row] for row in rows], [types[row] for row in missing], UNKNOWN)
    by_label = _shares([labels[row] for row in rows], [labels[row] for row in missing], UNLABELLED)
    return Loss(
        Share(len(missing), len(rows)),
        {} if set(by_type) <= {UNKNOWN} else by_type,
        {name: share for name, share in by_label.items() if name != UNLABELLED},
    )


def _shares(every: list[Any], missing: list[Any], unknown: str) -> dict[str, Share]:
    def named(values: list[Any]) -> Counter[str]:
        return Counter(unknown if value is None else str(value) for value in values)

    all_of, missing_of = named(every), named(missing)
    return {name: Share(missing_of[name], count) for name, count in sorted(all_of.items())}
