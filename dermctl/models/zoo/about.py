"""``about.json``: what an encoder of the zoo is, whose it is, and where it comes from.

Also read from other labs' zoos: nothing in it is trusted before it is held against its kind.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dermctl.errors import CheckpointError
from dermctl.files import write_json
from dermctl.workspace import is_name

FORMAT = 1
ABOUT_FILE = "about.json"
_CHANNELS = 3
_LARGEST = 1 << 14
"""Pixels a side."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class About:
    """What stands in ``about.json``; plain values only."""

    name: str
    encoder: str  # timm name
    image_size: int  # pixels a side that it was trained at
    mean: tuple[float, ...]  # of the normalisation, per channel, for pixels in 0..1
    std: tuple[float, ...]
    crop_pct: float  # of the evaluation transform, as timm names it
    interpolation: str  # likewise
    crop_mode: str  # likewise
    license: str  # SPDX expression
    sha256: str  # of encoder.safetensors
    source: str  # the run it was added from, or the address or folder it was pulled from
    dermctl: str  # version that made the entry
    added_at: str  # when this zoo got it
    citation: str | None = None
    method: str | None = None  # what trained it last; None: not known
    datasets: tuple[str, ...] = ()  # that it was trained on last
    manifests: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of those
    synthetic: bool = False  # trained on drawn images
    leaks: tuple[str, ...] = ()  # held-out images that --allow-leak let pass, in words
    store_size: int = 0  # short side that images were packed to; 0: not known
    exposure: Mapping[str, Any] | None = None  # state, counts, SHA-256 of the record; None: none
    format: int = FORMAT


def read_about(path: Path) -> About:
    """Read an ``about.json``.

    Raises:
        CheckpointError: it cannot be read, is of a newer dermctl, or a value cannot be; all are
            named.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot be read ({type(error).__name__})", where=path) from error
    if not isinstance(document, dict):
        raise CheckpointError("this describes no encoder of a zoo", where=path)
    if isinstance(version := document.get("format"), int) and version > FORMAT:
        raise CheckpointError("written by a newer dermctl", where=path, hint="Update dermctl")
    faults = [f"{name} is missing" for name in _NEEDED if document.get(name) is None]
    faults += [
        f"{name} cannot be {str(document[name])[:40]!r}"
        for name, fits in (_NEEDED | _OPTIONAL).items()
        if document.get(name) is not None and not fits(document[name])
    ]
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if faults[5:] else "")
        raise CheckpointError(f"this describes no encoder of a zoo: {shown}", where=path)
    known = {each.name for each in fields(About)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in document.items()
        if key in known and value is not None
    }
    return About(**values)


def write_about(path: Path, about: About) -> None:
    """Write it; ``read_about`` gives it back."""
    write_json(path, asdict(about))


def is_sha256(value: object) -> bool:
    """Whether it is a SHA-256, hexadecimal, in small letters."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and is_name(value)


def _is_line(value: object) -> bool:
    """A text that a terminal can show as it stands."""
    return isinstance(value, str) and value.isprintable() and bool(value.strip())


def _are_lines(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_line, value))


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_positive(value: object) -> bool:
    return _is_number(value) and value > 0  # type: ignore[operator]


def _are_means(value: object) -> bool:
    return isinstance(value, list) and len(value) == _CHANNELS and all(map(_is_number, value))


def _are_deviations(value: object) -> bool:
    return isinstance(value, list) and len(value) == _CHANNELS and all(map(_is_positive, value))


def _are_hashes(value: object) -> bool:
    return isinstance(value, dict) and all(
        _is_line(key) and is_sha256(each) for key, each in value.items()
    )


def _is_exposure(value: object) -> bool:
    """The note of a record: its state, its counts, its SHA-256."""
    if not isinstance(value, dict) or value.get("state") not in ("known", "unknown"):
        return False
    counts = [value.get(name) for name in ("trained_on", "selected_on")]
    return is_sha256(value.get("sha256")) and all(
        isinstance(count, int) and count >= 0 for count in counts
    )


_NEEDED: dict[str, Callable[[object], bool]] = {
    "name": _is_name,
    "encoder": _is_line,
    "image_size": _is_size,
    "mean": _are_means,
    "std": _are_deviations,
    "crop_pct": _is_positive,
    "interpolation": _is_line,
    "crop_mode": _is_line,
    "license": _is_line,
    "sha256": is_sha256,
    "source": _is_line,
    "dermctl": _is_line,
    "added_at": _is_line,
}
"""Field -> whether a value from a file can be it."""
_OPTIONAL: dict[str, Callable[[object], bool]] = {
    "citation": _is_line,
    "method": _is_line,
    "datasets": _are_lines,
    "manifests": _are_hashes,
    "synthetic": lambda value: isinstance(value, bool),
    "leaks": _are_lines,
    "store_size": lambda value: value == 0 or _is_size(value),
    "exposure": _is_exposure,
}
"""Likewise, of those that may be null."""
