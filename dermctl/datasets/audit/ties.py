"""From images and the pairs that show the same skin to findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dermctl.datasets.audit.findings import (
    BYTE_IDENTICAL,
    BYTES,
    LABEL_CONFLICT,
    LARGE_COMPONENT,
    LEAK,
    LEAK_BETWEEN,
    LESION,
    NEAR_DUPLICATE,
    OVERLAP,
    PATIENT,
    PIXELS,
    Finding,
)
from dermctl.datasets.audit.gathered import Images
from dermctl.datasets.audit.similar import Similar
from dermctl.datasets.near_duplicates import MAX_LESIONS, large_components
from dermctl.datasets.splits import SPLITS, TEST


def findings_within(images: Images, dataset: str, pairs: Sequence[Similar]) -> list[Finding]:
    """What is found in one dataset.

    Args:
        images: of this dataset, and maybe of others.
        dataset: its name.
        pairs: its near-duplicates.
    """
    rows = images.rows_of(dataset)
    return [
        *_leaks(images, rows, pairs),
        *_label_conflicts(images, rows, pairs),
        *_byte_identical(images, rows),
        *_near_duplicates(images, pairs),
        *_large_components(images, pairs),
    ]


def findings_between(
    images: Images, one: str, other: str, pairs: Sequence[Similar]
) -> list[Finding]:
    """What ties two datasets together; a tie to a test image of either is a leak.

    Args:
        images: of both.
        one, other: their names.
        pairs: near-duplicates between them.
    """
    rows = [*images.rows_of(one), *images.rows_of(other)]
    found = []
    for tie, value, members in _shared(images, rows):
        if len({images.datasets[row] for row in members}) > 1:
            kind = _kind_between(images, members)
            what = _named(tie, value)
            found.append(Finding(kind, tie, members, f"{what} in {_where(images, members)}"))
    for pair in pairs:
        members = (pair.one, pair.other)
        detail = f"{pair.words()}, in {_where(images, members)}"
        found.append(
            Finding(_kind_between(images, members), PIXELS, members, detail, pair.link.score)
        )
    return found


def _kind_between(images: Images, rows: Sequence[int]) -> str:
    return LEAK_BETWEEN if any(images.splits[row] == TEST for row in rows) else OVERLAP


def _leaks(images: Images, rows: Sequence[int], pairs: Sequence[Similar]) -> Iterator[Finding]:
    for tie, value, members in _shared(images, rows):
        if _differ(images.splits, members):
            detail = f"{_named(tie, value)} in {_where(images, members)}"
            yield Finding(LEAK, tie, members, detail)
    for pair in pairs:
        members = (pair.one, pair.other)
        if _differ(images.splits, members):
            detail = f"{pair.words()}, in {_where(images, members)}"
            yield Finding(LEAK, PIXELS, members, detail, pair.link.score)


def _label_conflicts(
    images: Images, rows: Sequence[int], pairs: Sequence[Similar]
) -> Iterator[Finding]:
    """A patient may well have lesions of several classes: only what shows one lesion conflicts."""
    for tie, value, members in _shared(images, rows):
        if tie != PATIENT and _differ(images.labels, members):
            labels = ", ".join(sorted({str(images.labels[row]) for row in members} - {"None"}))
            yield Finding(LABEL_CONFLICT, tie, members, f"{_named(tie, value)}: {labels}")
    for pair in pairs:
        members = (pair.one, pair.other)
        if _differ(images.labels, members):
            labels = " and ".join(str(images.labels[row]) for row in members)
            detail = f"{pair.words()}: {labels}"
            yield Finding(LABEL_CONFLICT, PIXELS, members, detail, pair.link.score)


def _byte_identical(images: Images, rows: Sequence[int]) -> Iterator[Finding]:
    for tie, value, members in _shared(images, rows):
        if tie == BYTES:
            yield Finding(BYTE_IDENTICAL, BYTES, members, _named(tie, value))


def _near_duplicates(images: Images, pairs: Sequence[Similar]) -> Iterator[Finding]:
    for pair in pairs:
        known = _known(images, pair)
        detail = f"{pair.words()}; {f'same {known}' if known else 'not tied by any id'}"
        yield Finding(NEAR_DUPLICATE, PIXELS, (pair.one, pair.other), detail, pair.link.score)


def _known(images: Images, pair: Similar) -> str | None:
    """What ties a pair besides its pixels."""
    for tie, values in ((BYTES, images.sha256s), (LESION, images.lesions)):
        if values[pair.one] and values[pair.one] == values[pair.other]:
            return tie
    same_patient = images.patients[pair.one] and (
        images.patients[pair.one] == images.patients[pair.other]
    )
    return PATIENT if same_patient else None


def _large_components(images: Images, pairs: Sequence[Similar]) -> Iterator[Finding]:
    lesions = [lesion or ("image", row) for row, lesion in enumerate(images.lesions)]
    for members in large_components([(pair.one, pair.other) for pair in pairs], lesions):
        count = len({lesions[row] for row in members})
        detail = f"{count} lesions joined by near-duplicates alone, more than {MAX_LESIONS}"
        yield Finding(LARGE_COMPONENT, PIXELS, tuple(members), detail)


def _shared(images: Images, rows: Sequence[int]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Tie, value, rows: of each id and each file's hash that several of ``rows`` have."""
    columns = ((PATIENT, images.patients), (LESION, images.lesions), (BYTES, images.sha256s))
    for tie, values in columns:
        members: dict[str, list[int]] = {}
        for row in rows:
            if value := values[row]:
                members.setdefault(value, []).append(row)
        for value, own in members.items():
            if len(own) > 1:
                yield tie, value, tuple(own)


def _differ(values: Sequence[str | None], rows: Sequence[int]) -> bool:
    return len({values[row] for row in rows if values[row] is not None}) > 1


def _named(tie: str, value: str) -> str:
    """The id without its source; of a hash, its beginning."""
    return f"same bytes ({value[:12]}…)" if tie == BYTES else f"same {tie} {value.split(' ', 1)[1]}"


def _where(images: Images, rows: Sequence[int]) -> str:
    """The datasets and splits that rows lie in."""
    several = len({images.datasets[row] for row in rows}) > 1
    places = {(images.datasets[row], SPLITS.index(images.splits[row])) for row in rows}
    return " and ".join(
        f"{dataset}/{SPLITS[split]}" if several else SPLITS[split]
        for dataset, split in sorted(places)
    )
