"""``data taxonomy``: which class each label of a source has on each shared target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dermctl.datasets.taxonomy import COLUMNS, LABELS, TARGETS, map_labels
from dermctl.datasets.taxonomy.isic_tree import all_nodes
from dermctl.datasets.taxonomy.source_labels import TREE_SOURCES
from dermctl.errors import UsageFault


@dataclass(frozen=True)
class Taxonomy:
    """The labels of one source.

    Args:
        source: its name.
        columns: where its labels stand, the finest first.
        labels: label -> target -> class, or the reason in brackets why it has none.
    """

    source: str
    columns: tuple[str, ...]
    labels: Mapping[str, Mapping[str, str]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = {label: dict(classes) for label, classes in self.labels.items()}
        return {"source": self.source, "columns": list(self.columns), "labels": plain}


def taxonomy(source: str | None = None) -> list[Taxonomy]:
    """The labels of one source, or of all that have shared targets.

    Raises:
        UsageFault: the source has none.
    """
    if source is not None and source not in COLUMNS:
        raise UsageFault(
            f"the taxonomy does not know the labels of '{source}'",
            hint=f"Choose from: {', '.join(COLUMNS)}",
        )
    return [_of(name) for name in COLUMNS if source in (None, name)]


def _of(source: str) -> Taxonomy:
    labels = list(LABELS[source])
    if source in TREE_SOURCES:
        labels += [node[-1] for node in all_nodes() if node[-1].casefold() not in LABELS[source]]
    mapped = {target: map_labels(labels, source, target) for target in TARGETS}
    classes = {
        label: {
            target: found.labels[place] or f"({found.reasons[place]})"
            for target, found in mapped.items()
        }
        for place, label in enumerate(labels)
    }
    return Taxonomy(source, COLUMNS[source], classes)
