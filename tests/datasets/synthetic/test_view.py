"""Geometry: pixels and millimetres, windows, and textures without seams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.datasets.synthetic.textures import SIDE, TEXELS_PER_MM, Anchor, sample, textures
from dermctl.datasets.synthetic.view import View

views = st.builds(
    View.looking,
    st.integers(40, 120),
    st.floats(5, 30),
    angle=st.floats(-3, 3),
    tilt=st.floats(0, 0.4),
    centre_mm=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)


@given(views)
@settings(max_examples=30, deadline=None)
def test_pixels_undo_the_grid(view: View) -> None:
    x, y = view.grid_mm
    back = view.pixels(np.column_stack([x.ravel(), y.ravel()]).astype(np.float64))
    row, column = np.mgrid[0 : view.height, 0 : view.width]
    assert np.abs(back[:, 0] - column.ravel()).max() < 0.01
    assert np.abs(back[:, 1] - row.ravel()).max() < 0.01


def test_a_view_is_centred_and_to_scale() -> None:
    view = View.looking(101, 20.0, angle=0.7, centre_mm=(1.0, -2.0))
    x, y = view.grid_mm
    assert (x[50, 50], y[50, 50]) == pytest.approx((1.0, -2.0), abs=1e-5)
    assert np.hypot(x[50, 70] - x[50, 50], y[50, 70] - y[50, 50]) == pytest.approx(1.0, abs=1e-5)


@given(views, st.floats(0.5, 6))
@settings(max_examples=30, deadline=None)
def test_a_window_sees_what_the_whole_sees(view: View, reach_mm: float) -> None:
    part, where = view.window(reach_mm)
    for whole_axis, part_axis in zip(view.grid_mm, part.grid_mm, strict=True):
        assert whole_axis[where].shape == (part.height, part.width)
        assert np.allclose(whole_axis[where], part_axis, atol=1e-3)
    outside = np.hypot(*view.grid_mm)
    outside[where] = np.inf
    assert outside.min() > reach_mm - 1.5 / view.px_per_mm


@pytest.mark.parametrize("name", ["cloud", "grain", "furrow", "pores"])
def test_textures_repeat_without_a_seam(name: str) -> None:
    texture = getattr(textures(), name)
    tile = texture[:SIDE, :SIDE]
    assert np.array_equal(texture, np.tile(tile, (2, 2)))
    steps = np.abs(np.diff(tile, axis=0)).mean(axis=1)
    seam = np.abs(tile[0] - tile[-1]).mean()
    assert seam < 1.5 * steps.max()
    view, anchor = View.looking(60, 10.0, angle=0.4), Anchor(3.0, 5.0, 1.0)
    once_round = Anchor(3.0 + SIDE / TEXELS_PER_MM, 5.0, 1.0)
    assert np.allclose(sample(texture, view, anchor), sample(texture, view, once_round), atol=0.2)
