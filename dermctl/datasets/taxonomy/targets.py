"""The shared targets, as functions of a concept.

- `malignancy`: malignant, benign. Indeterminate labels are left out, or put on a side.
- `ham7`: the seven classes of HAM10000.
- `isic1`, `isic2`, `isic3`: levels 1 to 3 of the ISIC archive's tree. Level 1 is Benign,
  Indeterminate or Malignant, and follows the tree, where inflammations are Benign: it is not
  the target `malignancy`.

A known label may still have no class on a target; the reason is one of `Reason`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

from dermctl.datasets.taxonomy.concepts import Concept
from dermctl.datasets.taxonomy.isic_tree import Node, node

Reason = Literal[
    "unlabelled",  # the row has no label
    "unknown",  # the label says that nothing is known
    "indeterminate",  # neither benign nor malignant, or both
    "non-neoplastic",  # no neoplasm, so neither a benign nor a malignant one
    "outside",  # the target has no such class
    "too coarse",  # the label does not say which of the target's classes it is
    "straddles",  # the label covers several of the target's classes
]

_HAM7 = {
    "Nevus": "nv",
    "Malignant melanocytic proliferations (Melanoma)": "mel",
    "Basal cell carcinoma": "bcc",
    "Solar or actinic keratosis": "akiec",
    "Squamous cell carcinoma in situ": "akiec",
    "Seborrheic keratosis": "bkl",
    "Solar lentigo": "bkl",
    "Lichen planus like keratosis": "bkl",
    "Pigmented benign keratosis": "bkl",
    "Dermatofibroma": "df",
    "Hemangioma": "vasc",
    "Angiokeratoma": "vasc",
    "Pyogenic granuloma": "vasc",
    "Hemorrhage": "vasc",
}
"""Name in the tree → class."""
HAM7_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
# Squamous cell carcinoma without more may be in situ, which is akiec, or invasive, which is not.
_HAM7_COARSE = frozenset({"Squamous cell carcinoma, NOS"})
_HAM7_VASCULAR = node("Benign soft tissue proliferations - Vascular")

Outcome = tuple[str | None, Reason | None]
"""The class, or None and the reason."""


def malignancy(concept: Concept) -> Outcome:
    """Malignant or benign."""
    if concept.malignancy in ("malignant", "benign"):
        return concept.malignancy, None
    return None, cast(Reason, concept.malignancy)


def ham7(concept: Concept) -> Outcome:
    """One of `HAM7_CLASSES`."""
    return _agreed(concept, _ham7_of)


def isic_level(level: int) -> Callable[[Concept], Outcome]:
    """The target of level 1, 2 or 3 of the ISIC tree."""

    def of_one(place: Node) -> Outcome:
        return (place[level - 1], None) if len(place) >= level else (None, "too coarse")

    return lambda concept: _agreed(concept, of_one)


def _ham7_of(place: Node) -> Outcome:
    for name in place:
        if name in _HAM7:
            return _HAM7[name], None
    if place == _HAM7_VASCULAR:  # the archive's name for HAM10000's vasc
        return "vasc", None
    if place[-1] in _HAM7_COARSE or any(_holds(place, name) for name in _HAM7):
        return None, "too coarse"
    return None, "outside"


def _holds(place: Node, name: str) -> bool:
    """Whether the diagnosis `name` lies below `place` in the tree."""
    return node(name)[: len(place)] == place


def _agreed(concept: Concept, of_one: Callable[[Node], Outcome]) -> Outcome:
    """The outcome on which all that a label covers agrees."""
    if not concept.nodes:
        known = concept.malignancy in ("malignant", "benign")
        return None, "too coarse" if known else cast(Reason, concept.malignancy)
    outcomes = {of_one(place) for place in concept.nodes}
    return outcomes.pop() if len(outcomes) == 1 else (None, "straddles")


TARGETS: dict[str, Callable[[Concept], Outcome]] = {
    "malignancy": malignancy,
    "ham7": ham7,
    "isic1": isic_level(1),
    "isic2": isic_level(2),
    "isic3": isic_level(3),
}
