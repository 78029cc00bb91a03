"""Files are looked at in order, and what can be seen is packed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dermctl.datasets.examine import examine
from dermctl.datasets.packer import Looking, pack_files, repack
from dermctl.datasets.reasons import resolve_actions
from dermctl.datasets.screening import Findings
from dermctl.datasets.store import Store
from tests.made import write_picture

LOOKING = Looking(size=32, min_side=32, max_aspect=4.0, workers=1)


@pytest.fixture
def files(tmp_path: Path) -> dict[int, tuple[str, Path]]:
    """Three pictures, one too small, one damaged; the numbers are rows of a table."""
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return {
        2: ("good", write_picture(tmp_path / "good.png", 1, 48)),
        3: ("small", write_picture(tmp_path / "small.png", 2, 16)),
        5: ("broken", tmp_path / "broken.jpg"),
        9: ("fine", write_picture(tmp_path / "fine.png", 3, 40)),
    }


def test_good_files_are_packed_in_order(files: dict[int, tuple[str, Path]], tmp_path: Path) -> None:
    findings = Findings()
    seen = pack_files(files, tmp_path / "store", LOOKING, findings, resolve_actions())
    assert list(seen) == [2, 9]
    assert {row: code for row, (code, _) in findings.rejected.items()} == {
        3: "too_small",
        5: "truncated",
    }
    store = Store(tmp_path / "store")
    for row, place in ((2, (0, 0)), (9, (0, 1))):
        alone = examine(files[row][1], size=32)
        found = seen[row]
        assert (found.shard, found.row) == place
        assert bytes(store.read(*place)) == alone.packed
        assert found.sha256 == hashlib.sha256(files[row][1].read_bytes()).hexdigest()
        assert (found.phash, found.width, found.height) == (alone.phash, alone.width, alone.height)


def test_keep_packs_what_can_be_seen(files: dict[int, tuple[str, Path]], tmp_path: Path) -> None:
    findings = Findings()
    actions = resolve_actions(keep=["too_small"])
    seen = pack_files(files, tmp_path / "store", LOOKING, findings, actions)
    assert list(seen) == [2, 3, 9]
    assert findings.noted["too_small"] == 1


def test_repack_copies_what_is_named_and_nothing_else(
    files: dict[int, tuple[str, Path]], tmp_path: Path
) -> None:
    seen = pack_files(files, tmp_path / "store", LOOKING, Findings(), resolve_actions())
    wanted = bytes(Store(tmp_path / "store").read(seen[9].shard, seen[9].row))
    places = repack(tmp_path / "store", tmp_path / "kept", ["fine"], [(seen[9].shard, seen[9].row)])
    assert places == [(0, 0)]
    store = Store(tmp_path / "kept")
    assert bytes(store.read(0, 0)) == wanted
    with pytest.raises(Exception, match="holds 1 images"):
        store.read(0, 1)


def test_no_file_makes_no_shard(tmp_path: Path) -> None:
    assert pack_files({}, tmp_path / "store", LOOKING, Findings(), resolve_actions()) == {}
    assert Store(tmp_path / "store").shards() == []
