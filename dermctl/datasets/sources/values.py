"""What cells mean: ids, ages, sexes, skin types, licences, splits, in the sources' many spellings.

Each parser takes one cell and returns its value, or None where it is missing; it raises
ValueError where the cell says something that it does not understand.
"""

from __future__ import annotations

import re

_MISSING = frozenset(
    {
        "",
        "-",
        "?",
        "na",
        "n/a",
        "nan",
        "none",
        "null",
        "unk",
        "unknown",
        "not reported",
        "-1",
        "-1.0",
    }
)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
_OLDEST = 120.0  # years


def is_missing(cell: str | None) -> bool:
    """Whether a cell is empty or says that nothing is known."""
    return cell is None or cell.strip().lower() in _MISSING


def parse_id(cell: str) -> str | None:
    """A patient's or lesion's id; "unknown" is no id, or all the unknown would be one patient."""
    return None if is_missing(cell) else cell.strip()


def parse_label(cell: str) -> str | None:
    """A label with its white space tidied; only an empty cell or "nan" is none."""
    label = " ".join(cell.split())
    return None if label.lower() in {"", "nan"} else label


def parse_text(cell: str) -> str | None:
    """A word in lower case."""
    return None if is_missing(cell) else " ".join(cell.lower().split())


def parse_age(cell: str) -> float | None:
    """Years, 0 to 120; "85+" is 85."""
    if is_missing(cell):
        return None
    age = float(cell.strip().rstrip("+"))
    if not 0 <= age <= _OLDEST:
        raise ValueError(f"{cell!r} is no age")
    return age


def parse_sex(cell: str) -> str | None:
    """ "female" or "male"."""
    if is_missing(cell):
        return None
    sex = _SEXES.get(cell.strip().lower())
    if sex is None:
        raise ValueError(f"{cell!r} is no sex")
    return sex


def parse_fitzpatrick(cell: str) -> int | None:
    """Skin type 1 to 6, from "3", "3.0", "III" or "type III"; -1 and 0 are unknown."""
    if is_missing(cell):
        return None
    word = cell.strip().lower().removeprefix("fst").removeprefix("type").strip()
    number = float(_ROMAN.get(word, word))
    if number == 0:
        return None
    if number not in range(1, 7):
        raise ValueError(f"{cell!r} is no Fitzpatrick skin type")
    return int(number)


def skin_tone(fitzpatrick: int | None) -> str | None:
    """The pair of skin types, "12", "34" or "56", that a skin type lies in."""
    return None if fitzpatrick is None else ("12", "34", "56")[(fitzpatrick - 1) // 2]


def parse_split(cell: str) -> str | None:
    """ "train", "val" or "test"."""
    if is_missing(cell):
        return None
    split = _SPLITS.get(cell.strip().lower())
    if split is None:
        raise ValueError(f"{cell!r} is no split: train, val or test")
    return split


def normalise_license(text: str | None) -> str | None:
    """A licence as a short token without its version, as `--license` takes it.

    "CC-0", "CC0 1.0" → "cc-0"; "CC BY-NC-SA 4.0" → "cc-by-nc-sa"; what is none of Creative
    Commons' becomes its words joined by hyphens; nothing becomes None.
    """
    if text is None or is_missing(text):
        return None
    words = re.findall(r"[a-z0-9.]+", _spelt_short(text.lower()))
    if words[:2] in (["cc", "0"], ["cc0", "1.0"]) or words[0] in {"cc0", "cc0.1.0"}:
        return "cc-0"
    if words[0] == "cc":
        return "-".join(["cc", *(word for word in words[1:] if word in _CC_TERMS)])
    return "-".join(words)


_CC_TERMS = ("by", "nc", "sa", "nd")
_LONG_SPELLINGS = {
    "https://creativecommons.org/publicdomain/zero": "cc-0",
    "https://creativecommons.org/licenses": "cc",
    "public domain": "cc-0",
    "creative commons": "cc",
    "attribution": "by",
    "noncommercial": "nc",
    "non-commercial": "nc",
    "sharealike": "sa",
    "share-alike": "sa",
    "share alike": "sa",
    "noderivatives": "nd",
    "no derivatives": "nd",
    "zero": "0",
}


def _spelt_short(text: str) -> str:
    text = text.replace("http://", "https://")
    for long, short in _LONG_SPELLINGS.items():
        text = text.replace(long, short)
    return text
