"""Percentile bootstrap intervals, resampling clusters (patients), not images.

Images of one patient resemble each other; resampling images would pretend that they do not and
give intervals that are too narrow. A resample draws as many clusters as there are, with
replacement, and takes all images of each as often as it was drawn; the interval runs from the
2.5th to the 97.5th percentile of the metric over the resamples (Efron 1979; Field & Welsh 2007 for
clusters). The same seed gives the same resamples to every metric and every model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dermctl.metrics.inputs import FloatArray
from dermctl.metrics.results import plain_fields

RESAMPLES = 2000
CONFIDENCE = 0.95
# Resamples in one pass: enough to fill vector registers, few enough to stay in the cache.
BATCH = 32

# Cluster weights [clusters, B] → metric name → values [..., B].
Statistics = Callable[[FloatArray], Mapping[str, FloatArray]]


@dataclass(frozen=True)
class Interval:
    """A metric with its 95 % percentile bootstrap interval.

    A width of zero says that all clusters agree (every melanoma found, say), not that the value is
    certain: resampling cannot show what was never observed.

    Attributes:
        value: on the images themselves; NaN where undefined.
        low, high: bounds; NaN if no resample defines the metric.
        undefined_resamples: resamples without a value; the bounds leave them out.
        resamples: how many were drawn.
        partial_resamples: resamples in which an average ran over fewer classes than `value` does,
            because a class was not drawn.
    """

    value: float
    low: float
    high: float
    undefined_resamples: int
    resamples: int
    partial_resamples: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return plain_fields(self)


def cluster_weights(clusters: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """How often each cluster is drawn, in batches [clusters, B]; every column sums to `clusters`.

    Resample r depends on (seed, r) alone, so neither the batch size nor the number of resamples
    changes it.
    """
    for start in range(0, resamples, BATCH):
        batch = range(start, min(start + BATCH, resamples))
        weights = np.empty((clusters, len(batch)))
        for column, resample in enumerate(batch):
            draws = np.random.default_rng([seed, resample]).integers(0, clusters, clusters)
            weights[:, column] = np.bincount(draws, minlength=clusters)
        yield weights


@dataclass(frozen=True)
class Distribution:
    """Statistics on the images themselves and over the resamples.

    Attributes:
        values: name → [...] on the images.
        samples: name → [..., R] over the resamples.
    """

    values: dict[str, FloatArray]
    samples: dict[str, FloatArray]

    def without_spread(self) -> Distribution:
        """The values alone, every resample undefined: what images of a single cluster give."""
        blank = {name: np.full_like(row, np.nan) for name, row in self.samples.items()}
        return Distribution(self.values, blank)

    def interval(self, name: str, partial: int = 0) -> Interval:
        """The interval of a statistic that is one number."""
        return percentile_interval(float(self.values[name]), self.samples[name], partial)

    def intervals(self, name: str) -> list[Interval]:
        """The intervals of a statistic [C], class by class."""
        pairs = zip(self.values[name], self.samples[name], strict=True)
        return [percentile_interval(float(value), samples) for value, samples in pairs]


def bootstrap(
    statistics: Statistics, clusters: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Distribution:
    """Evaluate statistics on the images (every cluster once) and on each resample.

    A single cluster cannot vary: all its resamples are undefined.
    """
    values = {name: row[..., 0] for name, row in statistics(np.ones((clusters, 1))).items()}
    samples = {name: np.empty((*value.shape, resamples)) for name, value in values.items()}
    distribution = Distribution(values, samples)
    if clusters < 2:
        return distribution.without_spread()
    done = 0
    for weights in cluster_weights(clusters, resamples, seed):
        batch = slice(done, done + weights.shape[1])
        for name, row in statistics(weights).items():
            samples[name][..., batch] = row
        done = batch.stop
    return distribution


def percentile_interval(value: float, samples: FloatArray, partial: int = 0) -> Interval:
    """The central 95 % of the defined samples [R], with linear interpolation between them."""
    defined = samples[~np.isnan(samples)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail]) if defined.size else (np.nan, np.nan)
    undefined = len(samples) - len(defined)
    return Interval(value, float(low), float(high), undefined, len(samples), partial)


def per_class_to_json(per_class: Mapping[str, Mapping[str, Interval]]) -> dict[str, Any]:
    """Class name → metric → interval, as plain values."""
    return {
        class_name: {name: interval.to_json() for name, interval in metrics.items()}
        for class_name, metrics in per_class.items()
    }
