"""Grouped, stratified folds: balance and time against scikit-learn's StratifiedGroupKFold.

On the lesions of HAM10000, the patients of PAD-UFES-20 and patients drawn at random, k folds each.
Imbalance is the mean distance of the labels' shares in the folds from 1/k. Both take turns within
each round, each round with a seed of its own; a figure is the median of the rounds.

    python -m tests.benchmarks.splits --json
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from dermctl.datasets.folds import grouped_folds
from tests.conftest import ROOT

Table = tuple[list[str], list[str]]
"""Group and label of every image."""


def tables(data: Path) -> dict[str, Table]:
    found = {"drawn at random": random_patients(3000)}
    for name, file, group, label in (
        ("HAM10000", "ham10000/HAM10000_metadata.csv", "lesion_id", "dx"),
        ("PAD-UFES-20", "pad-ufes-20/metadata.csv", "patient_id", "diagnostic"),
    ):
        if (data / file).exists():
            with (data / file).open() as rows:
                pairs = [(row[group], row[label]) for row in csv.DictReader(rows)]
            found[name] = ([group for group, _ in pairs], [label for _, label in pairs])
    return found


def random_patients(patients: int) -> Table:
    """Few patients with many images, labels as unequal as in practice."""
    rng = np.random.default_rng(0)
    groups: list[str] = []
    labels: list[str] = []
    for patient in range(patients):
        size = int(min(60, rng.pareto(1.2) + 1))
        groups += [f"p{patient}"] * size
        labels += rng.choice(
            list("abcdefg"), size, p=np.array([60, 15, 10, 8, 4, 2, 1]) / 100
        ).tolist()
    return groups, labels


def theirs(groups: Sequence[str], labels: Sequence[str], k: int, seed: int) -> list[int]:
    folds = np.empty(len(groups), dtype=int)
    splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(splitter.split(np.zeros(len(groups)), labels, groups)):
        folds[rows] = fold
    return folds.tolist()


def imbalance(folds: Sequence[int], labels: Sequence[str], k: int) -> float:
    sizes = Counter(labels)
    cells = Counter(zip(folds, labels, strict=True))
    return statistics.mean(
        abs(cells[fold, x] / sizes[x] - 1 / k) for x in sizes for fold in range(k)
    )


def measure(
    split: Callable[[Sequence[str], Sequence[str], int, int], list[int]],
    table: Table,
    k: int,
    seed: int,
) -> tuple[float, float]:
    """CPU seconds and imbalance of one division."""
    start = time.process_time()
    folds = split(*table, k, seed)
    return time.process_time() - start, imbalance(folds, table[1], k)


def figure(own: Sequence[float], other: Sequence[float], unit: str) -> dict[str, object]:
    ratios = [b / a for a, b in zip(own, other, strict=True) if a > 0]
    return {
        "ratio": statistics.median(ratios) if ratios else None,
        "ours": statistics.median(own),
        "peer": statistics.median(other),
        "unit": unit,
        "rounds": len(own),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures: dict[str, dict[str, object]] = {}
    for name, table in tables(args.data).items():
        own, other = [], []
        for seed in range(args.rounds):
            own.append(measure(grouped_folds, table, args.folds, seed))
            other.append(measure(theirs, table, args.folds, seed))
        for position, unit in enumerate(("CPU seconds", "imbalance")):
            ours, peers = ([each[position] for each in side] for side in (own, other))
            figures[f"{name}, {unit}"] = figure(ours, peers, unit)
            print(
                f"{name:16s} {unit:12s} ours {statistics.median(ours):.5f} "
                f"({min(ours):.5f} to {max(ours):.5f}), scikit-learn "
                f"{statistics.median(peers):.5f} ({min(peers):.5f} to {max(peers):.5f})"
            )
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
