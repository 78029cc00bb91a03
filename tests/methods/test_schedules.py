"""The course of the learning rate."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from dermctl.config.trainings import SCHEDULES
from dermctl.methods.schedules import course, warmup_cosine


def test_warmup_rises_in_a_line_then_falls_as_a_cosine() -> None:
    course = [warmup_cosine(step, total=110, warmup=10) for step in range(111)]
    assert course[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert course[10] == 1.0
    assert course[60] == pytest.approx(0.5)
    assert course[35] == pytest.approx(math.cos(math.pi / 8) ** 2)
    assert course[110] == pytest.approx(0.0, abs=1e-12)
    assert all(a > b for a, b in pairwise(course[10:]))


def test_the_ends_of_the_course() -> None:
    assert warmup_cosine(0, total=10, warmup=0) == 1.0
    assert warmup_cosine(10**6, total=10, warmup=2) == 0.0
    assert [warmup_cosine(s, total=4, warmup=4) for s in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert warmup_cosine(0, total=0, warmup=0) == 1.0
    assert warmup_cosine(0, total=1, warmup=1) == 1.0


def test_it_is_torchs_own_cosine() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for step in range(20):
        assert warmup_cosine(step, total=20, warmup=0) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_restarts_are_torchs_own() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=7)
    ours = course("cosine-restarts", total=21, warmup=0, cycles=3)
    for step in range(21):
        assert ours(step) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        theirs.step()
    assert ours(21) == 0.0, "the last one ends"


def test_restarts_rise_once() -> None:
    ours = course("cosine-restarts", total=30, warmup=10, cycles=2)
    assert [ours(step) for step in range(10)] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert (ours(10), ours(20)) == (1.0, 1.0)
    assert ours(19) < 0.1


def test_constant_rises_and_stays() -> None:
    ours = course("constant", total=30, warmup=4)
    assert [ours(step) for step in (0, 1, 3, 4, 29)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    assert course("constant", total=30, warmup=0)(0) == 1.0


def test_every_schedule_of_the_configuration_is_there() -> None:
    at = {name: course(name, total=40, warmup=0, cycles=4)(15) for name in SCHEDULES}
    assert len(set(at.values())) == len(SCHEDULES)


@pytest.mark.parametrize(("total", "cycles"), [(98, 49), (100, 3), (300, 7), (50, 49)])
def test_every_cosine_begins_at_the_top(total: int, cycles: int) -> None:
    ours = course("cosine-restarts", total=total, warmup=0, cycles=cycles)
    course_of_all = [ours(step) for step in range(total)]
    rises = [a for a, b in pairwise(course_of_all) if b > a]
    assert len(rises) == cycles - 1
    assert all(
        ours(total // cycles * n) == 1.0 for n in range(cycles if total % cycles == 0 else 1)
    )
