"""The learning rate's course: a factor on its peak, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

Course = Callable[[int], float]


def course(name: str, *, total: int, warmup: int, cycles: int = 1) -> Course:
    """Step (from 0) -> factor on the learning rate.

    Args:
        name: ``cosine``, ``cosine-restarts`` or ``constant``.
        total: steps of the training.
        warmup: steps of the linear rise that each of them begins with.
        cycles: cosines, of equal length, that ``cosine-restarts`` consists of.
    """
    if name == "constant":
        return partial(warmup_constant, warmup=warmup)
    cycles = cycles if name == "cosine-restarts" else 1
    return partial(warmup_cosine, total=total, warmup=warmup, cycles=cycles)


def warmup_cosine(step: int, *, total: int, warmup: int, cycles: int = 1) -> float:
    """A linear rise over ``warmup`` steps, then cosines to zero, one after another.

    SGDR (arXiv 1608.03983), with the warm-up of arXiv 1706.02677; one cycle: without restarts.
    """
    if step < warmup:
        return (step + 1) / warmup
    steps = max(1, total - warmup)
    done = (step - warmup) * cycles  # whole numbers: a restart is met to the step
    share = done % steps / steps if done < cycles * steps else 1.0
    return 0.5 * (1 + math.cos(math.pi * share))


def warmup_constant(step: int, *, warmup: int) -> float:
    """A linear rise over ``warmup`` steps, then 1."""
    return min(1.0, (step + 1) / max(1, warmup))
