"""Fingerprints: what links two images, and what must not."""

from __future__ import annotations

import hashlib

import numpy as np

from dermctl.datasets.fingerprints import keyed_hashes, namespace, sha256_prefixes


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
