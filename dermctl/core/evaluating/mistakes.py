"""The mistakes that a model was surest of, with their pictures where the page may hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dermctl.core.loading import IntArray
from dermctl.datasets.prepared import Split
from dermctl.datasets.store import STORE_FOLDER, Store
from dermctl.inference import FloatArray
from dermctl.report.evaluation import Mistake
from dermctl.report.pictures import is_blurred, may_embed

MISTAKES = 12
"""Mistakes on the page."""
PICTURES_FOLDER = "pictures"
"""Beside the page: what it may only link to."""


def worst_mistakes(
    rows: Split,
    truth: IntArray,
    predicted: FloatArray,
    classes: Sequence[str],
    *,
    folder: Path | None,
    synthetic: bool,
) -> list[Mistake]:
    """The mistakes that the model was surest of, the surest first.

    A picture is embedded where its licence lets it be passed on, or where it was drawn. Any other
    is written to ``pictures/`` beside the page, which links to it. All but dermoscopic and drawn
    ones are blurred until clicked.

    Args:
        rows: the images.
        truth: [n] class numbers.
        predicted: [n, C] probabilities.
        classes: [C].
        folder: of the page; None: no picture at all.
        synthetic: whether the images were drawn by code.
    """
    decided = predicted.argmax(1)
    sure = predicted[np.arange(len(truth)), decided]
    wrong = np.flatnonzero(decided != truth)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    mistakes = []
    for index in worst.tolist():
        picture, link = picture_of(rows, index, folder, synthetic=synthetic)
        mistakes.append(
            decided_image(
                rows,
                index,
                truth,
                predicted,
                classes,
                picture=picture,
                link=link,
                synthetic=synthetic,
            )
        )
    return mistakes


def decided_image(
    rows: Split,
    index: int,
    truth: IntArray,
    predicted: FloatArray,
    classes: Sequence[str],
    *,
    picture: bytes | None,
    link: str | None,
    synthetic: bool,
) -> Mistake:
    """One image with the decision on it, for the page."""
    decided = int(predicted[index].argmax())
    return Mistake(
        image_id=rows.column("image_id")[index],
        truth=classes[truth[index]],
        decision=classes[decided],
        probability=float(predicted[index, decided]),
        picture=picture,
        link=link,
        blurred=is_blurred(rows.column("modality")[index], synthetic=synthetic),
    )


def picture_of(
    rows: Split, index: int, folder: Path | None, *, synthetic: bool
) -> tuple[bytes | None, str | None]:
    """One packed picture: its bytes to embed, or a link to where it was written; or neither."""
    if folder is None:
        return None, None
    place = (rows.column("shard")[index], rows.column("row")[index])
    picture = bytes(Store(rows.folder / STORE_FOLDER).read(*place))
    return placed(picture, rows, index, folder, synthetic=synthetic)


def placed(
    picture: bytes, rows: Split, index: int, folder: Path, *, synthetic: bool, suffix: str = ""
) -> tuple[bytes | None, str | None]:
    """A picture of an image: itself where it may be embedded, else a link to where it is written.

    Args:
        picture: as a file.
        rows: the images.
        index: whose licence counts.
        folder: of the page.
        synthetic: whether it was drawn by code.
        suffix: of the file's name, for a second picture of an image.
    """
    license, source = rows.column("license")[index], str(rows.description["source"])
    if may_embed(license, source, synthetic=synthetic):
        return picture, None
    name = re.sub(r"[^A-Za-z0-9._-]", "_", rows.column("image_id")[index]).lstrip(".")
    path = folder / PICTURES_FOLDER / f"{index}-{name}{suffix}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)
    return None, f"{PICTURES_FOLDER}/{path.name}"
