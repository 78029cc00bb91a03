"""Draw the synthetic sample into a folder, image by image."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from dermctl.datasets.synthetic.defects import DEFECT_COUNTS, Defect, encode
from dermctl.datasets.synthetic.diagnoses import DIAGNOSES
from dermctl.datasets.synthetic.folder import METADATA, README, Recipe, open_folder, put
from dermctl.datasets.synthetic.metadata import csv_text
from dermctl.datasets.synthetic.plan import MIN_IMAGES, Photo, draw_plan
from dermctl.datasets.synthetic.readme import readme_text
from dermctl.errors import UsageFault
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class SampleSummary:
    """What a sample holds.

    Attributes:
        folder: where it lies.
        images: rows of ``metadata.csv``.
        drawn: image files written by this call; the others were there already.
        patients: number of patients.
        lesions: number of lesions: pairs of patient and lesion number.
        classes: rows a diagnosis; rows without a diagnosis are not among them.
        defects: image ids by kind of defect (`defects.DEFECT_MEANINGS` explains the kinds).
    """

    folder: Path
    images: int
    drawn: int
    patients: int
    lesions: int
    classes: dict[str, int]
    defects: dict[str, list[str]]


def draw_sample(
    folder: Path, images: int = 480, seed: int = 0, progress: Progress = SILENT
) -> SampleSummary:
    """Draw the synthetic sample, laid out like PAD-UFES-20, defects included.

    Equal arguments give equal bytes (with equal versions of NumPy, OpenCV and Pillow). A call that
    was interrupted is gone on with by the next with the same arguments; ``metadata.csv`` comes
    last, and says that all is there. A sample drawn from other arguments is replaced.

    Args:
        folder: new, empty, or holding an earlier sample.
        images: rows of ``metadata.csv``, at least `plan.MIN_IMAGES`.
        seed: another seed is another sample; at least 0.
        progress: where to report.

    Raises:
        UsageFault: ``images`` or ``seed`` is too small.
        DataError: the folder holds something else.
    """
    if images < MIN_IMAGES:
        raise UsageFault(
            f"{images} images are too few for a sample with its defects",
            hint=f"Ask for {MIN_IMAGES} or more",
        )
    if seed < 0:
        raise UsageFault(f"the sample's seed is negative: {seed}", hint="Give 0 or more")
    open_folder(folder, Recipe(images, seed))
    photos = draw_plan(images, seed)
    put(folder / README, readme_text(photos).encode())
    drawn = 0
    with progress.task("Drawing the synthetic sample", total=len(photos)) as task:
        for photo in photos:
            drawn += _draw(folder / photo.place, photo, seed)
            task.advance()
    put(folder / METADATA, csv_text([photo.row for photo in photos]).encode())
    return _summary(folder, photos, drawn)


def _draw(path: Path, photo: Photo, seed: int) -> bool:
    """Draw a photograph unless it is there; whether a file was written."""
    if photo.defect is Defect.MISSING_FILE or path.exists():
        return False
    put(path, encode(photo.take(seed), defect=photo.defect, alpha=photo.alpha))
    return True


def _summary(folder: Path, photos: list[Photo], drawn: int) -> SampleSummary:
    rows = [photo.row for photo in photos]
    labels = Counter(row["diagnostic"] for row in rows)
    return SampleSummary(
        folder=folder,
        images=len(photos),
        drawn=drawn,
        patients=len({row["patient_id"] for row in rows}),
        lesions=len({(row["patient_id"], row["lesion_id"]) for row in rows}),
        classes={name: labels[name] for name in DIAGNOSES},
        defects={
            kind.value: [photo.img_id for photo in photos if photo.defect is kind]
            for kind in DEFECT_COUNTS
        },
    )
