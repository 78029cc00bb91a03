"""The ISIC archive's tree of diagnoses, onto which all sources' labels are mapped.

The tree is that of the archive's metadata schema (diagnosis_1 to diagnosis_5); levels 1 to 3
are kept. See `isic_diagnoses.txt` beside this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

Node = tuple[str, ...]
"""A diagnosis by its names on levels 1, 2 and 3; shorter where it is coarser."""

DEPTH = 3
_INDENT = 2  # spaces a level


def find_node(label: str) -> Node | None:
    """The node that a diagnosis of any level means, whatever its case; None: there is none.

    Args:
        label: a name ("Nevus, Acral"), or a whole path with ":" or "::" between its levels.
    """
    name = _key(label.split(":")[-1])
    names = _nodes_by_name()
    if name in names:
        return names[name]
    # "Squamous cell carcinoma, Invasive, Clear cell": cut at the commas, longest first.
    while "," in name:
        name = name.rpartition(",")[0]
        if name in names:
            return names[name]
    return None


def node(name: str) -> Node:
    """The node called `name`.

    Raises:
        KeyError: there is none.
    """
    return _nodes_by_name()[_key(name)]


@cache
def all_nodes() -> tuple[Node, ...]:
    """Every node, parents first."""
    return tuple(dict.fromkeys(_nodes_by_name().values()))


@cache
def _nodes_by_name() -> dict[str, Node]:
    found: dict[str, Node] = {}
    path: list[str] = []
    for depth, names in _entries():
        path = [*path[:depth], names[0]]
        for name in names:
            if _key(name) in found:
                raise ValueError(f"two diagnoses are called {name!r}")
            found[_key(name)] = tuple(path[:DEPTH])
    return found


def _entries() -> Iterator[tuple[int, list[str]]]:
    """Yield (depth, [name, other spellings...]) for each line of the outline."""
    text = (files(__package__) / "isic_diagnoses.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        entry = line.strip()
        if entry and not entry.startswith("#"):
            depth = (len(line) - len(line.lstrip())) // _INDENT
            yield depth, [name.strip() for name in entry.split(" = ")]


def _key(name: str) -> str:
    return " ".join(name.casefold().split())
