"""An encoder of the zoo, as the commands show it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dermctl.models.zoo.about import About
from dermctl.models.zoo.shelf import short


@dataclass(frozen=True)
class InZoo:
    """An encoder that lies in the zoo.

    Args:
        name: that it has here.
        folder: it lies in.
        about: what stands in its ``about.json``.
    """

    name: str
    folder: Path
    about: About

    @property
    def short_sha256(self) -> str:
        """The beginning of its weights' checksum."""
        return short(self.about.sha256)

    @property
    def exposure(self) -> str:
        """What is known of the images that it has seen, in words."""
        note = self.about.exposure
        if note is None:
            return "unknown"
        images = note["trained_on"] + note["selected_on"]
        return f"{note['state']}, {images:,} images"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self.about), "name": self.name, "folder": str(self.folder)}
