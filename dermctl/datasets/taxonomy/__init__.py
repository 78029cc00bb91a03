"""Shared targets for labels of different sources.

Each source's label is mapped to the diagnoses that it covers in the ISIC archive's tree
(`source_labels`, `fitzpatrick_labels`, `isic_diagnoses.txt`), and from there to a target
(`targets`): malignancy, HAM10000's seven classes, or a level of the tree.

- A label that straddles is left out and counted: HAM10000's `akiec` is actinic keratosis or
  Bowen's disease, so on malignancy it is indeterminate, as actinic keratosis itself is. Such
  labels can be put on a side, and that is recorded.
- What is no neoplasm is no benign neoplasm: it is left out of malignancy, and counted.
- A label that the taxonomy does not know is refused by name, never dropped.
"""

from dermctl.datasets.taxonomy.mapping import (
    SIDES,
    MappedLabels,
    concept_of,
    map_labels,
    telling_labels,
)
from dermctl.datasets.taxonomy.source_labels import COLUMNS, LABELS
from dermctl.datasets.taxonomy.targets import HAM7_CLASSES, TARGETS

__all__ = [
    "COLUMNS",
    "HAM7_CLASSES",
    "LABELS",
    "SIDES",
    "TARGETS",
    "MappedLabels",
    "concept_of",
    "map_labels",
    "telling_labels",
]
