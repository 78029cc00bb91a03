"""``finetune`` several times: with one seed after another, or over the folds of the data."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import Any

from dermctl.config.trainings import FinetuneConfig
from dermctl.core.finetune import Finetuned, finetune, rehearse_finetuning
from dermctl.core.finetuning.rows import Fold
from dermctl.errors import UsageFault
from dermctl.progress import SILENT, Progress
from dermctl.training import DryRun
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class Repeated:
    """What came of several trainings.

    Args:
        trainings: one after another.
        names: what each of them is: ``seed 0``, ``fold 1``.
        monitor: the validation score that the figures are of.
    """

    trainings: tuple[Finetuned, ...]
    names: tuple[str, ...]
    monitor: str

    @property
    def mean(self) -> float:
        """Of the best validation scores."""
        return statistics.fmean(training.best for training in self.trainings)

    @property
    def spread(self) -> float:
        """Their standard deviation (n - 1)."""
        return statistics.stdev(training.best for training in self.trainings)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "monitor": self.monitor,
            "mean": self.mean,
            "standard_deviation": self.spread,
            "trainings": [
                {"name": name, **training.to_json()}
                for name, training in zip(self.names, self.trainings, strict=True)
            ],
        }


def is_repeated(config: FinetuneConfig) -> bool:
    """Whether a configuration asks for more than one training."""
    return config.seeds > 1 or config.folds > 0


def repeat(workspace: Workspace, config: FinetuneConfig, progress: Progress = SILENT) -> Repeated:
    """Train once a seed, or once a fold, or once a fold and seed; each is a run of its own.

    Raises:
        UsageFault: a single fold.
    """
    plan = _trainings(config)
    trainings, names = [], []
    with progress.task("trainings", len(plan), unit="trainings") as task:
        for fold, seed in plan:
            words = [] if fold is None else [f"fold {fold.number + 1}"]
            if config.seeds > 1:
                words.append(f"seed {seed}")
            suffix = "".join(f"-{word.replace(' ', '')}" for word in words)
            one = replace(config, seed=seed, seeds=1)
            trainings.append(finetune(workspace, one, progress, fold=fold, suffix=suffix))
            names.append(", ".join(words))
            task.advance()
    return Repeated(tuple(trainings), tuple(names), config.monitor)


def rehearse_trainings(
    workspace: Workspace, config: FinetuneConfig, progress: Progress = SILENT
) -> DryRun:
    """Rehearse the first of the trainings that ``config`` asks for, be it one or many.

    Raises:
        DermctlError: as ``repeat``.
    """
    plan = _trainings(config)
    fold, seed = plan[0]
    one = replace(config, seed=seed, seeds=1)
    found = rehearse_finetuning(workspace, one, progress, fold=fold)
    return replace(
        found,
        trainings=len(plan),
        steps=len(plan) * found.steps,
        seconds=len(plan) * found.seconds,
    )


def _trainings(config: FinetuneConfig) -> list[tuple[Fold | None, int]]:
    """Fold and seed of each training."""
    if config.folds == 1:
        raise UsageFault("one fold is no cross-validation", where="--folds 1", hint="Take 5")
    parts: list[Fold | None] = [
        Fold(number, config.folds, config.seed) for number in range(config.folds)
    ]
    seeds = range(config.seed, config.seed + config.seeds)
    return [(fold, seed) for fold in parts or [None] for seed in seeds]
