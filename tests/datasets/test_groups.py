"""Groups against networkx-free truths: a slow flood fill, and names that ignore row order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermctl.datasets.groups import connected_groups, group_images, link_equal, row_pairs


def flood_fill(n: int, pairs: list[tuple[int, int]]) -> list[int]:
    label = [-1] * n
    count = 0
    for start in range(n):
        if label[start] >= 0:
            continue
        front = [start]
        while front:
            node = front.pop()
            label[node] = count
            for a, b in pairs:
                for here, there in ((a, b), (b, a)):
                    if here == node and label[there] < 0:
                        front.append(there)
        count += 1
    return label


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n = draw(st.integers(1, 12))
    row = st.integers(0, n - 1)
    return n, draw(st.lists(st.tuples(row, row), max_size=12))


@given(graphs())
def test_components_are_those_of_a_flood_fill(graph):
    n, pairs = graph
    middle = len(pairs) // 2
    found = connected_groups(n, [np.array(pairs[:middle]), pairs[middle:]])
    assert found.tolist() == flood_fill(n, pairs)


def test_no_rows_have_no_groups():
    assert connected_groups(0, []).tolist() == []
    assert group_images([], [], [], None, [], "x") == []


def test_a_link_outside_the_rows_is_refused():
    with pytest.raises(IndexError, match=r"outside 0\.\.1"):
        connected_groups(2, [[(0, 2)]])


def test_unknown_ids_link_nothing():
    assert link_equal([None, "", None, ""]).tolist() == []
    assert link_equal(["a", None, "a", "", "a"]).tolist() == [[0, 2], [0, 4]]


ids = st.lists(
    st.tuples(*[st.sampled_from([None, "", "1", "2", "3"])] * 3), min_size=1, max_size=10
)


@given(ids, st.randoms(use_true_random=False))
def test_group_names_do_not_depend_on_the_order_of_rows(rows, random):
    names = [f"img{number}" for number in range(len(rows))]
    pairs = [(0, len(rows) - 1)]
    order = random.sample(range(len(rows)), len(rows))
    place = {old: new for new, old in enumerate(order)}
    columns = [[row[kind] for row in rows] for kind in range(3)]
    straight = group_images(*columns, np.array(pairs), names, "set")
    shuffled = group_images(
        *[[column[old] for old in order] for column in columns],
        [(place[a], place[b]) for a, b in pairs],
        [names[old] for old in order],
        "set",
    )
    assert [shuffled[place[old]] for old in range(len(rows))] == straight


def test_groups_join_through_any_kind_of_link_and_carry_the_namespace():
    found = group_images(
        ["p1", "p1", None, None, None],
        [None, "l1", "l1", None, None],
        ["s1", "s2", "s3", "s3", "s5"],
        [],
        ["e", "d", "c", "b", "a"],
        "isic",
    )
    assert found == ["isic:b"] * 4 + ["isic:a"]


def test_pairs_whose_ends_are_both_there_become_rows() -> None:
    pairs = [("a", "c"), ("c", "gone"), ("b", "a")]
    assert row_pairs(pairs, ["a", "b", "c"]) == [(0, 2), (1, 0)]
