"""``zoo list``: what lies in the zoo, and what can be pulled by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dermctl.core.zoo.known import KNOWN, Known
from dermctl.core.zoo.results import InZoo
from dermctl.models.zoo.shelf import Damaged, entries
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class ZooListing:
    """What there is.

    Args:
        folder: the zoo.
        encoders: by name.
        damaged: folders whose ``about.json`` cannot be read.
        known: encoders that can be pulled by name.
    """

    folder: Path
    encoders: tuple[InZoo, ...]
    damaged: tuple[Damaged, ...]
    known: tuple[Known, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "zoo": str(self.folder),
            "encoders": [each.to_json() for each in self.encoders],
            "damaged": [asdict(each) for each in self.damaged],
            "known": [asdict(each) for each in self.known],
        }


def list_zoo(workspace: Workspace) -> ZooListing:
    """All encoders by name; weights are held against their checksums when they are loaded."""
    zoo = workspace.zoo
    found, damaged = entries(zoo)
    encoders = tuple(InZoo(name, zoo / name, about) for name, about in found)
    return ZooListing(zoo, encoders, tuple(damaged), KNOWN)
