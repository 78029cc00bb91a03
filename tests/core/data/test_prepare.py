"""`data prepare`: every row is accounted for, groups stay whole, and nothing is half done."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dermctl.core.data import prepare as module
from dermctl.core.data.prepare import prepare
from dermctl.datasets.examine import examine
from dermctl.datasets.manifest import SPLITS, manifest_description
from dermctl.datasets.prepared import load_split
from dermctl.datasets.sources.base import ReadOptions
from dermctl.datasets.store import STORE_FOLDER, Store
from dermctl.errors import DataError, UsageFault
from dermctl.files import sole_writer
from dermctl.workspace import Workspace
from tests.core.data.clinic import (
    CLASSES,
    DEFECTS,
    EACH,
    PATIENTS,
    Clinic,
    add_defects,
    column,
    make_clinic,
    tables,
)
from tests.made import class_folders

LICENSES = ("cc-0",)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return make_clinic(tmp_path)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Without drawing reports: one test draws one, and tests/report looks at them."""
    monkeypatch.setattr(module, "write_dataset_report", lambda path, *_: path.write_text(""))
    return Workspace(tmp_path / "workspace")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_sound_source_is_kept_whole(clinic: Clinic, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    prepared = prepare(workspace, clinic.request())
    assert (prepared.rows, prepared.kept, prepared.rejected) == (PATIENTS * EACH,) * 2 + ({},)
    assert names(prepared.folder) == [
        "dataset.json",
        "descriptors.npz",
        "history.parquet",
        "near_duplicates.parquet",
        "rejected.parquet",
        "report.html",
        "store",
        "test.parquet",
        "train.parquet",
        "val.parquet",
    ]
    assert "<html" in (prepared.folder / "report.html").read_text(encoding="utf-8")
    assert names(workspace.data) == ["clinic"]
    found = tables(prepared.folder)
    assert sorted(column(found, "image_id")) == sorted(f"img-{n}" for n in range(PATIENTS * EACH))
    about = manifest_description(found["train"])
    assert about["classes"] == list(CLASSES)
    assert about["label"] == "diagnosis"
    assert not about["synthetic"]


def test_the_store_holds_what_the_manifest_points_at(clinic: Clinic, workspace: Workspace) -> None:
    add_defects(clinic)
    folder = prepare(workspace, clinic.request(min_class=2, licenses=LICENSES)).folder
    store = Store(folder / STORE_FOLDER)
    found = tables(folder)
    places = zip(column(found, "shard"), column(found, "row"), strict=True)
    for image_id, place in zip(column(found, "image_id"), places, strict=True):
        alone = examine(clinic.raw / f"{image_id}.png", size=32)
        assert bytes(store.read(*place)) == alone.packed
    with pytest.raises(DataError, match="lies outside"):
        store.read(0, len(column(found, "row")))  # nothing that was rejected is in there


def test_rows_in_are_rows_kept_and_rows_rejected(clinic: Clinic, workspace: Workspace) -> None:
    rows = add_defects(clinic)
    prepared = prepare(workspace, clinic.request(min_class=2, licenses=LICENSES))
    assert prepared.rejected == DEFECTS
    assert prepared.rows == rows == prepared.kept + sum(DEFECTS.values())
    found = tables(prepared.folder)
    assert Counter(column(found, "reason", ["rejected"])) == DEFECTS
    assert len(column(found, "image_id")) == prepared.kept == PATIENTS * EACH
    lines = column(found, "source_row", ["rejected"])
    text = clinic.table.read_text().splitlines()
    for line, image_id in zip(lines, column(found, "image_id", ["rejected"]), strict=True):
        wanted = (f"{image_id},",) if image_id else ("short,", "long,")  # those two are malformed
        assert text[line - 1].startswith(wanted)
    document = json.loads((prepared.folder / "dataset.json").read_text())
    assert document["rejected"] == DEFECTS
    assert document["rows"] == rows


def test_patients_stay_whole_and_shares_are_met(clinic: Clinic, workspace: Workspace) -> None:
    found = tables(prepare(workspace, clinic.request(val=0.2, test=0.3)).folder)
    patients = {split: set(found[split]["patient_id"].to_pylist()) for split in SPLITS}
    assert sum(map(len, patients.values())) == PATIENTS
    assert {split: len(own) for split, own in patients.items()} == {"train": 5, "val": 2, "test": 3}
    for split in SPLITS:
        assert set(found[split]["label"].to_pylist()) == set(CLASSES)


def test_identical_bytes_are_one_group(clinic: Clinic, workspace: Workspace) -> None:
    for number in range(6):
        twin = clinic.raw / f"img-{number * EACH}.png"
        (clinic.raw / f"twin-{number}.png").write_bytes(twin.read_bytes())
    with clinic.table.open("a") as file:
        file.writelines(f"twin-{n},{CLASSES[n % 2]},Q{n},1,CC-0,\n" for n in range(6))
    prepared = prepare(workspace, clinic.request())
    assert prepared.noted["byte_identical"] == 6
    found = tables(prepared.folder)
    group = dict(zip(column(found, "image_id"), column(found, "group_id"), strict=True))
    split = {i: s for s in SPLITS for i in found[s]["image_id"].to_pylist()}
    for number in range(6):
        original = f"img-{number * EACH}"
        assert group[f"twin-{number}"] == group[original] == group[f"img-{number * EACH + 1}"]
        assert split[f"twin-{number}"] == split[original]

    dropped = prepare(workspace, clinic.request(drop=("byte_identical",)))
    assert dropped.rejected == {"byte_identical": 6}


def test_keep_and_drop_change_what_drops_a_row(clinic: Clinic, workspace: Workspace) -> None:
    add_defects(clinic)
    keep = ("too_small", "not_rgb", "missing_label", "label_conflict")
    prepared = prepare(workspace, clinic.request(keep=keep))
    found = tables(prepared.folder)
    ids = dict(zip(column(found, "image_id"), column(found, "label"), strict=True))
    assert {"small", "grey", "no-label", "conflict-a", "conflict-b", "nc", "rare"} <= set(ids)
    assert ids["no-label"] is None
    assert prepared.noted["too_small"] == prepared.noted["not_rgb"] == 1
    assert prepared.noted["label_conflict"] == 2
    assert prepared.rows == prepared.kept + sum(prepared.rejected.values())
    assert sum(counts.get("(none)", 0) for counts in prepared.counts.values()) == 1
    with pytest.raises(UsageFault, match="missing_file"):
        prepare(workspace, clinic.request(keep=("missing_file",)))


def test_a_class_that_is_too_small_is_counted_after_other_rejections(
    clinic: Clinic, workspace: Workspace
) -> None:
    add_defects(clinic)
    with clinic.table.open("a") as file:
        file.write("small,carcinoma,P3,1,CC-0,\n")  # the second carcinoma, dropped as too small
    prepared = prepare(workspace, clinic.request(min_class=2))
    assert prepared.rejected["class_too_small"] == 1
    assert "carcinoma" not in prepared.counts["train"]


def test_a_rare_class_stays_in_train_and_is_named(clinic: Clinic, workspace: Workspace) -> None:
    add_defects(clinic)
    prepared = prepare(workspace, clinic.request())
    assert prepared.untestable == {"carcinoma": 1}
    assert prepared.counts["train"]["carcinoma"] == 1


def test_the_same_again_gives_the_same_bytes(clinic: Clinic, workspace: Workspace) -> None:
    add_defects(clinic)
    places = [Workspace(workspace.root / name) for name in ("a", "b")]
    folders = [prepare(place, clinic.request(seed=3)).folder for place in places]
    for name in ("train.parquet", "val.parquet", "test.parquet", "rejected.parquet"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    shards = [sorted((folder / STORE_FOLDER).iterdir()) for folder in folders]
    assert [path.read_bytes() for path in shards[0]] == [path.read_bytes() for path in shards[1]]


STEPS = ("inspect_source", "place_images", "write_splits", "write_dataset_report", "swap_folder")


@pytest.mark.parametrize("step", STEPS)
def test_what_was_there_stays_when_a_new_prepare_fails(
    clinic: Clinic, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    old = prepare(workspace, clinic.request())
    before = {path.name: path.read_bytes() for path in old.folder.iterdir() if path.is_file()}

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, step, stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(workspace, clinic.request(seed=1, size=40))
    after = {path.name: path.read_bytes() for path in old.folder.iterdir() if path.is_file()}
    assert after == before
    assert names(workspace.data) == ["clinic"], "no half-built folder is left"


def test_a_killed_prepare_run_again_gives_the_same_bytes(
    clinic: Clinic, workspace: Workspace, tmp_path: Path
) -> None:
    whole = prepare(Workspace(tmp_path / "other"), clinic.request()).folder
    half = workspace.data / ".clinic.partial"  # as kill -9 would leave it
    (half / STORE_FOLDER).mkdir(parents=True)
    (half / STORE_FOLDER / "shard-00000.partial").write_bytes(b"half")
    (half / STORE_FOLDER / "shard-00001.arrow").write_bytes(b"old")
    assert workspace.datasets() == []
    again = prepare(workspace, clinic.request()).folder
    assert names(again / STORE_FOLDER) == names(whole / STORE_FOLDER)
    for split in SPLITS:
        name = f"{split}.parquet"
        assert (again / name).read_bytes() == (whole / name).read_bytes()
    assert names(workspace.data) == ["clinic"]


def test_a_prepare_killed_while_it_swapped_folders_keeps_a_dataset(
    clinic: Clinic, workspace: Workspace
) -> None:
    folder = prepare(workspace, clinic.request()).folder
    folder.replace(folder.with_name(".clinic.old"))
    with pytest.raises(DataError):
        prepare(workspace, clinic.request(val=0.6, test=0.6))
    assert workspace.dataset("clinic") == folder
    folder.replace(folder.with_name(".clinic.old"))
    assert len(load_split(folder, "train")), "a reader brings it back too"


def test_two_prepares_of_one_name_do_not_meet(clinic: Clinic, workspace: Workspace) -> None:
    with (
        sole_writer(workspace.data / "clinic"),
        pytest.raises(DataError, match="another command is writing 'clinic'"),
    ):
        prepare(workspace, clinic.request())
    assert names(workspace.data) == []
    prepare(workspace, clinic.request())
    assert names(workspace.data) == ["clinic"]


def test_nothing_usable_says_why(workspace: Workspace, tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "photos", {"a": 2, "b": 1}, side=20)
    request = module.PrepareRequest(source="folder", raw=raw, name="tiny", workers=1)
    with pytest.raises(DataError, match=r"none of 3 rows is usable \(too_small 3\)") as caught:
        prepare(workspace, request)
    assert caught.value.where == str(raw)
    assert names(workspace.data) == []


def test_without_a_label_everything_is_unlabelled(clinic: Clinic, workspace: Workspace) -> None:
    read = ReadOptions(csv=clinic.table, image_column="file", patient_column="patient")
    prepared = prepare(workspace, clinic.request(read=read))
    assert prepared.label is None
    assert prepared.kept == PATIENTS * EACH
    assert manifest_description(tables(prepared.folder)["train"])["classes"] == []


def test_missing_raw_folder_says_how_to_get_it(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ddi") as caught:  # its terms forbid to download it
        prepare(workspace, module.PrepareRequest(source="ddi"))
    assert caught.value.where == str(workspace.raw / "ddi")
    request = module.PrepareRequest(source="padufes", raw=tmp_path / "nowhere")
    with pytest.raises(DataError, match="no such folder"):
        prepare(workspace, request)


def test_json_is_plain(clinic: Clinic, workspace: Workspace) -> None:
    prepared = prepare(workspace, clinic.request())
    plain = json.loads(json.dumps(prepared.to_json()))
    assert plain["rows"] == plain["kept"] == sum(sum(s.values()) for s in plain["splits"].values())
