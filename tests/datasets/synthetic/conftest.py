"""One small sample for all tests that only read it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

from dermctl.datasets.synthetic import SampleSummary, draw_sample


@dataclass(frozen=True)
class Drawn:
    summary: SampleSummary
    header: list[str]
    rows: list[dict[str, str]]

    @property
    def folder(self) -> Path:
        return self.summary.folder

    def path(self, img_id: str) -> Path:
        (found,) = self.folder.glob(f"images/imgs_part_*/{img_id}")
        return found


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    summary = draw_sample(tmp_path_factory.mktemp("synthetic") / "sample", images=60, seed=3)
    with (summary.folder / "metadata.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    return Drawn(summary, list(reader.fieldnames or []), rows)
