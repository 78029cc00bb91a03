"""The rows of metadata.csv, column by column as PAD-UFES-20 spells them."""

from __future__ import annotations

import csv
import io

import numpy as np

from dermctl.datasets.synthetic.cohort import Case, Patient

COLUMNS = (
    "patient_id", "lesion_id", "smoke", "drink", "background_father", "background_mother", "age",
    "pesticide", "gender", "skin_cancer_history", "cancer_history", "has_piped_water",
    "has_sewage_system", "fitspatrick", "region", "diameter_1", "diameter_2", "diagnostic", "itch",
    "grew", "hurt", "changed", "bleed", "elevation", "img_id", "biopsed",
)  # fmt: skip
"""All 26, in order; ``fitspatrick`` and ``biopsed`` are spelt so there."""

_UNKNOWN_WITHOUT_BIOPSY = (
    "smoke", "drink", "background_father", "background_mother", "pesticide", "gender",
    "skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick",
    "diameter_1", "diameter_2",
)  # fmt: skip
_UNKNOWN_SHARE = 0.85  # Of the lesions without biopsy, as in PAD-UFES-20.

_HABITS = {
    "smoke": 0.14, "drink": 0.25, "pesticide": 0.40, "skin_cancer_history": 0.46,
    "cancer_history": 0.52, "has_piped_water": 0.62, "has_sewage_system": 0.57,
}  # fmt: skip
# Chance of True, by diagnosis; then, for those that a patient may not know, of UNK.
_SYMPTOMS = {
    "itch": {"BCC": 0.76, "ACK": 0.78, "NEV": 0.09, "SEK": 0.27, "SCC": 0.77, "MEL": 0.17},
    "grew": {"BCC": 0.51, "ACK": 0.18, "NEV": 0.56, "SEK": 0.47, "SCC": 0.40, "MEL": 0.71},
    "hurt": {"BCC": 0.36, "ACK": 0.07, "NEV": 0.02, "SEK": 0.01, "SCC": 0.22, "MEL": 0.02},
    "changed": {"BCC": 0.10, "ACK": 0.04, "NEV": 0.09, "SEK": 0.03, "SCC": 0.15, "MEL": 0.65},
    "bleed": {"BCC": 0.54, "ACK": 0.12, "NEV": 0.01, "SEK": 0.03, "SCC": 0.31, "MEL": 0.02},
}
_NOT_KNOWN = {"grew": 0.18, "changed": 0.18}
_RAISED_MM = 0.25  # From here on a lesion is called elevated.
# Not the countries that the real file has: nobody is to read an origin into a drawing.
_BACKGROUNDS = ("SYNTHETIC", "SYNTHETIC", "UNK")


def case_rows(rng: np.random.Generator, case: Case) -> dict[str, str]:
    """What all rows of a lesion have in common: every column but ``img_id``."""
    patient = case.patient
    long, short = case.scene.lesion.outline.diameters_mm
    row = {
        "patient_id": f"PAT_{patient.number}",
        "lesion_id": str(case.lesion),
        "age": str(patient.age),
        "region": case.region,
        "diameter_1": _millimetres(long),
        "diameter_2": _millimetres(short),
        "diagnostic": case.diagnosis,
        "elevation": str(case.scene.lesion.height_mm > _RAISED_MM),
        "biopsed": str(case.biopsed),
    }
    row |= _patient_fields(patient)
    for symptom, chances in _SYMPTOMS.items():
        unknown = rng.random() < _NOT_KNOWN.get(symptom, 0.005)
        row[symptom] = "UNK" if unknown else str(bool(rng.random() < chances[case.diagnosis]))
    if not case.biopsed and rng.random() < _UNKNOWN_SHARE:
        row |= dict.fromkeys(_UNKNOWN_WITHOUT_BIOPSY, "")
    return row


def csv_text(rows: list[dict[str, str]]) -> str:
    """The whole of metadata.csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _patient_fields(patient: Patient) -> dict[str, str]:
    """What is the same for all lesions of a patient: drawn from the patient's number alone."""
    rng = np.random.default_rng(patient.number)
    fields = {name: str(bool(rng.random() < chance)) for name, chance in _HABITS.items()}
    for parent in ("background_father", "background_mother"):
        fields[parent] = _BACKGROUNDS[rng.integers(len(_BACKGROUNDS))]
    return fields | {"gender": patient.gender, "fitspatrick": f"{patient.fitzpatrick}.0"}


def _millimetres(diameter: float) -> str:
    """As clinicians measure: to the millimetre, written as a float."""
    return f"{max(round(diameter), 1)}.0"
