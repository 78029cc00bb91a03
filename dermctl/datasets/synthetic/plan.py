"""Decide on every row and file of a sample before anything is drawn.

The plan follows from the number of images and the seed alone. So an interrupted sample can be gone
on with, and what an earlier one wrote can be told from what it did not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dermctl.datasets.synthetic.cohort import Case, draw_cohort
from dermctl.datasets.synthetic.defects import DEFECT_COUNTS, Defect, Pixels, near_duplicate
from dermctl.datasets.synthetic.metadata import case_rows
from dermctl.datasets.synthetic.photograph import Scene, draw_shot, photograph

MIN_IMAGES = 60
"""With fewer the defects would outweigh the rest."""

PARTS = 3
"""Folders that the images are divided among."""

_ALPHA_SHARE = 0.15
_SPARED = "MEL"  # The rarest class loses no image to a defect.


@dataclass(frozen=True)
class Photo:
    """One row of metadata.csv and the file that belongs to it.

    Attributes:
        row: the 26 columns.
        part: the folder that the file lies in, 1 to `PARTS`.
        scene: what is photographed.
        key: what its chance is drawn from, besides the seed of the sample.
        alpha: whether the file carries an alpha channel.
        defect: what is wrong with it.
        original: what a near-duplicate was copied from.
    """

    row: dict[str, str]
    part: int
    scene: Scene
    key: int
    alpha: bool
    defect: Defect | None = None
    original: Photo | None = None

    @property
    def img_id(self) -> str:
        """As in the column: ``PAT_{patient}_{lesion}_{number}.png``."""
        return self.row["img_id"]

    @property
    def place(self) -> str:
        """The file's path within the sample, with forward slashes."""
        return f"images/imgs_part_{self.part}/{self.img_id}"

    def take(self, seed: int) -> Pixels:
        """Draw the photograph, before any damage to its file; sRGB (height, width, 3)."""
        if self.original is not None:
            return near_duplicate(self.original.take(seed), crop=self.key % 2 == 0)
        rng = np.random.default_rng([seed, 1, self.key])
        return photograph(self.scene, draw_shot(rng, self.scene.lesion.outline.diameters_mm[0]))


def draw_plan(images: int, seed: int) -> list[Photo]:
    """Plan a sample.

    Args:
        images: rows of metadata.csv, at least `MIN_IMAGES`.
        seed: another seed is another sample.

    Returns:
        The photographs in the order of the rows.
    """
    rng = np.random.default_rng([seed, 0])
    cases = draw_cohort(rng, images - DEFECT_COUNTS[Defect.NEAR_DUPLICATE])
    owners, photos = _photograph_all(rng, cases)
    photos = _damage(rng, photos)
    photos += _copies(rng, cases, owners, photos)
    photos = [photos[i] for i in rng.permutation(len(photos))]
    return [
        replace(photo, part=1 + position * PARTS // len(photos))
        for position, photo in enumerate(photos)
    ]


def _photograph_all(rng: np.random.Generator, cases: list[Case]) -> tuple[list[Case], list[Photo]]:
    """The photographs of all cases, and beside each the case that it shows."""
    owners: list[Case] = []
    photos: list[Photo] = []
    for case in cases:
        row = case_rows(rng, case)
        for number in rng.permutation(np.arange(1, 1000))[: case.photographs].tolist():
            alpha = bool(rng.random() < _ALPHA_SHARE)
            owners.append(case)
            photos.append(_photo(row, number, case.scene, key=len(photos), alpha=alpha))
    return owners, photos


def _photo(row: dict[str, str], number: int, scene: Scene, *, key: int, alpha: bool) -> Photo:
    img_id = f"{row['patient_id']}_{row['lesion_id']}_{number}.png"
    return Photo(row | {"img_id": img_id}, part=0, scene=scene, key=key, alpha=alpha)


def _damage(rng: np.random.Generator, photos: list[Photo]) -> list[Photo]:
    """Hand out the defects that a single photograph can have."""
    photos = list(photos)
    whole = iter(_unspoilt(rng, photos))
    for defect in _in_single_photographs():
        index = next(whole)
        photo = replace(photos[index], defect=defect)
        if defect is Defect.MISSING_LABEL:
            photo = replace(photo, row=photo.row | {"diagnostic": ""})
        photos[index] = photo
    return photos


def _in_single_photographs() -> Iterator[Defect]:
    for defect, count in DEFECT_COUNTS.items():
        if defect is not Defect.NEAR_DUPLICATE:
            yield from [defect] * count


def _copies(
    rng: np.random.Generator, cases: list[Case], owners: list[Case], photos: list[Photo]
) -> list[Photo]:
    """Near-duplicates: a whole photograph comes back as another patient's."""
    patient_number = max(case.patient.number for case in cases)
    lesion_number = max(case.lesion for case in cases)
    copies: list[Photo] = []
    for index in _unspoilt(rng, photos)[: DEFECT_COUNTS[Defect.NEAR_DUPLICATE]]:
        patient_number += 1
        lesion_number += 1
        case = owners[index]
        patient = replace(case.patient, number=patient_number)
        row = case_rows(rng, replace(case, patient=patient, lesion=lesion_number))
        number = int(rng.integers(1, 1000))
        key = len(photos) + len(copies)
        copy = _photo(row, number, case.scene, key=key, alpha=False)
        copies.append(replace(copy, defect=Defect.NEAR_DUPLICATE, original=photos[index]))
    return copies


def _unspoilt(rng: np.random.Generator, photos: list[Photo]) -> list[int]:
    """Photographs that may still be given a defect, one a lesion at most, in random order."""
    seen: Counter[str] = Counter()
    found = []
    for index in rng.permutation(len(photos)).tolist():
        photo = photos[index]
        lesion = f"{photo.row['patient_id']} {photo.row['lesion_id']}"
        if photo.defect is None and photo.row["diagnostic"] != _SPARED and not seen[lesion]:
            seen[lesion] += 1
            found.append(index)
    return found
