"""Invent the patients: who has which lesions, and how often each is photographed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dermctl.datasets.synthetic.diagnoses import DIAGNOSES
from dermctl.datasets.synthetic.photograph import Scene
from dermctl.datasets.synthetic.scenes import draw_scene
from dermctl.datasets.synthetic.skin import draw_melanin

CLASS_SHARES = {"BCC": 0.27, "ACK": 0.24, "NEV": 0.15, "SEK": 0.13, "SCC": 0.11, "MEL": 0.10}
"""PAD-UFES-20's order of frequency, less extreme: every class is to reach every split."""

TYPE_SHARES = (0.12, 0.26, 0.24, 0.16, 0.13, 0.09)
"""Skin types 1 to 6. Darker skin is far commoner than in PAD-UFES-20, so that an audit by skin
type has something to count."""

_AGES = {
    "BCC": (63, 13), "ACK": (62, 12), "NEV": (36, 15), "SEK": (66, 12), "SCC": (69, 12),
    "MEL": (60, 14),
}  # fmt: skip
_REGIONS = {
    "BCC": {"FACE": 31, "CHEST": 16, "NOSE": 15, "BACK": 11, "FOREARM": 8, "NECK": 6, "ARM": 5},
    "ACK": {"FOREARM": 36, "FACE": 19, "ARM": 12, "HAND": 11, "CHEST": 8, "SCALP": 3, "LIP": 2},
    "NEV": {"BACK": 35, "FACE": 16, "CHEST": 12, "ABDOMEN": 8, "THIGH": 7, "SCALP": 4, "FOOT": 2},
    "SEK": {"FACE": 42, "CHEST": 13, "BACK": 10, "FOREARM": 9, "ARM": 8, "THIGH": 4, "SCALP": 2},
    "SCC": {"FACE": 15, "FOREARM": 15, "ARM": 11, "HAND": 10, "EAR": 7, "NECK": 5, "LIP": 3},
    "MEL": {"BACK": 27, "ARM": 13, "THIGH": 13, "CHEST": 10, "FACE": 10, "FOREARM": 10, "NECK": 6},
}  # Percent, after PAD-UFES-20's table.
_PHOTOGRAPHS = (0.45, 0.35, 0.20)  # Shares of lesions with one, two and three photographs.
_ANOTHER_LESION = 0.25  # Share of lesions on a patient who already has one.
_MOST_LESIONS = 4
_SHARED_LESION_IDS = 0.08  # Share of lesions whose number another patient's lesion bears as well.
_BIOPSED = {"BCC": 1.0, "ACK": 0.6, "NEV": 0.6, "SEK": 0.5, "SCC": 1.0, "MEL": 1.0}


@dataclass(frozen=True)
class Patient:
    """An invented person.

    Attributes:
        number: as in ``PAT_{number}``.
        fitzpatrick: skin type, 1 to 6.
        melanin: pigment of the skin.
        age: in years.
        gender: FEMALE or MALE.
    """

    number: int
    fitzpatrick: int
    melanin: float
    age: int
    gender: str


@dataclass(frozen=True)
class Case:
    """One lesion of one patient.

    Attributes:
        patient: whose it is.
        lesion: its number; not unique among patients, as in PAD-UFES-20.
        diagnosis: one of `DIAGNOSES`.
        region: part of the body.
        biopsed: whether tissue was examined.
        scene: what it looks like.
        photographs: the number of times it is photographed.
    """

    patient: Patient
    lesion: int
    diagnosis: str
    region: str
    biopsed: bool
    scene: Scene
    photographs: int


def draw_cohort(rng: np.random.Generator, photographs: int) -> list[Case]:
    """Invent patients and lesions that fill a number of photographs exactly.

    Args:
        rng: source of chance.
        photographs: how many there are to be in all.
    """
    planned = [
        (diagnosis, times)
        for diagnosis, count in class_counts(photographs).items()
        for times in _split_photographs(rng, count)
    ]
    # In mixed order, so that a second lesion of a patient may have another diagnosis.
    planned = [planned[i] for i in rng.permutation(len(planned))]
    patient_numbers = iter(rng.permutation(np.arange(1, 3 * len(planned) + 1)).tolist())
    lesion_numbers = iter(rng.permutation(np.arange(1, 4 * len(planned) + 1)).tolist())
    patients: list[Patient] = []
    lesions_of: dict[int, int] = {}
    cases = []
    for diagnosis, times in planned:
        free = [p for p in patients if lesions_of[p.number] < _MOST_LESIONS]
        if free and rng.random() < _ANOTHER_LESION:
            patient = free[rng.integers(len(free))]
        else:
            patient = _draw_patient(rng, next(patient_numbers), diagnosis)
            patients.append(patient)
        lesions_of[patient.number] = lesions_of.get(patient.number, 0) + 1
        cases.append(draw_case(rng, patient, next(lesion_numbers), diagnosis, times))
    return _share_lesion_numbers(rng, cases)


def draw_case(
    rng: np.random.Generator, patient: Patient, lesion: int, diagnosis: str, photographs: int
) -> Case:
    """A lesion of a given patient and diagnosis."""
    weights = _REGIONS[diagnosis]
    region = _choose(rng, tuple(weights), tuple(weights.values()))
    scene = draw_scene(
        rng,
        diagnosis=diagnosis,
        region=region,
        fitzpatrick=patient.fitzpatrick,
        melanin=patient.melanin,
        age=patient.age,
    )
    biopsed = bool(rng.random() < _BIOPSED[diagnosis])
    return Case(patient, lesion, diagnosis, region, biopsed, scene, photographs)


def class_counts(photographs: int) -> dict[str, int]:
    """Photographs a class, by `CLASS_SHARES`; the largest class takes the rounding."""
    counts = {name: round(CLASS_SHARES[name] * photographs) for name in DIAGNOSES}
    counts[DIAGNOSES[0]] += photographs - sum(counts.values())
    return counts


def _split_photographs(rng: np.random.Generator, count: int) -> list[int]:
    """Divide the photographs of a class among lesions, one to three each."""
    parts = []
    while count:
        times = min(int(rng.choice(3, p=_PHOTOGRAPHS)) + 1, count)
        parts.append(times)
        count -= times
    return parts


def _draw_patient(rng: np.random.Generator, number: int, diagnosis: str) -> Patient:
    mean, spread = _AGES[diagnosis]
    fitzpatrick = int(rng.choice(6, p=TYPE_SHARES)) + 1
    return Patient(
        number=number,
        fitzpatrick=fitzpatrick,
        melanin=draw_melanin(rng, fitzpatrick),
        age=int(np.clip(rng.normal(mean, spread), 6, 94)),
        gender=("FEMALE", "MALE")[rng.integers(2)],
    )


def _share_lesion_numbers(rng: np.random.Generator, cases: list[Case]) -> list[Case]:
    """Give some lesions the number of a lesion of another patient."""
    shared = rng.permutation(len(cases))[: 2 * round(_SHARED_LESION_IDS * len(cases))]
    cases = list(cases)
    for giver, taker in shared.reshape(-1, 2).tolist():
        if cases[giver].patient.number != cases[taker].patient.number:
            cases[taker] = replace(cases[taker], lesion=cases[giver].lesion)
    return cases


def _choose(rng: np.random.Generator, names: tuple[str, ...], weights: tuple[int, ...]) -> str:
    chance = np.array(weights) / sum(weights)
    return names[int(rng.choice(len(names), p=chance))]
