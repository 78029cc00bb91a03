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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        sha256_prefixes(split.column("sha256")),
        np.array(split.column("phash"), np.uint64),
        keyed_hashes(split.column("patient_id"), "patient", source),
        keyed_hashes(split.column("lesion_id"), "lesion", source),
        keyed_hashes(_published_ids(split), "image", source),
    ]
    return Fingerprints(np.stack(columns, axis=1).reshape(-1, len(COLUMNS)))


def _published_ids(split: Split) -> list[str | None]:
    """The image ids of a published source; of others None, as "1.png" is a name and no id."""
    ids = split.column("image_id")
    if _is_own(split.description):
        return [None] * len(ids)
    return [image_id.removesuffix(_DOWNSAMPLED) for image_id in ids]


def sha256_prefixes(hexadecimal: Sequence[str]) -> Hashes:
    """The first 8 bytes of SHA-256 digests, as numbers."""
    return np.array([int(digest[: 2 * _BYTES], 16) for digest in hexadecimal], np.uint64)


def namespace(description: dict[str, Any]) -> str:
    """Whose ids a dataset's ids are: its source, the ISIC archive, or the dataset itself."""
    source, name = str(description["source"]), str(description["name"])
    return f"{source}/{name}" if _is_own(description) else _SHARED_IDS.get(source, source)


def _is_own(description: dict[str, Any]) -> bool:
    return description["source"] in _OWN_SOURCES or bool(description["synthetic"])


def keyed_hashes(ids: Sequence[str | None], kind: str, source: str) -> Hashes:
    """BLAKE2b (RFC 7693) of ids, keyed with their source and personalised with their kind: [n]."""
    key = hashlib.sha256(source.encode()).digest()
    known = {
        value: hashlib.blake2b(
            value.encode(), digest_size=_BYTES, key=key, person=kind.encode()
        ).digest()
        for value in set(ids)
        if value
    }
    return np.array(
        [int.from_bytes(known[value], "big") if value else UNKNOWN_ID for value in ids], np.uint64
    )
