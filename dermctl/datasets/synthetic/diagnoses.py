"""How the six diagnoses of PAD-UFES-20 look, as ranges to draw lesions from.

The ranges overlap, as diagnoses do: a nevus may be uneven, a melanoma small and even, a basal cell
carcinoma pigmented, a keratosis inflamed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dermctl.datasets.synthetic.lesion import Lesion, Patch, place_in
from dermctl.datasets.synthetic.outline import draw_outline
from dermctl.datasets.synthetic.strands import branch_vessels

DIAGNOSES = ("BCC", "ACK", "NEV", "SEK", "SCC", "MEL")
"""In PAD-UFES-20's order of frequency."""

_HONEY = (0.46, 0.20, 0.065)
_BLOOD = (0.10, 0.022, 0.015)
_BLACK = (0.05, 0.03, 0.022)


def draw_lesion(rng: np.random.Generator, diagnosis: str, fitzpatrick: int) -> Lesion:
    """A lesion of one diagnosis.

    Args:
        rng: source of chance.
        diagnosis: one of `DIAGNOSES`.
        fitzpatrick: skin type, 1 to 6; lesions on dark skin are more often pigmented.
    """
    return _DRAW[diagnosis](rng, fitzpatrick)


def _around(rng: np.random.Generator, median: float, spread: float) -> float:
    """A positive number, log-normal around its median."""
    return median * math.exp(rng.normal(0, spread))


def _nevus(rng: np.random.Generator, fitzpatrick: int) -> Lesion:
    """Small, round, evenly brown, sharp enough; a third are raised, and pale or pink."""
    dermal = rng.random() < 0.33
    odd = rng.random() < 0.2  # Dysplastic: larger, less even, a second colour.
    outline = draw_outline(
        rng,
        radius_mm=_around(rng, 2.9 if odd else 2.3, 0.28),
        elongation=rng.uniform(1.0, 1.35),
        irregularity=rng.uniform(0.02, 0.05) + (0.05 if odd else 0),
        jag=rng.uniform(0.02, 0.06),
        softness_mm=rng.uniform(0.4, 1.3),
        lobes=int(odd and rng.random() < 0.4),
    )
    pigment = rng.uniform(0.5, 1.3) if dermal else rng.uniform(1.0, 2.8)
    darker = Patch(0, 0, outline.radius_mm * 0.6, pigment=rng.uniform(0.3, 1.1))
    return Lesion(
        outline,
        pigment=pigment + 0.15 * fitzpatrick,
        paler_rim=rng.uniform(0.1, 0.5),
        uneven=rng.uniform(0.1, 0.35) + (0.25 if odd else 0),
        dots=rng.choice([0.0, 0.0, 0.4]),
        redness=rng.uniform(0.1, 0.5) if dermal else rng.uniform(0.0, 0.2),
        patches=(darker,) if odd or rng.random() < 0.3 else (),
        height_mm=rng.uniform(0.3, 0.8) if dermal else rng.uniform(0.0, 0.2),
        smooth=0.5,
        gloss=rng.uniform(0.0, 0.6),
    )


def _melanoma(rng: np.random.Generator, fitzpatrick: int) -> Lesion:
    """Large, lopsided, ragged, with brown, black, blue-grey, red and white parts."""
    early = rng.random() < 0.2  # Still small and rather even: easily taken for a nevus.
    outline = draw_outline(
        rng,
        radius_mm=_around(rng, 2.8 if early else 4.6, 0.3),
        elongation=rng.uniform(1.1, 1.7),
        irregularity=rng.uniform(0.05, 0.09) if early else rng.uniform(0.08, 0.16),
        jag=rng.uniform(0.03, 0.09),
        softness_mm=rng.uniform(0.25, 0.9),
        lobes=int(rng.integers(0, 2)) if early else int(rng.integers(1, 4)),
    )
    radius = outline.radius_mm
    colours = (
        {"pigment": rng.uniform(1.5, 3.0)},
        {"deep": rng.uniform(1.2, 2.4), "pigment": 0.6},
        {"deep": rng.uniform(0.5, 1.0), "fade": 0.5},
        {"redness": rng.uniform(0.5, 1.2), "fade": 0.45},
        {"fade": rng.uniform(0.4, 0.75)},
        {"pigment": rng.uniform(0.8, 2.0)},
    )
    chosen = rng.permutation(len(colours))[: 2 if early else rng.integers(3, 6)]
    patches = tuple(
        Patch(*place_in(rng, outline), radius * rng.uniform(0.25, 0.6), **colours[i])
        for i in chosen
    )
    nodular = rng.random() < 0.3
    return Lesion(
        outline,
        pigment=rng.uniform(1.4, 3.0) + 0.2 * fitzpatrick,
        paler_rim=rng.uniform(0.0, 0.4),
        uneven=rng.uniform(0.4, 0.9),
        dots=rng.choice([0.0, 0.5, 1.0]),
        redness=rng.uniform(0.0, 0.4),
        halo=rng.choice([0.0, 0.0, 0.3]),
        patches=patches,
        height_mm=rng.uniform(0.5, 1.3) if nodular else rng.uniform(0.0, 0.3),
        slope=rng.uniform(0.3, 1.0),
        rough_mm=rng.uniform(0.03, 0.12) if nodular else 0.01,
        smooth=rng.uniform(0.4, 0.9),
        gloss=rng.uniform(0.0, 0.7),
        crust=rng.uniform(0.1, 0.35) if rng.random() < 0.12 else 0.0,
        crust_colour=_BLACK,
    )


def _basal_cell(rng: np.random.Generator, fitzpatrick: int) -> Lesion:
    """Pearly pink with a rolled rim and vessels; or flat and red; or pigmented."""
    kind = rng.choice(["nodular", "ulcerated", "superficial", "pigmented"], p=_kinds(fitzpatrick))
    flat = kind == "superficial"
    outline = draw_outline(
        rng,
        radius_mm=_around(rng, 5.2 if flat else 3.8, 0.35),
        elongation=rng.uniform(1.0, 1.5),
        irregularity=rng.uniform(0.04, 0.09),
        jag=rng.uniform(0.03, 0.09),
        softness_mm=rng.uniform(0.5, 1.6),
        lobes=int(rng.integers(0, 2)),
    )
    radius = outline.radius_mm
    spots: tuple[Patch, ...] = ()
    if kind == "pigmented":
        spots = tuple(
            Patch(
                *place_in(rng, outline),
                radius * rng.uniform(0.15, 0.45),
                deep=rng.uniform(0.5, 1.5),
                pigment=rng.uniform(0.0, 1.2),
            )
            for _ in range(rng.integers(3, 7))
        )
    return Lesion(
        outline,
        uneven=rng.uniform(0.4, 0.9),
        fade=_fade(rng, fitzpatrick),
        redness=rng.uniform(0.35, 0.9),
        halo=rng.uniform(0.0, 0.25),
        patches=spots,
        height_mm=0.1 if flat else rng.uniform(0.4, 1.1),
        slope=rng.uniform(0.4, 0.8),
        rim_mm=0.05 if flat else rng.uniform(0.15, 0.5),
        rough_mm=rng.uniform(0.01, 0.05),
        smooth=rng.uniform(0.5, 0.9),
        gloss=rng.uniform(0.2, 0.6) if flat else rng.uniform(0.8, 2.0),
        scale=rng.uniform(0.1, 0.35) if flat else 0.0,
        ulcer=rng.uniform(0.35, 0.7) if kind == "ulcerated" else 0.0,
        crust=rng.uniform(0.2, 0.5) if kind == "ulcerated" else rng.choice([0.0, 0.0, 0.15]),
        vessels=branch_vessels(rng, radius, int(rng.integers(1 if flat else 3, 7))),
        crust_colour=(_HONEY, _BLOOD)[rng.integers(2)],
    )


def _fade(rng: np.random.Generator, fitzpatrick: int) -> float:
    """Pigment lost in a growing tumour: less of the much that dark skin has."""
    return rng.uniform(0.2, 0.55) * (
        1.0 if fitzpatrick <= 3 else 0.55 if fitzpatrick == 4 else 0.35
    )


def _kinds(fitzpatrick: int) -> list[float]:
    pigmented = 0.12 if fitzpatrick <= 3 else 0.45
    rest = 1 - pigmented
    return [0.45 * rest, 0.27 * rest, 0.28 * rest, pigmented]


def _actinic_keratosis(rng: np.random.Generator, fitzpatrick: int) -> Lesion:
    """An ill-defined, rough, scaly, reddish patch."""
    thick = rng.random() < 0.25  # Hypertrophic: close to a squamous cell carcinoma.
    outline = draw_outline(
        rng,
        radius_mm=_around(rng, 3.6, 0.35),
        elongation=rng.uniform(1.0, 1.7),
        irregularity=rng.uniform(0.05, 0.11),
        jag=rng.uniform(0.10, 0.22),
        softness_mm=rng.uniform(1.6, 3.2),
    )
    return Lesion(
        outline,
        pigment=rng.choice([0.0, 0.0, 0.5]) + 0.1 * (fitzpatrick - 1),
        uneven=rng.uniform(0.6, 1.0),
        fade=rng.uniform(0.0, 0.25),
        redness=rng.uniform(0.3, 0.85),
        halo=rng.uniform(0.1, 0.3),
        height_mm=rng.uniform(0.2, 0.7) if thick else rng.uniform(0.0, 0.2),
        rough_mm=rng.uniform(0.05, 0.16),
        gloss=rng.uniform(0.0, 0.3),
        scale=rng.uniform(0.45, 0.8) if thick else rng.uniform(0.2, 0.6),
        crust=rng.uniform(0.05, 0.2) if rng.random() < 0.15 else 0.0,
        plug=rng.uniform(0.25, 0.45) if thick and rng.random() < 0.4 else 0.0,
        crust_colour=_HONEY,
    )


def _squamous_cell(rng: np.random.Generator, fitzpatrick: int) -> Lesion:
    """A firm red nodule with a horny, crusted or raw centre; or, in situ, a red scaly plaque."""
    in_situ = rng.random() < 0.25
    centre = rng.choice(["plug", "ulcer", "crust"])
    outline = draw_outline(
        rng,
        radius_mm=_around(rng, 4.8, 0.33),
        elongation=rng.uniform(1.0, 1.4),
        irregularity=rng.uniform(0.04, 0.10),
        jag=rng.uniform(0.03, 0.10),
        softness_mm=rng.uniform(0.6, 1.8),
        lobes=int(rng.integers(0, 2)),
    )
    return Lesion(
        outline,
        uneven=rng.uniform(0.4, 0.9),
        fade=_fade(rng, fitzpatrick),
        redness=rng.uniform(0.7, 1.3),
        halo=rng.uniform(0.15, 0.45),
        height_mm=rng.uniform(0.2, 0.5) if in_situ else rng.uniform(1.2, 2.6),
        slope=rng.uniform(0.4, 0.9),
        rough_mm=rng.uniform(0.04, 0.15),
        smooth=rng.uniform(0.5, 0.9),
        gloss=rng.uniform(0.1, 0.9),
        scale=rng.uniform(0.3, 0.6) if in_situ else rng.uniform(0.0, 0.3),
        plug=0.0 if in_situ or centre != "plug" else rng.uniform(0.4, 0.8),
        ulcer=0.0 if in_situ or centre != "ulcer" else rng.uniform(0.4, 0.75),
        crust=rng.uniform(0.1, 0.3) if centre == "plug" else rng.uniform(0.25, 0.6),
        crust_colour=(_HONEY, _BLOOD, _BLACK)[rng.integers(3)],
    )


def _seborrhoeic_keratosis(rng: np.random.Generator, fitzpatrick: int) -> Lesion:
    """Waxy, rough and stuck on, with a sharp border; tan to nearly black."""
    flat = rng.random() < 0.3
    outline = draw_outline(
        rng,
        radius_mm=_around(rng, 4.2, 0.35),
        elongation=rng.uniform(1.0, 1.6),
        irregularity=rng.uniform(0.03, 0.09),
        jag=rng.uniform(0.015, 0.05),
        softness_mm=rng.uniform(0.2, 0.6),
        lobes=int(rng.integers(0, 2)),
    )
    shade = rng.uniform(0.0, 1.0)  # From tan to nearly black.
    return Lesion(
        outline,
        pigment=0.7 + 2.0 * shade + 0.15 * fitzpatrick,
        paler_rim=rng.uniform(0.0, 0.25),
        uneven=rng.uniform(0.25, 0.6),
        dots=rng.choice([0.0, 0.4, 0.8]),
        patches=(Patch(0, 0, outline.radius_mm * 0.7, deep=rng.uniform(0.0, 0.5)),),
        height_mm=rng.uniform(0.1, 0.3) if flat else rng.uniform(0.5, 1.4),
        slope=rng.uniform(0.12, 0.35),
        rough_mm=rng.uniform(0.04, 0.09) if flat else rng.uniform(0.08, 0.22),
        smooth=0.8,
        gloss=rng.uniform(0.1, 0.6),
        scale=rng.uniform(0.05, 0.3) if rng.random() < 0.4 else 0.0,
        cysts=rng.choice([0.0, 0.5, 0.8]),
        keratin_colour=(0.48, 0.40, 0.28),
    )


_DRAW: dict[str, Callable[[np.random.Generator, int], Lesion]] = {
    "BCC": _basal_cell,
    "ACK": _actinic_keratosis,
    "NEV": _nevus,
    "SEK": _seborrhoeic_keratosis,
    "SCC": _squamous_cell,
    "MEL": _melanoma,
}
