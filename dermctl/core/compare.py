"""``compare``: evaluations side by side on the same test images, with paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dermctl.core.comparing.published import Published, published_beside
from dermctl.core.comparing.saved import SavedResult, find_result, read_result
from dermctl.errors import DataError, UsageFault
from dermctl.files import write_json
from dermctl.metrics.bootstrap import RESAMPLES, Interval
from dermctl.metrics.delong import AurocTest, delong_per_class
from dermctl.metrics.paired import paired_difference
from dermctl.progress import SILENT, Progress
from dermctl.workspace import Workspace

COMPARISON_FILE = "comparison.json"


@dataclass(frozen=True)
class Contrast:
    """One run against the first.

    Args:
        name: of the run.
        differences: metric → this run minus the first, with its interval.
        tests: class → DeLong's test of this run's AUROC against the first's.
    """

    name: str
    differences: dict[str, Interval]
    tests: dict[str, AurocTest]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run": self.name,
            "differences": {name: each.to_json() for name, each in self.differences.items()},
            "auroc_tests": {name: each.to_json() for name, each in self.tests.items()},
        }


@dataclass(frozen=True)
class Compared:
    """Runs side by side.

    Args:
        results: the runs, the first of them the one that the others are held against.
        contrasts: one for each other run.
        groups: how many are resampled.
        published: of papers on the same images and classes.
        file: where it was written, if anywhere.
    """

    results: tuple[SavedResult, ...]
    contrasts: tuple[Contrast, ...]
    groups: int
    published: tuple[Published, ...] = field(default=())
    file: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        first = self.results[0].document
        return {
            "dataset": first["dataset"],
            "split": first["split"],
            "images": len(self.results[0].predictions.hashes),
            "groups": self.groups,
            "test_sha256": first["test_sha256"],
            "classes": list(self.results[0].classes),
            "runs": [
                {
                    "name": result.name,
                    "folder": str(result.folder),
                    "checkpoint": result.document.get("checkpoint"),
                    "leak_check": result.document.get("leak_check"),
                    "metrics": metrics_of(result),
                }
                for result in self.results
            ],
            "against_the_first": [contrast.to_json() for contrast in self.contrasts],
            "published": [
                {"source": row.source, "model": row.model, "note": row.note, **row.metrics}
                for row in self.published
            ],
            "research_use_only": True,
        }


def metrics_of(result: SavedResult) -> dict[str, Any]:
    """The overall metrics of a result, with their intervals, as ``metrics.json`` has them."""
    return dict(result.document.get("intervals", {}))


def compare(
    workspace: Workspace,
    runs: Sequence[str],
    *,
    on: str | None = None,
    out: Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Compared:
    """Hold runs against the first of them, on the same test images.

    Differences have paired bootstrap intervals over groups; the AUROCs of each class DeLong's
    test in its clustered form (Obuchowski 1997), with Holm's correction over the classes.

    Args:
        workspace: where runs are looked for by name.
        runs: at least two, see ``find_result``.
        on: which evaluation of each run; None: the newest.
        out: folder of ``comparison.json``; None: nothing is written.
        resamples: of the bootstrap.
        seed: likewise.
        progress: one unit a run.

    Raises:
        UsageFault: fewer than two runs, one that is not there or has not been evaluated.
        DataError: results on other images or classes, or damaged ones.
    """
    if len(runs) < 2:
        raise UsageFault("one run cannot be compared", hint="Name two or more: a run, a checkpoint")
    files = [find_result(workspace, asked, on) for asked in runs]
    results = [
        read_result(file, name) for file, name in zip(files, _names(runs, files), strict=True)
    ]
    for file in files:
        progress.say(f"results: {file}")
    if len({_how_run(result) for result in results}) > 1:
        progress.say(
            "warning: not all were run alike (test-time augmentation, ensemble): name the "
            "evaluation with --on to compare like with like"
        )
    first = results[0]
    for other in results[1:]:
        check_alike(first, other)
    groups = np.unique(np.array(first.predictions.groups), return_inverse=True)[1]
    contrasts = []
    with progress.task("compare", len(results) - 1, unit="runs") as task:
        for other in results[1:]:
            contrasts.append(_contrast(first, other, groups, resamples, seed))
            task.advance()
    written = None if out is None else out / COMPARISON_FILE
    found = Compared(
        tuple(results),
        tuple(contrasts),
        int(groups.max()) + 1,
        tuple(published_beside(first.document)),
        written,
    )
    if written is not None:
        written.parent.mkdir(parents=True, exist_ok=True)
        write_json(written, found.to_json())
    return found


def _how_run(result: SavedResult) -> tuple[bool, int]:
    """Whether over several views, and with how many further models."""
    return bool(result.document.get("tta")), len(result.document.get("ensemble_sha256") or ())


def check_alike(first: SavedResult, other: SavedResult) -> None:
    """Refuse results that are not of the same images, labels and classes.

    Raises:
        DataError: saying what differs.
    """
    if first.classes != other.classes:
        only = sorted(set(first.classes) ^ set(other.classes))
        raise DataError(
            f"{first.name} and {other.name} tell other classes apart: {', '.join(only[:6])}",
            where=other.folder,
            hint="Compare runs of the same label",
        )
    here, there = first.predictions, other.predictions
    same = first.document["test_sha256"] == other.document["test_sha256"]
    if same and here.hashes == there.hashes and np.array_equal(here.labels, there.labels):
        return
    shared = len(set(here.hashes) & set(there.hashes))
    raise DataError(
        f"{first.name} and {other.name} were not evaluated on the same images: "
        f"{len(here.hashes):,} and {len(there.hashes):,}, of which {shared:,} are the same",
        where=other.folder,
        hint="Evaluate both on the same dataset and split, then name it with --on DATASET-SPLIT",
    )


def _contrast(
    first: SavedResult, other: SavedResult, groups: Any, resamples: int, seed: int
) -> Contrast:
    labels = first.predictions.labels
    pair = other.predictions.probabilities, first.predictions.probabilities
    return Contrast(
        other.name,
        paired_difference(labels, *pair, groups, resamples=resamples, seed=seed),
        delong_per_class(labels, *pair, first.classes, groups),
    )


def _names(asked: Sequence[str], files: Sequence[Path]) -> list[str]:
    """The runs' own names, as short as they stay different."""
    names = []
    for word, file in zip(asked, files, strict=True):
        run = file.parent.parent.parent if file.parent.parent.name == "evaluation" else file.parent
        names.append(run.name or word)
    if len(set(names)) < len(names):  # several evaluations of one run
        names = [f"{name}/{file.parent.name}" for name, file in zip(names, files, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{number}: {name}" for number, name in enumerate(names, start=1)]
    return names
