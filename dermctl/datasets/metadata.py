"""Patient metadata as numbers for a model: standardised or one-hot, missing values marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.errors import DataError

FloatArray = npt.NDArray[np.float32]
MAX_VALUES = 50
"""Values of a column of texts; one with more is an identifier or free text, not a category."""


@dataclass(frozen=True)
class NumberField:
    """A column of numbers: (x - mean) / std, 0 where missing, and 1 in a second place there."""

    name: str
    mean: float
    std: float

    width = 2

    def encode(self, values: Sequence[Any]) -> FloatArray:
        """[n, 2]."""
        numbers = np.array([_number(value) for value in values], np.float64)
        missing = np.isnan(numbers)
        return np.stack(
            [np.where(missing, 0.0, (numbers - self.mean) / self.std), missing], axis=1
        ).astype(np.float32)


@dataclass(frozen=True)
class CategoryField:
    """A column of texts: one place a value seen in training, the last for what is missing.

    A value that training never saw counts as missing.
    """

    name: str
    values: tuple[str, ...]

    @property
    def width(self) -> int:
        """One a value, and one."""
        return len(self.values) + 1

    def encode(self, values: Sequence[Any]) -> FloatArray:
        """[n, values + 1]."""
        place = {value: number for number, value in enumerate(self.values)}
        places = [place.get(_text(value), len(self.values)) for value in values]
        return np.eye(self.width, dtype=np.float32)[np.array(places, np.int64)]


@dataclass(frozen=True)
class MetadataCode:
    """How columns become one vector an image."""

    fields: tuple[NumberField | CategoryField, ...]

    @property
    def width(self) -> int:
        """Numbers an image."""
        return sum(field.width for field in self.fields)

    def encode(self, columns: Mapping[str, Sequence[Any]]) -> FloatArray:
        """Columns of n values -> float32 [n, width].

        Raises:
            DataError: a column is not there.
        """
        absent = [field.name for field in self.fields if field.name not in columns]
        if absent:
            raise DataError(
                f"the model wants metadata that is not in this dataset: {', '.join(absent)}",
                hint="Prepare it with a column of that name, or use a model of images alone",
            )
        return np.concatenate([field.encode(columns[field.name]) for field in self.fields], axis=1)

    def unseen(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
        """By column the values that training never saw: they count as missing."""
        found = {
            field.name: sorted(
                {_text(value) for value in columns[field.name]} - {*field.values, ""}
            )
            for field in self.fields
            if isinstance(field, CategoryField)
        }
        return {name: values for name, values in found.items() if values}

    def to_plain(self) -> list[dict[str, Any]]:
        """For a checkpoint."""
        return [
            {"name": field.name, "mean": field.mean, "std": field.std}
            if isinstance(field, NumberField)
            else {"name": field.name, "values": list(field.values)}
            for field in self.fields
        ]

    @classmethod
    def from_plain(cls, plain: Sequence[Mapping[str, Any]]) -> MetadataCode:
        """What ``to_plain`` gave."""
        return cls(
            tuple(
                CategoryField(str(each["name"]), tuple(map(str, each["values"])))
                if "values" in each
                else NumberField(str(each["name"]), float(each["mean"]), float(each["std"]))
                for each in plain
            )
        )


def fit_metadata(columns: Mapping[str, Sequence[Any]], names: Sequence[str]) -> MetadataCode:
    """Learn from the training rows how to encode the columns ``names``.

    A column whose values are all numbers is a column of numbers; any other is one of categories.

    Raises:
        DataError: a column is not there, is empty, or holds too many different texts.
    """
    return MetadataCode(tuple(_fit(columns, name) for name in dict.fromkeys(names)))


def _fit(columns: Mapping[str, Sequence[Any]], name: str) -> NumberField | CategoryField:
    if name not in columns:
        raise DataError(
            f"there is no column '{name}'",
            where="--metadata",
            hint=f"Columns: {', '.join(sorted(columns))}",
        )
    known = [value for value in columns[name] if _text(value)]
    if not known:
        raise DataError(
            f"the column '{name}' is empty in every training row",
            where="--metadata",
            hint="Leave it out",
        )
    numbers = np.array([_number(value) for value in known], np.float64)
    if not np.isnan(numbers).any():
        return NumberField(name, float(numbers.mean()), float(numbers.std()) or 1.0)
    values = sorted({_text(value) for value in known})
    if len(values) > MAX_VALUES:
        raise DataError(
            f"the column '{name}' has {len(values):,} different values: it is no category",
            where="--metadata",
            hint=f"Take a column with at most {MAX_VALUES}",
        )
    return CategoryField(name, tuple(values))


def _number(value: Any) -> float:
    """NaN where there is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _text(value: Any) -> str:
    """A value as a category names it; empty where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()
