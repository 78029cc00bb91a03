"""The audit of one column (skin type, sex, age band …): how each subgroup fares against the best.

Every subgroup gets its number of images, every overall metric with its interval, and the gap to
the best subgroup, all from the same resamples of clusters. Subgroups with few images are shown but
not ranked; images whose value is unknown stand apart and enter no comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.errors import DataError
from dermctl.metrics.bootstrap import RESAMPLES, Distribution, bootstrap, percentile_interval
from dermctl.metrics.fairness import count_decisions, disparities
from dermctl.metrics.headline import LOWER_IS_BETTER, MACRO_OF, MIN_TPR, OVERALL, Headline
from dermctl.metrics.inputs import (
    FloatArray,
    IntArray,
    check_predictions,
    clusters_in,
    encode_clusters,
)
from dermctl.metrics.permutation import PERMUTATIONS, permuted_disparities
from dermctl.metrics.subgroup_results import Disparity, Gap, Subgroup, SubgroupAudit
from dermctl.metrics.summary import (
    check_class_names,
    explain_undefined,
    overall_intervals,
    per_class_intervals,
)

# Below this many images a subgroup is shown, not ranked.
MIN_IMAGES = 30
UNKNOWN = "unknown"
# What stands for "not recorded" in the sources, compared without case.
UNKNOWN_VALUES = frozenset({"", "unknown", "unk", "nan", "none", "<na>", "-1", "-1.0"})


def audit_subgroups(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    values: Sequence[Any] | npt.ArrayLike,
    groups: Sequence[Any] | npt.ArrayLike | None,
    class_names: Sequence[str],
    *,
    column: str,
    min_images: int = MIN_IMAGES,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    min_tpr: float = MIN_TPR,
    seed: int = 0,
) -> SubgroupAudit:
    """Compare the subgroups that a column divides the images into.

    Args:
        labels: [n] class indices.
        probabilities: [n, C].
        values: [n] the column; None, NaN and `UNKNOWN_VALUES` are unknown.
        groups: [n] what must be resampled together; None: single images.
        class_names: [C].
        column: its name.
        min_images: fewer are shown but not ranked.
        resamples: bootstrap resamples.
        permutations: shuffles behind each disparity.
        min_tpr: true-positive rate above which the partial area lies.
        seed: of resamples and shuffles.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    truth, scores = check_predictions(labels, probabilities)
    classes = check_class_names(class_names, scores.shape[1])
    codes = encode_clusters(groups, len(truth))
    texts = subgroup_names(values)
    if len(texts) != len(truth):
        raise DataError(f"{len(texts)} values of {column} for {len(truth)} images")
    members = {
        name: np.flatnonzero(texts == name) for name in sorted(set(texts.tolist()), key=_order)
    }
    audited = {
        name: _bootstrap_subgroup(truth, scores, codes, rows, resamples, seed, min_tpr)
        for name, rows in members.items()
    }
    ranked = [name for name in members if name != UNKNOWN and len(members[name]) >= min_images]
    subgroups = {
        name: Subgroup(
            name=name,
            images=len(rows),
            clusters=len(np.unique(codes[rows])),
            ranked=name in ranked,
            intervals=overall_intervals(audited[name]),
            per_class=per_class_intervals(audited[name], classes),
            gaps=_gaps(name, ranked, audited, classes) if name in ranked else {},
            undefined=explain_undefined(audited[name], classes),
        )
        for name, rows in members.items()
    }
    found = _disparities(
        truth,
        scores.argmax(axis=1),
        codes,
        [members[name] for name in ranked],
        classes,
        permutations=permutations,
        seed=seed,
    )
    return SubgroupAudit(
        column=column,
        subgroups=tuple(each for name, each in subgroups.items() if name != UNKNOWN),
        unknown=subgroups.get(UNKNOWN),
        disparities=found,
        min_images=min_images,
    )


def subgroup_names(values: Sequence[Any] | npt.ArrayLike) -> npt.NDArray[np.str_]:
    """The column's values as text [n]; whole floats lose their ".0", unknown ones are `UNKNOWN`."""
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)  # type: ignore[arg-type]
    return np.array([_name(item) for item in items], dtype=np.str_)


def _name(item: Any) -> str:
    if isinstance(item, float) and item.is_integer():
        item = int(item)
    text = str(item).strip()
    return UNKNOWN if text.lower() in UNKNOWN_VALUES else text


def _order(name: str) -> tuple[bool, float, str]:
    """Numbers by value, before words."""
    try:
        return (False, float(name), name)
    except ValueError:
        return (True, 0.0, name)


def _bootstrap_subgroup(
    labels: IntArray,
    probabilities: FloatArray,
    codes: IntArray,
    rows: IntArray,
    resamples: int,
    seed: int,
    min_tpr: float,
) -> Distribution:
    """Headline metrics of some rows, over resamples of all clusters (so that gaps are paired).

    Rows of a single cluster have values without a spread.
    """
    clusters = clusters_in(codes)
    headline = Headline(labels[rows], probabilities[rows], codes[rows], clusters, min_tpr)
    distribution = bootstrap(headline, clusters, resamples=resamples, seed=seed)
    alone = len(np.unique(codes[rows])) < 2
    return distribution.without_spread() if alone else distribution


def _gaps(
    name: str, ranked: list[str], audited: dict[str, Distribution], classes: tuple[str, ...]
) -> dict[str, Gap]:
    gaps = {}
    for metric in OVERALL:
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        defined = [each for each in ranked if not np.isnan(audited[each].values[metric])]
        if not defined:
            continue
        best = max(defined, key=lambda each: sign * float(audited[each].values[metric]))
        value = sign * float(audited[best].values[metric] - audited[name].values[metric])
        samples = sign * (audited[best].samples[metric] - audited[name].samples[metric])
        differ = _classes_differ(metric, audited[best], audited[name], classes)
        gaps[metric] = Gap(best, percentile_interval(value, samples), differ)
    return gaps


def _classes_differ(
    metric: str, first: Distribution, second: Distribution, classes: tuple[str, ...]
) -> tuple[str, ...]:
    if metric not in MACRO_OF:
        return ()
    lacking = [np.isnan(each.values[MACRO_OF[metric]]) for each in (first, second)]
    return tuple(np.array(classes)[lacking[0] != lacking[1]].tolist())


def _disparities(
    labels: IntArray,
    decided: IntArray,
    codes: IntArray,
    members: list[IntArray],
    classes: tuple[str, ...],
    *,
    permutations: int,
    seed: int,
) -> dict[str, Disparity]:
    """Disparities over the subgroups whose rows are given; none if they are fewer than two."""
    if len(members) < 2:
        return {}
    rows = np.concatenate(members)
    subgroups = np.repeat(np.arange(len(members)), [len(each) for each in members])
    counts = count_decisions(labels[rows], decided[rows], subgroups, len(members), len(classes))
    values = {name: value[..., 0] for name, value in disparities(counts).items()}
    overall = {
        name: float(value) for name, value in values.items() if not name.endswith("_per_class")
    }
    permuted = permuted_disparities(
        labels[rows],
        decided[rows],
        subgroups,
        codes[rows],
        overall,
        classes=len(classes),
        permutations=permutations,
        seed=seed,
    )
    return {
        name: Disparity(value, permuted[name], _left_out(values, name, classes))
        for name, value in overall.items()
    }


def _left_out(
    values: dict[str, FloatArray], name: str, classes: tuple[str, ...]
) -> tuple[str, ...]:
    per_class = values.get(f"{name}_per_class")
    return () if per_class is None else tuple(np.array(classes)[np.isnan(per_class)].tolist())
