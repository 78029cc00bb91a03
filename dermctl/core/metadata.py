"""Which columns a model may take as metadata, and their values as it wants them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from dermctl.checkpoint import Description
from dermctl.datasets.manifest import SOURCE_PREFIX
from dermctl.datasets.metadata import FloatArray, MetadataCode, fit_metadata
from dermctl.datasets.prepared import Split
from dermctl.errors import DataError

FUSION = "fusion"
"""``Description.head["kind"]`` of a classifier over embedding and metadata."""

_ENOUGH = 10
"""Images of a class from which its share of gaps is looked at."""
_TELLING = 0.5
"""Difference between two classes' shares of gaps that is warned of."""
_COMMON = ("age", "sex", "site", "fitzpatrick", "skin_tone", "modality", "dataset")


def fit_code(train: Split, names: Sequence[str]) -> MetadataCode | None:
    """How the columns ``names`` are encoded, learnt from the training rows; None without names.

    Columns of the source go by their own names, with or without their prefix.

    Raises:
        DataError: a column that is not there, is empty, holds free text, or tells the label.
    """
    if not names:
        return None
    columns = _columns(train)
    known = {name: columns[name] for name in columns if _may_serve(name)}
    chosen = [name if name in known else f"{SOURCE_PREFIX}{name}" for name in names]
    for name, asked in zip(chosen, names, strict=True):
        if name not in known:
            raise DataError(
                f"there is no column '{asked}' to take as metadata",
                where="--metadata",
                hint=f"Columns: {', '.join(sorted(known))}",
            )
        _refuse_label(name, known[name], columns["label"])
    return fit_metadata(known, chosen)


def metadata_of(about: Description, split: Split) -> FloatArray | None:
    """The metadata [n, M] of a split as a model wants it; None for a model of images alone.

    Raises:
        DataError: a column is not in this dataset.
    """
    if about.head.get("kind") != FUSION:
        return None
    return MetadataCode.from_plain(about.head["metadata"]).encode(_columns(split))


def metadata_width(about: Description) -> int:
    """M: the numbers a model takes beside an image; 0 for a model of images alone."""
    if about.head.get("kind") != FUSION:
        return 0
    return MetadataCode.from_plain(about.head["metadata"]).width


def metadata_names(about: Description) -> tuple[str, ...]:
    """The columns that a model takes beside an image; none for a model of images alone."""
    if about.head.get("kind") != FUSION:
        return ()
    return tuple(str(field["name"]) for field in about.head["metadata"])


def telling_gaps(train: Split, code: MetadataCode) -> list[str]:
    """Columns whose gaps go with the label: a model then learns who was asked, not what was said.

    Said of a column that is missing in one class at least half of the images more often than in
    another, of classes with ten images or more.
    """
    labels = train.column("label")
    large = {label for label in set(labels) if labels.count(label) >= _ENOUGH}
    words = []
    for field in code.fields:
        values = train.column(field.name)
        missing = {
            label: sum(
                value in (None, "")
                for value, own in zip(values, labels, strict=True)
                if own == label
            )
            / labels.count(label)
            for label in large
        }
        if not missing:
            continue
        most, least = max(missing, key=lambda x: missing[x]), min(missing, key=lambda x: missing[x])
        if missing[most] - missing[least] >= _TELLING:
            words.append(
                f"'{field.name}' is missing in {missing[most]:.0%} of {most} and "
                f"{missing[least]:.0%} of {least}"
            )
    return words


def unseen_words(code: MetadataCode, split: Split) -> str:
    """Values that training never saw, which count as missing; empty where there are none."""
    return "; ".join(
        f"{name}: {', '.join(values[:5])}" for name, values in code.unseen(_columns(split)).items()
    )


def _columns(split: Split) -> Mapping[str, list[Any]]:
    return {name: split.column(name) for name in split.table.column_names}


def _may_serve(name: str) -> bool:
    return name in _COMMON or name.startswith(SOURCE_PREFIX)


def _refuse_label(name: str, values: Sequence[Any], labels: Sequence[Any]) -> None:
    """A column each of whose values goes with one label only is the label by another name."""
    seen: dict[Any, set[Any]] = defaultdict(set)
    for value, label in zip(values, labels, strict=True):
        if value not in (None, ""):
            seen[value].add(label)
    several = len({label for found in seen.values() for label in found}) > 1
    repeated = sum(value not in (None, "") for value in values) > 2 * len(seen)
    if several and repeated and all(len(found) == 1 for found in seen.values()):
        raise DataError(
            f"the column '{name}' tells the label: each of its values goes with one label only",
            where="--metadata",
            hint="Leave it out",
        )
