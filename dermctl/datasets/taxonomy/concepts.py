"""What a label means: the diagnoses it covers, and whether it is a neoplasm at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dermctl.datasets.taxonomy.isic_tree import Node, node

Malignancy = Literal["malignant", "benign", "indeterminate", "non-neoplastic", "unknown"]

# Places of the ISIC tree, under "Benign", that are no benign neoplasms.
NON_NEOPLASTIC_NAMES = (
    "Exogenous",
    "Hemorrhagic lesions",
    "Inflammatory or infectious diseases",
    "Scar",
)
_LEVEL_1: dict[str, Malignancy] = {
    "Benign": "benign",
    "Indeterminate": "indeterminate",
    "Malignant": "malignant",
}


@dataclass(frozen=True)
class Concept:
    """What a label means.

    Args:
        nodes: the diagnoses of the ISIC tree that it may be; empty where the tree has none.
        malignancy: what it is on the target `malignancy`.
    """

    nodes: tuple[Node, ...]
    malignancy: Malignancy


def concept(*names: str, malignancy: Malignancy | None = None) -> Concept:
    """The concept of a label that covers the diagnoses `names` of the ISIC tree.

    Args:
        names: names in the tree.
        malignancy: the publisher's own word, where it differs from what the tree says; a label
            whose diagnoses disagree is indeterminate.
    """
    nodes = tuple(node(name) for name in names)
    return Concept(nodes, malignancy or _malignancy_of(nodes))


def node_concept(place: Node) -> Concept:
    """The concept of one diagnosis of the tree."""
    return Concept((place,), _malignancy_of((place,)))


def _malignancy_of(nodes: tuple[Node, ...]) -> Malignancy:
    values = {_of_one(place) for place in nodes}
    return values.pop() if len(values) == 1 else "indeterminate"


def _of_one(place: Node) -> Malignancy:
    if any(name in place for name in NON_NEOPLASTIC_NAMES):
        return "non-neoplastic"
    return _LEVEL_1[place[0]]


UNKNOWN = Concept((), "unknown")
"""A label that says that nothing is known."""
