"""Maps a source's labels onto a shared target, with everything left out counted by reason."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dermctl.datasets.taxonomy.concepts import UNKNOWN, Concept, node_concept
from dermctl.datasets.taxonomy.isic_tree import find_node
from dermctl.datasets.taxonomy.source_labels import LABELS, TREE_SOURCES
from dermctl.datasets.taxonomy.targets import TARGETS, Outcome, Reason
from dermctl.errors import DataError, UsageFault

SIDES = ("malignant", "benign")


@dataclass(frozen=True)
class MappedLabels:
    """Labels on a shared target.

    Args:
        labels: [n] the class of each row, or None where it is left out.
        reasons: [n] why it is left out, or None.
        source, target, indeterminate: as asked.
        left_out: reason → source label → number of rows; an absent label is "".
        settled: indeterminate source labels put on the side `indeterminate` → number of rows.
    """

    labels: list[str | None]
    reasons: list[Reason | None]
    source: str
    target: str
    indeterminate: str | None
    left_out: dict[Reason, dict[str, int]]
    settled: dict[str, int]

    @property
    def left_out_count(self) -> int:
        """Rows without a class."""
        return sum(sum(counts.values()) for counts in self.left_out.values())

    def recipe(self) -> dict[str, Any]:
        """What was done, JSON-plain, for the dataset's records."""
        return {
            "source": self.source,
            "target": self.target,
            "indeterminate": self.indeterminate,
            "left_out": {reason: dict(counts) for reason, counts in self.left_out.items()},
            "settled": dict(self.settled),
        }


def map_labels(
    labels: Sequence[str | None], source: str, target: str, indeterminate: str | None = None
) -> MappedLabels:
    """Map `labels` of `source` onto `target`.

    Args:
        labels: [n] labels as the source writes them; case and white space do not matter.
        source: name of the source they come from.
        target: "malignancy", "ham7", "isic1", "isic2" or "isic3".
        indeterminate: for "malignancy": "malignant" or "benign" puts indeterminate labels on
            that side; None leaves them out.

    Raises:
        UsageFault: there is no such source, target or side.
        DataError: labels that the taxonomy does not know; all are named.
    """
    _check(source, target, indeterminate)
    counts = Counter(labels)
    outcomes = _outcomes(counts, source, target)
    settled: dict[str, int] = {}
    left_out: dict[Reason, dict[str, int]] = {}
    for label, (_, reason) in outcomes.items():
        if reason == "indeterminate" and indeterminate is not None:
            settled[str(label)] = counts[label]
            outcomes[label] = (indeterminate, None)
        elif reason is not None:
            name = (label or "").strip()
            rows = left_out.setdefault(reason, {})
            rows[name] = rows.get(name, 0) + counts[label]
    classes = [outcomes[label][0] for label in labels]
    reasons = [outcomes[label][1] for label in labels]
    return MappedLabels(classes, reasons, source, target, indeterminate, left_out, settled)


def telling_labels(columns: Sequence[Sequence[str | None]], source: str) -> list[str | None]:
    """For each row, the first label that says something, else the first there is.

    Args:
        columns: labels of the same [n] rows, the finest first.
        source: name of the source they come from.
    """
    says = {label: _says_something(label, source) for column in columns for label in column}
    return [
        next((label for label in row if says[label]), None)
        or next((label for label in row if label and label.strip()), None)
        for row in zip(*columns, strict=True)
    ]


def _says_something(label: str | None, source: str) -> bool:
    """A label that the taxonomy does not know says something too: it is refused by name."""
    return bool(label and label.strip()) and concept_of(str(label), source) != UNKNOWN


def concept_of(label: str, source: str) -> Concept | None:
    """What `label` means in `source`, or None where the taxonomy does not know it."""
    known = LABELS[source].get(" ".join(label.casefold().split()))
    if known is None and source in TREE_SOURCES:
        place = find_node(label)
        return None if place is None else node_concept(place)
    return known


def _outcomes(labels: Iterable[str | None], source: str, target: str) -> dict[str | None, Outcome]:
    outcomes: dict[str | None, Outcome] = {}
    unmapped: list[str] = []
    for label in labels:
        if label is None or not label.strip():
            outcomes[label] = (None, "unlabelled")
            continue
        concept = concept_of(label, source)
        if concept is None:
            unmapped.append(label)
        else:
            outcomes[label] = TARGETS[target](concept)
    if unmapped:
        raise DataError(
            f"the taxonomy does not know {len(unmapped)} labels of {source}: "
            + ", ".join(map(repr, sorted(unmapped))),
            where=f"target {target}",
            hint="Correct them, or name a column in place of the target with --label COLUMN",
        )
    return outcomes


def _check(source: str, target: str, indeterminate: str | None) -> None:
    _known("source with shared targets", source, LABELS)
    _known("target", target, TARGETS)
    if indeterminate is not None:
        _known("side for indeterminate labels", indeterminate, SIDES)
        if target != "malignancy":
            raise UsageFault(
                f"indeterminate labels have a side on malignancy only, not on {target}",
                hint="Leave the side out, or choose the target malignancy",
            )


def _known(what: str, name: str, names: Iterable[str]) -> None:
    names = list(names)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        listed = ", ".join([*near, *(known for known in names if known not in near)])
        raise UsageFault(f"there is no {what} {name!r}", hint=f"Choose from: {listed}")
