"""The 114 labels of Fitzpatrick17k, and its partitions into nine and three, as concepts.

On malignancy the publisher's own partition into three stands, with one exception: actinic
keratosis, "malignant" there, is indeterminate as it is in every other source. Typos are the
publisher's; the right spelling is understood too.
"""

from __future__ import annotations

from dermctl.datasets.taxonomy.concepts import Concept, Malignancy, concept

# Names in the ISIC tree → labels, for each of the publisher's three parts.
_MALIGNANT: dict[tuple[str, ...], tuple[str, ...]] = {
    ("Basal cell carcinoma",): (
        "basal cell carcinoma",
        "basal cell carcinoma morpheiform",
        "solid cystic basal cell carcinoma",
    ),
    ("Squamous cell carcinoma, NOS",): ("squamous cell carcinoma",),
    ("Melanoma, NOS",): ("melanoma", "malignant melanoma"),
    ("Melanoma Invasive", "Melanoma in situ"): ("superficial spreading melanoma ssm",),
    ("Melanoma in situ",): ("lentigo maligna",),
    ("Kaposi sarcoma",): ("kaposi sarcoma",),
    ("Mycosis fungoides",): ("mycosis fungoides",),
    # The partitions' own names.
    ("Malignant",): (
        "malignant",
        "malignant dermal",
        "malignant epidermal",
        "malignant cutaneous lymphoma",
    ),
}
_BENIGN: dict[tuple[str, ...], tuple[str, ...]] = {
    ("Nevus",): ("congenital nevus", "halo nevus", "nevocytic nevus"),
    ("Dermatofibroma",): ("dermatofibroma",),
    ("Porokeratosis",): (
        "disseminated actinic porokeratosis",
        "porokeratosis actinic",
        "porokeratosis of mibelli",
    ),
    ("Epidermal nevus",): ("epidermal nevus",),
    ("Seborrheic keratosis",): ("seborrheic keratosis",),
    ("Fordyce spots",): ("fordyce spots",),
    ("Nevus sebaceus",): ("nevus sebaceous of jadassohn",),
    ("Nevus comedonicus",): ("naevus comedonicus",),
    ("Pilomatricoma",): ("pilomatricoma",),
    ("Syringoma",): ("syringoma",),
    ("Pyogenic granuloma",): ("pyogenic granuloma", "granuloma pyogenic"),
    ("Lymphangioma",): ("lymphangioma",),
    ("Telangiectasia",): ("telangiectases",),
    ("Capillary vascular malformation",): ("port wine stain",),
    ("Milium",): ("milia",),
    ("Cysts",): ("mucous cyst",),
    ("Trichilemmal or isthmic-catagen or pilar cyst",): ("pilar cyst",),
    ("Inflammatory or infectious diseases",): ("prurigo nodularis",),
    ("Benign melanocytic proliferations",): ("benign melanocyte",),
    ("Benign",): ("benign", "benign dermal", "benign epidermal", "becker nevus"),
}
_NON_NEOPLASTIC: dict[tuple[str, ...], tuple[str, ...]] = {
    ("Scar",): ("keloid",),
    ("Juvenile xanthogranuloma",): ("juvenile xanthogranuloma",),
    ("Langerhans cell histiocytosis",): ("langerhans cell histiocytosis",),
    ("Mastocytosis",): ("urticaria pigmentosa",),
    ("Inflammatory or infectious diseases",): (
        "acne",
        "acne vulgaris",
        "acquired autoimmune bullous diseaseherpes gestationis",
        "allergic contact dermatitis",
        "behcets disease",
        "cheilitis",
        "dermatomyositis",
        "drug eruption",
        "dyshidrotic eczema",
        "eczema",
        "erythema annulare centrifigum",
        "erythema annulare centrifugum",
        "erythema elevatum diutinum",
        "erythema multiforme",
        "erythema nodosum",
        "fixed eruptions",
        "folliculitis",
        "granuloma annulare",
        "hidradenitis",
        "lichen planus",
        "lichen simplex",
        "lupus erythematosus",
        "lupus subacute",
        "lyme disease",
        "myiasis",
        "necrobiosis lipoidica",
        "nematode infection",
        "neurodermatitis",
        "neutrophilic dermatoses",
        "paronychia",
        "pediculosis lids",
        "perioral dermatitis",
        "photodermatoses",
        "pityriasis lichenoides chronica",
        "pityriasis rosea",
        "pityriasis rubra pilaris",
        "psoriasis",
        "pustular psoriasis",
        "rhinophyma",
        "rosacea",
        "sarcoidosis",
        "scabies",
        "scleroderma",
        "seborrheic dermatitis",
        "stevens johnson syndrome",
        "tick bite",
        "tungiasis",
        "urticaria",
    ),
    # Hereditary, metabolic, degenerative or self-inflicted: the tree has no place for them.
    (): (
        "acanthosis nigricans",
        "acrodermatitis enteropathica",
        "aplasia cutis",
        "calcinosis cutis",
        "dariers disease",
        "drug induced pigmentary changes",
        "ehlers danlos syndrome",
        "epidermolysis bullosa",
        "factitial dermatitis",
        "hailey hailey disease",
        "ichthyosis vulgaris",
        "incontinentia pigmenti",
        "keratosis pilaris",
        "lichen amyloidosis",
        "livedo reticularis",
        "mucinosis",
        "neurofibromatosis",
        "neurotic excoriations",
        "papilomatosis confluentes and reticulate",
        "papillomatosis confluens and reticulate",
        "porphyria",
        "scleromyxedema",
        "stasis edema",
        "striae",
        "sun damaged skin",
        "tuberous sclerosis",
        "vitiligo",
        "xanthomas",
        "xeroderma pigmentosum",
        # The partitions' own names.
        "genodermatoses",
        "inflammatory",
        "non-neoplastic",
    ),
}


def _labels() -> dict[str, Concept]:
    parts: dict[Malignancy, dict[tuple[str, ...], tuple[str, ...]]] = {
        "malignant": _MALIGNANT,
        "benign": _BENIGN,
        "non-neoplastic": _NON_NEOPLASTIC,
    }
    found = {
        label: concept(*names, malignancy=part)
        for part, groups in parts.items()
        for names, labels in groups.items()
        for label in labels
    }
    found["actinic keratosis"] = concept("Solar or actinic keratosis")
    return found


FITZPATRICK = _labels()
"""Label in lower case → concept."""
