"""Groups: images that must never be divided between splits.

Two images belong to one group when a chain of links joins them: the same patient, the same
lesion, the same bytes, or a verified near-duplicate. Groups are the connected components of
that graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Pairs = NDArray[np.int64]
"""[m, 2]: row numbers of two linked images."""


def link_equal(values: Sequence[str | None]) -> Pairs:
    """Link the rows that share a value; ``None`` and ``""`` mean unknown and link nothing.

    Args:
        values: [n] one identifier a row.

    Returns:
        [m, 2] pairs: each row with the first row of the same value.
    """
    first: dict[str, int] = {}
    pairs = []
    for row, value in enumerate(values):
        if not value:
            continue
        start = first.setdefault(value, row)
        if start != row:
            pairs.append((start, row))
    return as_pairs(pairs)


def as_pairs(pairs: ArrayLike | None) -> Pairs:
    """Return ``pairs`` as an integer array [m, 2]; ``None`` and empty ones as [0, 2]."""
    array = np.asarray([] if pairs is None else pairs, dtype=np.int64)
    return array.reshape(-1, 2)


def row_pairs(pairs: Iterable[tuple[str, str]], image_ids: Sequence[str]) -> list[tuple[int, int]]:
    """The rows of pairs of images, of those pairs whose both images are among ``image_ids``."""
    row_of = {image_id: row for row, image_id in enumerate(image_ids)}
    return [
        (row_of[one], row_of[other]) for one, other in pairs if one in row_of and other in row_of
    ]


def connected_groups(n: int, links: Iterable[ArrayLike]) -> NDArray[np.int64]:
    """Number the connected components of ``n`` rows.

    Args:
        n: number of rows.
        links: any number of pair arrays [m, 2] with row numbers in [0, n).

    Returns:
        [n] component numbers, counted from 0 in order of each component's first row.

    Raises:
        IndexError: a link names a row outside [0, n).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.concatenate([as_pairs(None), *(as_pairs(link) for link in links)])
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= n):
        raise IndexError(f"a link names a row outside 0..{n - 1}")
    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    _, first_rows, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first_rows), dtype=np.int64)
    rank[np.argsort(first_rows)] = np.arange(len(first_rows))
    return rank[inverse.reshape(-1)]


def group_ids(components: ArrayLike, image_ids: Sequence[str], namespace: str) -> list[str]:
    """Name every component after the smallest image id in it: ``namespace:image_id``.

    The name comes from the content alone, so the order of the rows does not change it.

    Args:
        components: [n] component numbers (:func:`connected_groups`).
        image_ids: [n] unique image ids.
        namespace: the dataset's name, so that groups of two datasets never share a name.

    Returns:
        [n] group ids.
    """
    numbers = np.asarray(components, dtype=np.int64).tolist()
    smallest: dict[int, str] = {}
    for number, image_id in zip(numbers, image_ids, strict=True):
        if number not in smallest or image_id < smallest[number]:
            smallest[number] = image_id
    return [f"{namespace}:{smallest[number]}" for number in numbers]


def group_images(
    patient_ids: Sequence[str | None],
    lesion_ids: Sequence[str | None],
    sha256s: Sequence[str | None],
    near_duplicate_pairs: ArrayLike | None,
    image_ids: Sequence[str],
    namespace: str,
) -> list[str]:
    """Group the images of one dataset.

    Args:
        patient_ids: [n] patient of each image, ``None`` or ``""`` where unknown.
        lesion_ids: [n] lesion of each image, unique across patients (a source whose lesion
            numbers restart with every patient joins the two first).
        sha256s: [n] hash of each image's content.
        near_duplicate_pairs: [m, 2] rows of verified near-duplicates, or ``None``.
        image_ids: [n] unique image ids.
        namespace: the dataset's name.

    Returns:
        [n] group ids, independent of the order of the rows.
    """
    links = [link_equal(values) for values in (patient_ids, lesion_ids, sha256s)]
    links.append(as_pairs(near_duplicate_pairs))
    return group_ids(connected_groups(len(image_ids), links), image_ids, namespace)
