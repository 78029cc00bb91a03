"""Cluster bootstrap: its speed against a scikit-learn loop, and the coverage of its intervals.

Speed: CPU seconds per resample of ours and of scikit-learn's functions called on the drawn images,
taking turns within each round; a figure is the median of the rounds' ratios. The areas are also
compared, resample by resample. Coverage: how often the 95 % interval holds the population's value,
over simulated studies in which a patient has several images that resemble each other.

    python -m tests.benchmarks.bootstrap --json
    python -m tests.benchmarks.bootstrap --coverage --clusters 50 200 --simulations 1000
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import sklearn.metrics as sk

from dermctl.metrics.bootstrap import bootstrap
from dermctl.metrics.headline import Headline
from dermctl.metrics.inputs import FloatArray, IntArray
from dermctl.metrics.ranks import OneVsRest, auroc
from dermctl.metrics.summary import evaluate_predictions

COVERED = ("balanced_accuracy", "auroc")
CLASSES = 3  # of the simulated studies
POPULATION = 200_000  # clusters that stand for the whole population

Predictions = tuple[IntArray, FloatArray]


def make_predictions(images: int, classes: int) -> Predictions:
    """A fair model's predictions, classes as unequal as in practice."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, classes + 1)
    labels = rng.choice(classes, images, p=share / share.sum())
    odds = np.exp(rng.normal(size=(images, classes)) + 1.5 * np.eye(classes)[labels])
    return labels, odds / odds.sum(axis=1, keepdims=True)


def our_areas(predictions: Predictions, resamples: int) -> FloatArray:
    """Macro AUROC of each resample, every image a cluster."""
    labels, probabilities = predictions
    images, classes = probabilities.shape
    ranks = OneVsRest(
        labels[:, None] == np.arange(classes), probabilities, np.arange(images), images
    )

    def macro(weights: FloatArray) -> dict[str, FloatArray]:
        return {"auroc": np.stack([auroc(ranked) for ranked in ranks.classes(weights)]).mean(0)}

    return bootstrap(macro, images, resamples=resamples, seed=0).samples["auroc"]


def our_headline(predictions: Predictions, resamples: int) -> FloatArray:
    """Every headline metric of each resample; the macro AUROC is handed back."""
    labels, probabilities = predictions
    headline = Headline(labels, probabilities, np.arange(len(labels)), len(labels))
    return bootstrap(headline, len(labels), resamples=resamples, seed=0).samples["auroc"]


def loop(
    score: Callable[[IntArray, FloatArray], float], predictions: Predictions, resamples: int
) -> FloatArray:
    """The same draws, one resample after the other."""
    labels, probabilities = predictions
    images, scores = len(labels), []
    for resample in range(resamples):
        drawn = np.random.default_rng([0, resample]).integers(0, images, images)
        scores.append(score(labels[drawn], probabilities[drawn]))
    return np.array(scores)


def their_areas(labels: IntArray, probabilities: FloatArray) -> float:
    """One-vs-rest AUROC of every class by scikit-learn, averaged."""
    classes = range(probabilities.shape[1])
    return float(np.mean([sk.roc_auc_score(labels == c, probabilities[:, c]) for c in classes]))


def their_headline(labels: IntArray, probabilities: FloatArray) -> float:
    """Those of the headline metrics that scikit-learn has."""
    decided = probabilities.argmax(axis=1)
    one_hot = labels[:, None] == np.arange(probabilities.shape[1])
    sk.accuracy_score(labels, decided)
    sk.balanced_accuracy_score(labels, decided)
    sk.precision_recall_fscore_support(labels, decided)
    sk.top_k_accuracy_score(labels, probabilities, k=3)
    sk.brier_score_loss(labels, probabilities, scale_by_half=False)
    sk.average_precision_score(one_hot, probabilities)
    return their_areas(labels, probabilities)


def cpu_seconds(work: Callable[[], FloatArray]) -> tuple[float, FloatArray]:
    """CPU seconds of one call, and what it returns."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def measure_speed(
    args: argparse.Namespace, ours: Callable[[Predictions, int], FloatArray], theirs: Callable
) -> dict[str, object]:
    """Median ratio of CPU seconds per resample, and the greatest difference in value."""
    predictions = make_predictions(args.images, args.classes)
    few = args.peer_resamples
    own, other, worst = [], [], 0.0
    for _ in range(args.rounds):
        seconds, fast = cpu_seconds(lambda: ours(predictions, args.resamples))
        own.append(seconds / args.resamples)
        seconds, slow = cpu_seconds(lambda: loop(theirs, predictions, few))
        other.append(seconds / few)
        worst = max(worst, float(np.abs(fast[:few] - slow).max()))
    ratios = [slow / fast for fast, slow in zip(own, other, strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "ours": statistics.median(own),
        "peer": statistics.median(other),
        "unit": "CPU seconds per resample",
        "rounds": args.rounds,
        "greatest_difference": worst,
    }


def simulate(clusters: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray, IntArray]:
    """A study: 1 to 5 images a patient, who has a usual class and a look of their own."""
    patients = np.repeat(np.arange(clusters), rng.integers(1, 6, clusters))
    usual = rng.choice(CLASSES, clusters, p=[0.5, 0.3, 0.2])[patients]
    labels = np.where(
        rng.random(len(patients)) < 0.6, usual, rng.integers(0, CLASSES, len(patients))
    )
    look = rng.normal(size=(clusters, CLASSES))[patients]
    noise = rng.normal(size=(len(patients), CLASSES))
    odds = np.exp(1.5 * np.eye(CLASSES)[labels] + look + noise)
    return labels, odds / odds.sum(axis=1, keepdims=True), patients


def measure_coverage(args: argparse.Namespace, clusters: int) -> dict[str, dict[str, object]]:
    """Share of simulated studies whose interval holds the population's value, per metric."""
    labels, probabilities, _ = simulate(POPULATION, np.random.default_rng(12345))
    decided = probabilities.argmax(axis=1)
    truth = {
        "balanced_accuracy": sk.balanced_accuracy_score(labels, decided),
        "auroc": their_areas(labels, probabilities),
    }
    names = [str(c) for c in range(CLASSES)]
    held = dict.fromkeys(COVERED, 0)
    for study in range(args.simulations):
        drawn = simulate(clusters, np.random.default_rng([clusters, study]))
        evaluation = evaluate_predictions(
            *drawn, names, resamples=args.coverage_resamples, seed=study
        )
        for name in COVERED:
            interval = evaluation.intervals[name]
            held[name] += interval.low <= truth[name] <= interval.high
    return {name: _coverage(held[name], args.simulations) for name in COVERED}


def _coverage(held: int, simulations: int) -> dict[str, object]:
    share = held / simulations
    return {
        "ratio": share / 0.95,
        "ours": 100 * share,
        "peer": 95.0,
        "unit": "% of intervals that hold the true value",
        "standard_error": 100 * math.sqrt(share * (1 - share) / simulations),
        "rounds": simulations,
    }


def main() -> None:
    """Measure and print; with --json the last line is one object of figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=9)
    parser.add_argument("--resamples", type=int, default=2000, help="of ours, per round")
    parser.add_argument("--peer-resamples", type=int, default=10, help="of the loop, per round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--coverage", action="store_true", help="measure coverage, not speed")
    parser.add_argument("--clusters", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--coverage-resamples", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures: dict[str, object] = {}
    if args.coverage:
        for clusters in args.clusters:
            for name, figure in measure_coverage(args, clusters).items():
                figures[f"coverage of {name}, {clusters} clusters"] = figure
                print(
                    f"{clusters} clusters, {name}: {figure['ours']:.1f} % "
                    f"± {figure['standard_error']:.1f} of 95 % intervals hold the true value"
                )
    else:
        for name, ours, theirs in (
            ("AUROC against a scikit-learn loop", our_areas, their_areas),
            ("all metrics against a scikit-learn loop", our_headline, their_headline),
        ):
            figure = measure_speed(args, ours, theirs)
            figures[name] = figure
            print(
                f"{name}: × {figure['ratio']:.1f} (from {figure['low']:.1f} to "
                f"{figure['high']:.1f}); {figure['ours'] * args.resamples:.2f} CPU seconds for "
                f"{args.resamples} resamples; AUROC differs by {figure['greatest_difference']:.1e}"
            )
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
