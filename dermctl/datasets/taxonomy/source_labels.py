"""The labels of each source, as concepts. Keys are in lower case."""

from __future__ import annotations

from dermctl.datasets.taxonomy.concepts import UNKNOWN, Concept, concept
from dermctl.datasets.taxonomy.fitzpatrick_labels import FITZPATRICK

# HAM10000 (Tschandl et al. 2018, table 2). `akiec` mixes actinic keratosis with Bowen's disease,
# so it is indeterminate; `bkl` seborrheic keratosis, solar lentigo and lichen-planus-like
# keratosis; `vasc` angiomas, angiokeratomas, pyogenic granulomas and hemorrhage, all of which the
# archive files under vascular proliferations.
HAM10000: dict[str, Concept] = {
    "akiec": concept("Solar or actinic keratosis", "Squamous cell carcinoma in situ"),
    "bcc": concept("Basal cell carcinoma"),
    "bkl": concept("Seborrheic keratosis", "Solar lentigo", "Lichen planus like keratosis"),
    "df": concept("Dermatofibroma"),
    "mel": concept("Melanoma, NOS"),
    "nv": concept("Nevus"),
    "vasc": concept("Benign soft tissue proliferations - Vascular"),
}

# The challenges of 2018 and 2019: HAM10000's classes in capitals, with AKIEC parted into AK and
# SCC in 2019. UNK is "none of the others", so nothing is known of it.
ONE_HOT: dict[str, Concept] = {
    **HAM10000,
    "ak": concept("Solar or actinic keratosis"),
    "scc": concept("Squamous cell carcinoma, NOS"),
    "unk": UNKNOWN,
}

# PAD-UFES-20 (Pacheco et al. 2020). SCC takes Bowen's disease in; ACK is actinic keratosis alone.
PADUFES: dict[str, Concept] = {
    "ack": concept("Solar or actinic keratosis"),
    "bcc": concept("Basal cell carcinoma"),
    "mel": concept("Melanoma, NOS"),
    "nev": concept("Nevus"),
    "scc": concept("Squamous cell carcinoma, NOS"),
    "sek": concept("Seborrheic keratosis"),
}

# Legacy names of the ISIC archive that its tree cannot say; the others stand in the tree's file.
ISIC_LEGACY: dict[str, Concept] = {
    "adnexal tumor": concept(
        "Benign adnexal epithelial proliferations - Apocrine or Eccrine",
        "Benign adnexal epithelial proliferations - Follicular",
        "Benign adnexal epithelial proliferations - Sebaceous",
        "Malignant adnexal epithelial proliferations - Apocrine or Eccrine",
        "Malignant adnexal epithelial proliferations - Follicular",
        "Malignant adnexal epithelial proliferations - Sebaceous",
    ),
    "nevus spilus": concept("Nevus"),
    "other": UNKNOWN,
    "unknown": UNKNOWN,
}

YES_NO: dict[str, Concept] = {
    **dict.fromkeys(("0", "0.0", "false"), concept("Benign")),
    **dict.fromkeys(("1", "1.0", "true"), concept("Malignant")),
}
"""`truth` of ISIC 2016, `target` of 2020, `malignant` of 2024."""

# DDI calls all benign that is not malignant, inflammations among them.
DDI: dict[str, Concept] = {
    **dict.fromkeys(("0", "false"), Concept((), "benign")),
    **dict.fromkeys(("1", "true"), concept("Malignant")),
}

DERM7PT: dict[str, Concept] = {
    "basal cell carcinoma": concept("Basal cell carcinoma"),
    "dermatofibroma": concept("Dermatofibroma"),
    "lentigo": concept("Lentigo NOS", "Lentigo simplex", "Solar lentigo"),
    "melanosis": concept("Flat melanotic pigmentations - not melanocytic nevus"),
    "miscellaneous": UNKNOWN,
    "seborrheic keratosis": concept("Seborrheic keratosis"),
    "vascular lesion": concept("Benign soft tissue proliferations - Vascular"),
    "melanoma": concept("Melanoma, NOS"),
    "melanoma (in situ)": concept("Melanoma in situ"),
    "melanoma (less than 0.76 mm)": concept("Melanoma Invasive"),
    "melanoma (0.76 to 1.5 mm)": concept("Melanoma Invasive"),
    "melanoma (more than 1.5 mm)": concept("Melanoma Invasive"),
    "melanoma metastasis": concept("Melanoma metastasis"),
    **dict.fromkeys(
        (
            "blue nevus",
            "clark nevus",
            "combined nevus",
            "congenital nevus",
            "dermal nevus",
            "recurrent nevus",
            "reed or spitz nevus",
        ),
        concept("Nevus"),
    ),
}

ISIC_WITH_TARGET: dict[str, Concept] = {**ISIC_LEGACY, **YES_NO}

LABELS: dict[str, dict[str, Concept]] = {
    "isic": ISIC_LEGACY,
    "isic2016": ISIC_WITH_TARGET,
    "isic2018": ONE_HOT,
    "isic2019": ONE_HOT,
    "isic2020": ISIC_WITH_TARGET,
    "isic2024": ISIC_WITH_TARGET,
    "ham10000": HAM10000,
    "padufes": PADUFES,
    "fitzpatrick": FITZPATRICK,
    "ddi": DDI,
    "derm7pt": DERM7PT,
}
"""Source → its labels."""

_LEVELS = ("3", "2", "1")  # of the tree; finer ones add nothing to any target
COLUMNS: dict[str, tuple[str, ...]] = {
    "isic": (*(f"diagnosis_{level}" for level in _LEVELS), "diagnosis", "benign_malignant"),
    "isic2016": ("benign_malignant",),
    "isic2018": ("diagnosis",),
    "isic2019": ("diagnosis",),
    "isic2020": ("diagnosis", "benign_malignant"),
    "isic2024": (*(f"iddx_{level}" for level in _LEVELS), "malignant", "target"),
    "ham10000": ("dx",),
    "padufes": ("diagnostic",),
    "fitzpatrick": ("label",),
    "ddi": ("malignant",),
    "derm7pt": ("diagnosis",),
}
"""Source → the columns that its targets come from, the finest first: in each row, the first that
says something decides."""

TREE_SOURCES = frozenset({"isic", "isic2016", "isic2020", "isic2024"})
"""Sources whose labels may be any diagnosis of the ISIC tree, besides those in `LABELS`."""
