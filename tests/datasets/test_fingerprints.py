"""Fingerprints: what links two images, and what must not."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dermctl.datasets.fingerprints import (
    UNKNOWN_ID,
    fingerprints,
    keyed_hashes,
    namespace,
    sha256_prefixes,
)
from dermctl.datasets.prepared import Split


def described(source: str, name: str, *, synthetic: bool = False) -> dict[str, object]:
    return {"source": source, "name": name, "synthetic": synthetic}


def test_a_prefix_is_the_first_eight_bytes() -> None:
    digest = hashlib.sha256(b"a file")
    assert int(sha256_prefixes([digest.hexdigest()])[0]).to_bytes(8, "big") == digest.digest()[:8]


def test_ids_of_one_source_meet_and_those_of_two_never() -> None:
    same = keyed_hashes(["P1", "P2"], "patient", "isic")
    assert (same == keyed_hashes(["P1", "P2"], "patient", "isic")).all()
    others = np.concatenate(
        [same, keyed_hashes(["P1"], "patient", "padufes"), keyed_hashes(["P1"], "lesion", "isic")]
    )
    assert len(np.unique(others)) == 4


def test_an_unknown_id_is_no_id() -> None:
    assert keyed_hashes([None, ""], "patient", "isic").tolist() == [0, 0]


def test_a_source_prepared_twice_is_one_source_and_an_own_table_is_its_own() -> None:
    assert namespace(described("isic", "a")) == namespace(described("isic", "b"))
    assert namespace(described("csv", "a")) != namespace(described("csv", "b"))
    drawn = namespace(described("padufes", "a", synthetic=True))
    assert drawn != namespace(described("padufes", "a"))


def test_the_isic_family_shares_its_ids_and_no_other_source_does() -> None:
    family = ["isic", "isic2016", "isic2018", "isic2019", "isic2020", "isic2024", "ham10000"]
    assert {namespace(described(name, name)) for name in family} == {"isic"}
    for name in ("padufes", "fitzpatrick", "ddi", "derm7pt", "sd198"):
        assert namespace(described(name, name)) == name
    assert namespace(described("ham10000", "a", synthetic=True)) == "ham10000/a"


def split_of(source: str, name: str, ids: list[str]) -> Split:
    columns = {
        "image_id": ids,
        "sha256": [hashlib.sha256(f"{source}{image}".encode()).hexdigest() for image in ids],
        "phash": pa.array(range(len(ids)), pa.uint64()),
        "patient_id": pa.array([None] * len(ids), pa.string()),
        "lesion_id": pa.array([None] * len(ids), pa.string()),
    }
    return Split(Path(name), "train", pa.table(columns), described(source, name), "")


def test_an_image_of_the_isic_family_is_known_by_its_id() -> None:
    """Whatever its bytes; a file called so in a user's own folder is not."""
    one = fingerprints(split_of("ham10000", "ham", ["ISIC_1", "ISIC_2"])).column("image")
    other = fingerprints(split_of("isic2019", "b", ["ISIC_2_downsampled", "ISIC_3"])).column(
        "image"
    )
    assert [hash_ in one for hash_ in other] == [True, False]
    for source in ("csv", "folder"):
        own = fingerprints(split_of(source, "ham", ["ISIC_1"])).column("image")
        assert own.tolist() == [UNKNOWN_ID]


@pytest.mark.real_data
def test_lesions_of_ham10000_are_lesions_of_isic_2019(real_data: Path) -> None:
    """What the shared namespace rests on: the same id stands for the same images in both."""

    def lesions(path: Path, image: str) -> dict[str, str]:
        with path.open(encoding="utf-8") as file:
            return {row[image]: row["lesion_id"] for row in csv.DictReader(file)}

    ham = lesions(real_data / "ham10000" / "HAM10000_metadata.csv", "image_id")
    later = lesions(real_data / "isic_metadata" / "ISIC_2019_Training_Metadata.csv", "image")
    shared = ham.keys() & later.keys()
    assert len(shared) == len(ham)
    assert all(ham[image] == later[image] for image in shared)
