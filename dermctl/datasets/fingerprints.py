"""What is kept of an image so that it can be known again: 40 bytes, no pixels, no identifiers.

Five 64-bit values: the first 8 bytes of the file's SHA-256, the perceptual hash, and keyed hashes
of patient, lesion and image id. The key of the last three is the id's source: ids of two sources
never meet, as "patient 1" of one is not "patient 1" of another; the ISIC family counts as one
source. A user's own table or folder, and drawn images, are a source each; their image ids, often
mere numbers, are not kept: such images are known by bytes and pixels. The key is no secret, or
checkpoints could not be compared between machines: who can list all ids can find one in its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dermctl.datasets.columns import Codes, Strings
from dermctl.datasets.prepared import Split

UNKNOWN_ID = 0
"""The hash of an id that is not known; it links nothing."""
COLUMNS = ("bytes", "picture", "patient", "lesion", "image")
_BYTES = 8
_OWN_SOURCES = frozenset({"csv", "folder"})
_DOWNSAMPLED = "_downsampled"
"""What ISIC 2019 appends to the ids of 2,074 images that it hands on in a smaller size."""
_ISIC = "isic"
_SHARED_IDS = {
    "isic": _ISIC,  # patients IP_…, lesions IL_…
    "isic2020": _ISIC,  # patients IP_…, lesions IL_… (second version of the table)
    "isic2024": _ISIC,  # patients IP_…, lesions IL_…
    "isic2018": _ISIC,  # lesions HAM_…
    "isic2019": _ISIC,  # lesions HAM_…, BCN_… and MSK4_…
    "ham10000": _ISIC,  # lesions HAM_…
    "isic2016": _ISIC,  # none; its images are in the archive
}
"""Source -> whose ids its patients' and lesions' ids are. The ISIC archive, its challenges and
HAM10000 hand on the ids of the collections that they are made of, prefix included, so equal ids
are one patient or lesion. The archive gives HAM10000's lesions other ids (IL_…): there, equal
bytes and pixels tell that it contains them."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Of n images.

    Args:
        values: [n, 5] in the order of :data:`COLUMNS`.
    """

    values: Hashes

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> Hashes:
        """One of :data:`COLUMNS`: [n]."""
        return self.values[:, COLUMNS.index(name)]


def fingerprints(split: Split) -> Fingerprints:
    """The fingerprints of a split's images, in order."""
    source = namespace(split.description)
    columns = [
        sha256_prefixes(split.table.column("sha256")),
        split.table.column("phash").to_numpy().astype(np.uint64, copy=False),
        _hashes_of(split.codes("patient_id"), "patient", source),
        _hashes_of(split.codes("lesion_id"), "lesion", source),
        _image_hashes(split, source),
    ]
    return Fingerprints(np.stack(columns, axis=1).reshape(-1, len(COLUMNS)))


def _hashes_of(column: Codes, kind: str, source: str) -> Hashes:
    """As ``keyed_hashes``, of a column whose values occur many times."""
    values = keyed_hashes(Strings(column.values), kind, source)
    return np.append(values, np.uint64(UNKNOWN_ID))[column.numbers]  # null is -1: the last


def _image_hashes(split: Split, source: str) -> Hashes:
    """Of the image ids of a published source; of others none, as "1.png" is a name and no id."""
    if _is_own(split.description):
        return np.full(len(split), UNKNOWN_ID, np.uint64)
    ids = (image_id.removesuffix(_DOWNSAMPLED) for image_id in split.strings("image_id"))
    return keyed_hashes(ids, "image", source)


def sha256_prefixes(hexadecimal: Sequence[str] | pa.ChunkedArray) -> Hashes:
    """The first 8 bytes of SHA-256 digests, as numbers.

    Raises:
        ValueError: one of them is no such digest.
    """
    column = hexadecimal
    if not isinstance(column, pa.ChunkedArray):
        column = pa.chunked_array([pa.array(hexadecimal, pa.string())])
    starts = pc.binary_slice(column.cast(pa.binary()), 0, 2 * _BYTES).combine_chunks()
    digits = (
        starts.cast(pa.binary(2 * _BYTES)).buffers()[1].to_pybytes()[: 2 * _BYTES * len(starts)]
    )
    return np.frombuffer(bytes.fromhex(digits.decode()), ">u8").astype(np.uint64)


def namespace(description: dict[str, Any]) -> str:
    """Whose ids a dataset's ids are: its source, the ISIC archive, or the dataset itself."""
    source, name = str(description["source"]), str(description["name"])
    return f"{source}/{name}" if _is_own(description) else _SHARED_IDS.get(source, source)


def _is_own(description: dict[str, Any]) -> bool:
    return description["source"] in _OWN_SOURCES or bool(description["synthetic"])


def keyed_hashes(ids: Iterable[str | None], kind: str, source: str) -> Hashes:
    """BLAKE2b (RFC 7693) of ids, keyed with their source and personalised with their kind: [n]."""
    key = hashlib.sha256(source.encode()).digest()
    keyed = hashlib.blake2b(digest_size=_BYTES, key=key, person=kind.encode())
    unknown = UNKNOWN_ID.to_bytes(_BYTES, "big")
    found = bytearray()
    for value in ids:
        if value:
            own = keyed.copy()
            own.update(value.encode())
            found += own.digest()
        else:
            found += unknown
    return np.frombuffer(found, ">u8").astype(np.uint64)
