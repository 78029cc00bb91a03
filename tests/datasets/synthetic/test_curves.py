"""Lines are as wide, as long and as faint as they are asked to be."""

from __future__ import annotations

import numpy as np
import pytest

from dermctl.datasets.synthetic.curves import draw_curves, wander
from dermctl.datasets.synthetic.view import View


@pytest.mark.parametrize("width_mm", [0.3, 0.5, 1.0])
def test_lines_cover_their_own_width(width_mm: float) -> None:
    view = View.looking(200, 10.0)
    line = np.column_stack([np.linspace(-5, 5, 11), np.zeros(11)])
    cover = draw_curves(view, [line], width_mm)
    assert cover.sum() / 10.0**2 == pytest.approx(10 * width_mm, rel=0.25)  # mm²
    assert cover.max() == 1
    assert draw_curves(view, [line], 0.02).max() < 0.6  # Thinner than a pixel: fainter.


def test_a_tapered_line_is_thinner_at_its_end() -> None:
    view = View.looking(200, 10.0)
    line = np.column_stack([np.linspace(-9, 9, 19), np.zeros(19)])
    cover = draw_curves(view, [line], 0.5, taper=True)
    assert cover[:, :60].sum() > 1.8 * cover[:, -60:].sum() > 0
    assert (cover.max(axis=0)[15:185] > 0.5).all()  # Without a gap.


@pytest.mark.parametrize("bend", [0.0, 1.5])
def test_a_wandering_line_has_its_length_and_start(bend: float) -> None:
    line = wander(np.random.default_rng(0), (2.0, 3.0), 0.5, 7.0, bend)
    assert tuple(line[0]) == (2.0, 3.0)
    assert np.linalg.norm(np.diff(line, axis=0), axis=1).sum() == pytest.approx(7.0)
    straight = np.linalg.norm(line[-1] - line[0])
    assert straight == pytest.approx(7.0) if bend == 0 else straight < 6.99
