"""Keep a sample's folder: whose it is, what may be replaced, and how files come into it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dermctl.datasets.synthetic.defects import MADE_BY
from dermctl.datasets.synthetic.plan import MIN_IMAGES, PARTS, draw_plan
from dermctl.errors import DataError

DRAWING = 1
"""Version of the drawing: raised whenever the same arguments give other bytes."""

MARKER = "SYNTHETIC"
"""The file that says what the folder is, and from which recipe it was drawn."""

LICENSE = "synthetic: drawn by dermctl, free of rights"
"""What stands in place of a publisher's licence."""

METADATA = "metadata.csv"
README = "README.txt"


@dataclass(frozen=True)
class Recipe:
    """What a sample follows from."""

    images: int
    seed: int
    drawing: int = DRAWING


def open_folder(folder: Path, recipe: Recipe) -> None:
    """Make the folder ready for a sample: new, or holding nothing but a part of this very sample.

    A sample drawn from another recipe is removed: its own files, and no others.

    Raises:
        DataError: the folder holds something else.
    """
    marker = folder / MARKER
    if folder.exists() and not folder.is_dir():
        raise DataError("the sample's folder is a file", where=folder, hint="Name another folder")
    if marker.is_file():
        earlier = _read_recipe(marker)
        if earlier == recipe:
            return
        _remove_sample(folder, earlier)
    elif folder.is_dir() and {path.name for path in folder.iterdir()} - {_partial(marker).name}:
        raise DataError(
            "the folder is not empty and holds no synthetic sample",
            where=folder,
            hint="Name a new or an empty folder",
        )
    note = {"note": f"{MADE_BY}; no photograph, no patient", **asdict(recipe)}
    put(marker, (json.dumps(note, indent=2) + "\n").encode())


def put(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it: one that exists is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    partial.write_bytes(content)
    partial.replace(path)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _read_recipe(marker: Path) -> Recipe:
    try:
        note = json.loads(marker.read_bytes())
        recipe = Recipe(int(note["images"]), int(note["seed"]), int(note["drawing"]))
        if recipe.images < MIN_IMAGES or recipe.seed < 0:
            raise ValueError
    except (ValueError, KeyError, TypeError) as fault:
        raise DataError(
            "the note of an earlier sample is damaged",
            where=marker,
            hint="Delete the folder, or name another one",
        ) from fault
    if recipe.drawing != DRAWING:
        raise DataError(
            "the folder holds a synthetic sample of another version of dermctl",
            where=marker.parent,
            hint="Delete the folder, or name another one",
        )
    return recipe


def _remove_sample(folder: Path, recipe: Recipe) -> None:
    """Remove what a recipe led to; the marker stays, so that an interrupted removal can go on."""
    places = [METADATA, README, *(photo.place for photo in draw_plan(recipe.images, recipe.seed))]
    for place in places:
        for path in (folder / place, _partial(folder / place)):
            path.unlink(missing_ok=True)
    for part in range(1, PARTS + 1):
        inner = folder / "images" / f"imgs_part_{part}"
        if inner.is_dir() and not any(inner.iterdir()):
            inner.rmdir()
