"""What was evaluated, so that two results can be told to be of the same images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dermctl.checkpoint import Checkpoint
from dermctl.datasets.prepared import Split


def images_sha256(rows: Split) -> str:
    """Of the images and their labels, whatever their order and the other columns.

    SHA-256 over the sorted lines ``<SHA-256 of the image's file> <label>``.
    """
    lines = sorted(
        f"{image} {label}\n"
        for image, label in zip(rows.column("sha256"), rows.column("label"), strict=True)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def models_run(members: Sequence[Checkpoint], *, tta: bool) -> dict[str, Any]:
    """Which models were run, and how: the hashes of their files, and test-time augmentation."""
    digests = [_file_sha256(each.path) for each in members]
    return {"checkpoint_sha256": digests[0], "ensemble_sha256": digests[1:], "tta": tta}


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resampled(rows: Split) -> tuple[str, str]:
    """What a group of these images is: one word, and the whole truth.

    Images of one patient, of one lesion, or with identical bytes are one group. The word is
    ``patients`` where every image's patient is known, else ``lesions`` where every image's lesion
    is, ``images`` where neither is known of any, and ``groups`` where it varies.
    """
    linked = "; identical images are in one group"
    patients, lesions = (rows.column(name) for name in ("patient_id", "lesion_id"))
    if all(patients):
        return "patients", f"patients{linked}"
    if not any(patients) and all(lesions):
        return "lesions", f"lesions{linked}"
    if not any(patients) and not any(lesions):
        return "images", f"images, as neither patient nor lesion is known{linked}"
    known = sum(each is not None for each in patients)
    return (
        "groups",
        f"patients where known ({known:,} of {len(rows):,} images), else lesions, else single "
        f"images{linked}",
    )
