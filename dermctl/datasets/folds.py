"""Grouped, stratified folds for cross-validation over train and validation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from dermctl.datasets.balance import MILLION, Balance, count_strata, share_out, tie_break
from dermctl.errors import DataError


def grouped_folds(
    group_ids: Sequence[str], labels: Sequence[str | None], k: int = 5, seed: int = 0
) -> list[int]:
    """Deal groups out to ``k`` folds so that each holds about 1/k of every label.

    Balanced like splits (:mod:`dermctl.datasets.balance`): no single move of a group would
    bring the folds nearer to equal shares. Independent of the order of the rows.

    Args:
        group_ids: [n] group of each row; a group is never divided.
        labels: [n] finest label of each row; ``None`` or ``""`` where there is none.
        k: number of folds, at least 2.
        seed: another seed, another division of like groups.

    Returns:
        [n] fold of each row, in 0..k-1.

    Raises:
        DataError: ``k`` below 2, or fewer groups than folds.
    """
    rows_of: dict[str, list[int]] = {}
    for row, group in enumerate(group_ids):
        rows_of.setdefault(group, []).append(row)
    if k < 2:
        raise DataError(f"{k} folds cannot be cross-validated", hint="Ask for 2 folds or more")
    if len(rows_of) < k:
        raise DataError(
            f"{len(rows_of)} groups cannot fill {k} folds",
            hint=f"Ask for at most {len(rows_of)} folds, or add images of other patients",
        )
    names = sorted(rows_of)
    strata_of_rows: list[list[Hashable]] = [
        [("all", ""), ("label", label)] if label else [("all", "")] for label in labels
    ]
    strata = count_strata([rows_of[name] for name in names], strata_of_rows)
    everywhere = [stratum for stratum, spread in enumerate(strata.spread) if spread >= k]
    shares = [MILLION // k + (fold < MILLION % k) for fold in range(k)]
    balance = Balance(shares, strata.sizes, everywhere)
    found = share_out(balance, strata.groups, [tie_break(seed, name) for name in names])
    fold_of = dict(zip(names, found, strict=True))
    return [fold_of[group] for group in group_ids]
