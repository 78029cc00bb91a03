"""``data sample``: the synthetic sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.datasets.synthetic import draw_sample
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class Sample:
    """What was drawn."""

    folder: Path
    images: int
    patients: int
    lesions: int
    classes: Mapping[str, int]
    defects: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "folder": str(self.folder),
            "images": self.images,
            "patients": self.patients,
            "lesions": self.lesions,
            "classes": dict(self.classes),
            "defects": dict(self.defects),
            "synthetic": True,
        }


def sample(folder: Path, *, images: int, seed: int, progress: Progress = SILENT) -> Sample:
    """Draw the sample into ``folder``.

    Raises:
        DataError: when the folder holds anything but an earlier sample.
    """
    drawn = draw_sample(folder, images=images, seed=seed, progress=progress)
    return Sample(
        folder=drawn.folder,
        images=drawn.images,
        patients=drawn.patients,
        lesions=drawn.lesions,
        classes=drawn.classes,
        defects={name: len(ids) for name, ids in drawn.defects.items()},
    )
