"""``history.parquet``: the split of every image that a dataset ever had, those it lacks now too.

An image that is left out of one preparation, by a missing file or a stricter rule, and is back in
the next must not change sides meanwhile. Only a new draw begins a new history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dermctl.datasets.history import LEAK, WITHDRAWN, Withdrawal
from dermctl.datasets.manifest import write_parquet
from dermctl.errors import DataError

HISTORY_FILE = "history.parquet"
SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # train, val, test or withdrawn
        pa.field("detail", pa.string()),  # why it was withdrawn
    ]
)


@dataclass(frozen=True)
class History:
    """What is remembered of images.

    Args:
        splits: image id -> the split it is or was in, or ``WITHDRAWN``.
        why: image id -> why it was withdrawn.
    """

    splits: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)

    def grown(self, splits: Mapping[str, str], withdrawals: Iterable[Withdrawal]) -> History:
        """The history after a preparation that divided images into ``splits``.

        New images that would have tied splits together are not remembered: they had no split.
        """
        leaks = {gone.image_id: gone.detail for gone in withdrawals if gone.reason == LEAK}
        withdrawn = dict.fromkeys(leaks, WITHDRAWN)
        return History({**self.splits, **splits, **withdrawn}, {**leaks, **self.why})


def write_history(folder: Path, history: History) -> None:
    """Write the history of the dataset in ``folder``."""
    ids = sorted(history.splits)
    columns = [ids, [history.splits[name] for name in ids], [history.why.get(name) for name in ids]]
    write_parquet(folder / HISTORY_FILE, pa.table(columns, schema=SCHEMA))


def read_history(folder: Path) -> History:
    """The history of the dataset in ``folder``; empty where none was written.

    Raises:
        DataError: it is damaged.
    """
    path = folder / HISTORY_FILE
    if not path.is_file():
        return History()
    try:
        columns = pq.read_table(path).select(SCHEMA.names).to_pydict()
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"cannot be read ({error})", where=path) from error
    ids = columns["image_id"]
    why = dict(zip(ids, columns["detail"], strict=True))
    return History(
        dict(zip(ids, columns["split"], strict=True)),
        {name: detail for name, detail in why.items() if detail is not None},
    )
