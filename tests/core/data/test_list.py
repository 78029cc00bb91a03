"""`data list`: known sources and prepared datasets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dermctl.core.data import prepare as module
from dermctl.core.data.list import describe_dataset, list_data
from dermctl.core.data.prepare import prepare
from dermctl.datasets.sources.registry import SOURCES
from dermctl.errors import DataError
from dermctl.workspace import Workspace
from tests.core.data.clinic import make_clinic


def test_an_empty_workspace_lists_all_sources(tmp_path: Path) -> None:
    listing = list_data(Workspace(tmp_path))
    assert [source.name for source in listing.sources] == list(SOURCES)
    assert listing.prepared == ()
    plain = json.loads(json.dumps(listing.to_json()))
    assert {source["name"] for source in plain["sources"]} == set(SOURCES)


def test_a_prepared_dataset_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "write_dataset_report", lambda path, *_: None)
    workspace = Workspace(tmp_path / "workspace")
    prepared = prepare(workspace, make_clinic(tmp_path).request())
    (found,) = list_data(workspace).prepared
    assert (found.name, found.source, found.label) == ("clinic", "csv", "diagnosis")
    assert found.classes == 2
    assert sum(found.images.values()) == prepared.kept
    assert found.rejected == 0
    assert not found.synthetic


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"name": "x"}'])
def test_a_damaged_description_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match="cannot be read") as caught:
        describe_dataset(tmp_path)
    assert caught.value.where == str(tmp_path / "dataset.json")
