"""Sharing out groups so that every stratum is divided in given proportions.

The objective is a chi-square distance. For stratum s of N_s images, of which n_ks lie in
part k that should hold the share p_k:

    cost = sum over s, k of (n_ks / N_s - p_k)^2 / p_k

plus a penalty for every part that a stratum which must be everywhere is missing from. All
arithmetic is on Python integers (shares in millionths), so that every machine finds the same
answer.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass

MILLION = 1_000_000
ABSENT = 1000 * MILLION * MILLION
"""Cost of a stratum that is missing where it must be present: outweighs any imbalance."""

Composition = tuple[tuple[int, int], ...]
"""What a group adds: sorted (stratum, images) pairs, every stratum once."""


def tie_break(seed: int, group_id: str) -> bytes:
    """A random-looking order of groups that depends on the seed and the group's name alone."""
    return hashlib.blake2b(f"{seed}\0{group_id}".encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Strata:
    """What the groups hold, counted by stratum.

    Args:
        names: the strata in the order of their numbers.
        groups: composition of each group.
        sizes: images of each stratum.
        spread: number of groups that hold each stratum.
    """

    names: list[Hashable]
    groups: list[Composition]
    sizes: list[int]
    spread: list[int]


def count_strata(
    rows_of_groups: Iterable[Sequence[int]], strata_of_rows: Sequence[Sequence[Hashable]]
) -> Strata:
    """Count every group's images by stratum.

    Strata are numbered in the order of their ``repr``, so independently of the order of rows.

    Args:
        rows_of_groups: the rows of each group.
        strata_of_rows: [n] the strata each row belongs to.
    """
    members = list(rows_of_groups)
    names = sorted(
        {name for rows in members for row in rows for name in strata_of_rows[row]}, key=repr
    )
    number = {name: position for position, name in enumerate(names)}
    groups, sizes, spread = [], [0] * len(names), [0] * len(names)
    for rows in members:
        counts = Counter(number[name] for row in rows for name in strata_of_rows[row])
        for stratum, images in counts.items():
            sizes[stratum] += images
            spread[stratum] += 1
        groups.append(tuple(sorted(counts.items())))
    return Strata(names, groups, sizes, spread)


@dataclass
class Balance:
    """Images of every stratum in every part so far, and the cost of changing them.

    Args:
        shares: the share of each part in millionths; they sum to one million.
        sizes: images of each stratum that are shared out.
        everywhere: strata that must be present in every part.
    """

    shares: Sequence[int]
    sizes: Sequence[int]
    everywhere: Collection[int] = ()

    def __post_init__(self) -> None:
        self.counts = [[0] * len(self.sizes) for _ in self.shares]
        self._everywhere = frozenset(self.everywhere)

    def _cell(self, part: int, stratum: int, count: int) -> int:
        share = self.shares[part]
        error = count * MILLION // self.sizes[stratum] - share
        cost = error * error * MILLION // share
        return cost + ABSENT if count == 0 and stratum in self._everywhere else cost

    def change(self, part: int, group: Composition, sign: int) -> int:
        """By how much the cost grows when ``group`` joins (+1) or leaves (-1) ``part``."""
        total = 0
        counts = self.counts[part]
        for stratum, images in group:
            count = counts[stratum]
            total += self._cell(part, stratum, count + sign * images)
            total -= self._cell(part, stratum, count)
        return total

    def move(self, part: int, group: Composition, sign: int) -> None:
        """Let ``group`` join (+1) or leave (-1) ``part``."""
        counts = self.counts[part]
        for stratum, images in group:
            counts[stratum] += sign * images

    def cost(self) -> int:
        """The whole objective, in millionths of millionths."""
        return sum(
            self._cell(part, stratum, count)
            for part, counts in enumerate(self.counts)
            for stratum, count in enumerate(counts)
        )


def share_out(balance: Balance, groups: Sequence[Composition], ties: Sequence[bytes]) -> list[int]:
    """Place every group in a part, on top of what ``balance`` already holds.

    Large groups come first, each going where it costs least; then single groups are moved as
    long as a move lowers the cost. The result is a local optimum: no single move of one of
    these groups lowers the cost.

    Args:
        balance: parts with any groups that are fixed already counted; updated in place.
        groups: composition of each free group.
        ties: order of groups that are otherwise alike (:func:`tie_break`).

    Returns:
        the part of each group.
    """
    parts = range(len(balance.shares))

    def size_band_then_tie(group: int) -> tuple[int, bytes]:
        images = max((count for _, count in groups[group]), default=0)
        return (-images.bit_length(), ties[group])

    placed: dict[Composition, list[list[int]]] = defaultdict(lambda: [[] for _ in parts])
    for group in sorted(range(len(groups)), key=size_band_then_tie):
        kind = groups[group]
        best = min(parts, key=lambda part: (balance.change(part, kind, 1), part))
        balance.move(best, kind, 1)
        placed[kind][best].append(group)

    while _improve(balance, placed):
        pass
    found = [0] * len(groups)
    for by_part in placed.values():
        for part, members in enumerate(by_part):
            for group in members:
                found[group] = part
    return found


def _improve(balance: Balance, placed: dict[Composition, list[list[int]]]) -> bool:
    """One pass of improving moves over all kinds of groups; whether any was made."""
    moved = False
    parts = range(len(balance.shares))
    for kind in sorted(placed):
        by_part = placed[kind]
        for source in parts:
            while by_part[source]:
                leaving = balance.change(source, kind, -1)
                costs = [
                    (leaving + balance.change(target, kind, 1), target)
                    for target in parts
                    if target != source
                ]
                if not costs or min(costs)[0] >= 0:
                    break
                target = min(costs)[1]
                balance.move(source, kind, -1)
                balance.move(target, kind, 1)
                by_part[target].append(by_part[source].pop())
                moved = True
    return moved
