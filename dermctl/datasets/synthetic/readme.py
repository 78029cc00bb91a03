"""README.txt of a sample: what it is, what it is not, and where its defects lie."""

from __future__ import annotations

from dermctl.datasets.synthetic.defects import DEFECT_COUNTS, DEFECT_MEANINGS, Defect
from dermctl.datasets.synthetic.plan import Photo

_HEAD = """\
SYNTHETIC SAMPLE - drawn by dermctl, not photographed

Every image in this folder was computed. No patient, no lesion and no clinic exists behind it. It is
there to try dermctl out and to test it. Nothing medical can be learnt from it, and a model trained
on it must not see patients. Every PNG says so in its own text ("Description"), and so does the
comment of every JPEG.

The layout is that of PAD-UFES-20 (Pacheco et al. 2020, https://doi.org/10.17632/zr7vgbcyr2.1):
metadata.csv with the same 26 columns, images under images/imgs_part_1 to 3, several photographs a
lesion, several lesions a patient, some lesion numbers used for two patients. As there, some files
carry an opaque alpha channel, and most lesions without biopsy lack the fields of the patient.
Unlike there, dark skin is common and no country is named.

Defects, put in on purpose
"""


def readme_text(photos: list[Photo]) -> str:
    """The whole file, for the photographs of a sample."""
    lines = [_HEAD]
    for kind in DEFECT_COUNTS:
        lines.append(f"{kind.value}: {DEFECT_MEANINGS[kind]}")
        lines += [f"  {_name(photo)}" for photo in photos if photo.defect is kind]
    return "\n".join(lines) + "\n"


def _name(photo: Photo) -> str:
    if photo.defect is Defect.NEAR_DUPLICATE and photo.original is not None:
        return f"{photo.place} (of {photo.original.img_id})"
    return photo.place
