"""`data list`: known sources and prepared datasets."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermctl.cli.main import app
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


def test_a_damaged_dataset_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "write_dataset_report", lambda path, *_: None)
    workspace = Workspace(tmp_path / "workspace")
    clinic = make_clinic(tmp_path)
    for name in ("sound", "no_json", "no_train", "half_test", "no_store"):
        prepare(workspace, replace(clinic.request(), name=name))
    (workspace.data / "no_json" / "dataset.json").write_text("{")
    (workspace.data / "no_train" / "train.parquet").unlink()
    (workspace.data / "half_test" / "test.parquet").write_bytes(b"PAR1 and no more")
    shutil.rmtree(workspace.data / "no_store" / "store")
    listing = list_data(workspace)
    assert [dataset.name for dataset in listing.prepared] == ["sound"]
    said = {one.folder.name: one.what for one in listing.damaged}
    assert set(said) == {"no_json", "no_train", "half_test", "no_store"}
    for name, part in (
        ("no_json", "dataset.json"),
        ("no_train", "no train manifest"),
        ("half_test", "test.parquet"),
        ("no_store", "the store is missing"),
    ):
        assert part in said[name]
        assert f"dermctl data prepare … --name {name}" in said[name]
    words = ["data", "list", "--workspace", str(workspace.root)]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    assert "Damaged" in shown.stdout
    assert shown.stdout.count("dermctl data download SOURCE") == 1  # one line for all of them
    plain = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert len(plain["damaged"]) == 4


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"name": "x"}'])
def test_a_damaged_description_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match="cannot be read") as caught:
        describe_dataset(tmp_path)
    assert caught.value.where == str(tmp_path / "dataset.json")
