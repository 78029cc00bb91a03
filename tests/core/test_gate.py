"""The gate: planted leaks are caught in pretrain, finetune and evaluate; nothing else is."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from dermctl.checkpoint import read_checkpoint, save_checkpoint
from dermctl.config.trainings import FinetuneConfig
from dermctl.core import evaluate as evaluate_module
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.evaluate import evaluate
from dermctl.core.finetune import finetune
from dermctl.core.gate import leak_words, look_for
from dermctl.core.pretrain import pretrain
from dermctl.datasets.fingerprints import COLUMNS, Fingerprints, fingerprints
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.prepared import Split, load_split
from dermctl.datasets.sources.base import ReadOptions
from dermctl.errors import LeakError
from dermctl.exposure import Exposure
from dermctl.workspace import Workspace
from tests.conftest import TINY, Trained
from tests.core.test_pretrain import CONFIG
from tests.told import Told

SIDE = 128
QUICK = {"accelerator": "cpu", "workers": 0}
Copy = Callable[[Path, Path], None]


def draw(path: Path, seed: int) -> None:
    """A picture with structure at several scales, as skin has."""
    generator = np.random.default_rng(seed)
    picture = np.full((SIDE, SIDE, 3), (190, 150, 135), np.float32)
    for cells, strength in ((4, 40), (12, 30), (32, 20)):
        coarse = generator.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        picture += strength * cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)


def same_bytes(source: Path, target: Path) -> None:
    shutil.copy(source, target.with_suffix(source.suffix))


def reencoded(source: Path, target: Path) -> None:
    Image.open(source).convert("RGB").save(target.with_suffix(".jpg"), quality=70)


def mirrored(source: Path, target: Path) -> None:
    ImageOps.mirror(Image.open(source).convert("RGB")).save(target.with_suffix(".jpg"), quality=70)


def turned(source: Path, target: Path) -> None:
    picture = Image.open(source).convert("RGB").rotate(90)
    picture.resize((SIDE * 3 // 4, SIDE * 3 // 4)).save(target.with_suffix(".jpg"), quality=80)


def cropped(source: Path, target: Path) -> None:
    picture = Image.open(source).convert("RGB")
    edges = (SIDE // 25, SIDE // 30, SIDE - SIDE // 22, SIDE - SIDE // 40)
    picture.crop(edges).save(target.with_suffix(".jpg"), quality=85)


COPIES: tuple[Copy, ...] = (same_bytes, reencoded, mirrored, turned, cropped)


@dataclass(frozen=True)
class Table:
    """A user's table and its pictures, while it is being made."""

    raw: Path
    rows: list[str]

    def draw(self, patients: range, *, seed: int) -> Table:
        """Two pictures a patient, of two classes."""
        for patient in patients:
            for number in range(2):
                name = f"{seed}-{patient}-{number}"
                draw(self.raw / f"{name}.png", seed * 1000 + patient * 2 + number)
                self.add(name, f"P{patient}", patient)
        return self

    def add(self, name: str, patient: str, label: int) -> None:
        self.rows.append(f"{name},{('melanoma', 'nevus')[label % 2]},{patient}")

    def prepare(self, workspace: Workspace, name: str) -> Path:
        table = self.raw.with_suffix(".csv")
        table.write_text("\n".join(["file,diagnosis,patient", *self.rows]) + "\n")
        read = ReadOptions(
            csv=table, image_column="file", label_column="diagnosis", patient_column="patient"
        )
        plain = PrepareRequest(source="csv", raw=self.raw, name=name, read=read, size=96, workers=1)
        prepare(workspace, replace(plain, val=0.2, test=0.2))
        return workspace.dataset(name)


@dataclass(frozen=True)
class World:
    """A workspace of two datasets: `copies` holds copies of `clinic`'s test images."""

    workspace: Workspace
    planted: frozenset[str]
    test: frozenset[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    workspace = Workspace(root / "workspace")
    clinic = Table(root / "clinic", []).draw(range(10), seed=1)
    test = load_split(clinic.prepare(workspace, "clinic"), "test").column("image_id")
    copies = Table(root / "copies", []).draw(range(10), seed=2)
    planted = set()
    for number, name in enumerate(test):
        for copy in COPIES:
            copied = f"{copy.__name__}-{number}"
            copy(clinic.raw / f"{Path(name).stem}.png", copies.raw / copied)
            copies.add(copied, f"Q{copied}", number)
            planted.add(copied)
    copies.prepare(workspace, "copies")
    return World(workspace, frozenset(planted), frozenset(test))


def seen_by(trained: Trained, path: Path, exposure: Exposure, *, pretrained: bool = False) -> Path:
    """A checkpoint whose weights are said to have seen this."""
    run = trained.pretrained if pretrained else trained.finetuned
    read = read_checkpoint(run.checkpoint)
    save_checkpoint(path, read.about, read.state, exposure)
    return path


def test_pretrain_leaves_out_what_other_datasets_hold_out(world: World) -> None:
    told = Told()
    result = pretrain(world.workspace, CONFIG, told)  # type: ignore[arg-type]
    copies = world.workspace.dataset("copies")
    wanted = {
        image_id
        for name in ("train", "val")
        for image_id in load_split(copies, name).column("image_id")
        if Path(image_id).stem in world.planted
    }
    assert len(wanted) > len(COPIES)
    listed = pq.read_table(result.run / "left_out.parquet").to_pylist()
    assert {row["image_id"] for row in listed} == wanted
    assert {row["dataset"] for row in listed} == {"copies"}
    assert result.left_out == len(wanted)
    recorded = json.loads((result.run / "provenance.json").read_text())["left_out"]
    assert recorded["images"] == len(wanted)
    assert {"same bytes", "same picture"} == set(recorded["reasons"])
    assert any(message.startswith("left out, as held-out images") for message in told.said)
    trains = [load_split(folder, "train") for folder in world.workspace.datasets()]
    exposure = read_checkpoint(result.checkpoint).exposure
    left = sum(row["split"] == "train" for row in listed)
    assert int(exposure.trained.sum()) == sum(map(len, trains)) - left
    assert exposure.complete


def copies_of(world: World, copy: Copy) -> list[Split]:
    """The copies of one kind, in whichever split of the other dataset they lie."""
    folder = world.workspace.dataset("copies")
    splits = [load_split(folder, name) for name in ("train", "val", "test")]
    return [
        split.where([copy.__name__ in image_id for image_id in split.column("image_id")])
        for split in splits
    ]


def ids_of(world: World, same: str) -> Exposure:
    """Weights that saw other pictures, one with the patient or the lesion of a test image."""
    values = fingerprints(load_split(world.workspace.dataset("clinic"), "test")).values[:1].copy()
    others = [name for name in COLUMNS if name != same]
    values[:, [COLUMNS.index(name) for name in others]] = 12345
    return Exposure(Fingerprints(values), np.array([True]), True)


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
@pytest.mark.parametrize("role", ["trained on", "selected on"])
def test_evaluate_refuses_a_copy_of_each_kind(
    world: World, trained: Trained, tmp_path: Path, copy: Copy, role: str
) -> None:
    of_kind = copies_of(world, copy)
    sides = (of_kind, []) if role == "trained on" else ([], of_kind)
    path = seen_by(trained, tmp_path / "x.ckpt", Exposure.of(*sides))
    with pytest.raises(LeakError, match=f"{len(world.test)} of {len(world.test)}") as caught:
        evaluate(world.workspace, path, data="clinic", **QUICK)  # type: ignore[arg-type]
    assert caught.value.exit_code == 1
    assert any(name in caught.value.what for name in world.test)
    assert role in caught.value.what
    listing = world.workspace.runs / "leaked-clinic-test.csv"
    assert str(listing) in str(caught.value.hint)
    with listing.open() as file:
        listed = list(csv.DictReader(file))
    assert {row["image_id"] for row in listed} == world.test
    assert {row["role"] for row in listed} == {role}
    at = "clinic" if copy is same_bytes else copy.__name__  # equal files are one image
    assert all(at in row["tied_to"] for row in listed)


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
def test_finetune_refuses_a_copy_of_each_kind(
    world: World, trained: Trained, tmp_path: Path, copy: Copy
) -> None:
    exposure = Exposure.of(copies_of(world, copy), [])
    path = seen_by(trained, tmp_path / "x.ckpt", exposure, pretrained=True)
    config = FinetuneConfig(data="clinic", from_checkpoint=str(path), **TINY)
    runs = world.workspace.run_folders()
    with pytest.raises(LeakError, match=f"{len(world.test)} of {len(world.test)}"):
        finetune(world.workspace, config)
    assert world.workspace.run_folders() == runs


def test_the_patient_of_a_seen_image_is_enough(
    world: World, trained: Trained, tmp_path: Path
) -> None:
    """And another image of that patient's counts as seen with it."""
    path = seen_by(trained, tmp_path / "x.ckpt", ids_of(world, "patient"))
    with pytest.raises(LeakError, match=r"^2 of .*same patient, trained on"):
        evaluate(world.workspace, path, data="clinic", **QUICK)  # type: ignore[arg-type]


def test_a_seen_picture_takes_its_group_with_it(
    world: World, trained: Trained, tmp_path: Path
) -> None:
    path = seen_by(trained, tmp_path / "x.ckpt", ids_of(world, "bytes"))
    with pytest.raises(LeakError, match=r"^2 of .*same bytes.*same group") as caught:
        evaluate(world.workspace, path, data="clinic", **QUICK)  # type: ignore[arg-type]
    assert "and" not in caught.value.what.split("same group")[1]


def test_a_picture_that_is_not_here_is_not_verified_which_is_said(world: World) -> None:
    clinic = world.workspace.dataset("clinic")
    test = load_split(clinic, "test")
    values = fingerprints(test).values.copy()
    values[:, [COLUMNS.index(name) for name in COLUMNS if name != "picture"]] = 12345
    exposure = Exposure(Fingerprints(values), np.ones(len(values), bool), True)
    seen = look_for(test, exposure, Pictures([clinic]))
    assert not seen.found
    assert not seen.clean
    assert seen.unverified == len(test)
    assert f"not verified: {len(test)} images" in leak_words(seen)


def test_allowed_leaks_stand_in_every_result(
    world: World, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_module, "RESAMPLES", 20)
    exposure = Exposure.of(copies_of(world, mirrored), [])
    path = seen_by(trained, tmp_path / "x.ckpt", exposure)
    allowed = evaluate(
        world.workspace, path, data="clinic", out=tmp_path / "out", allow_leak=True, **QUICK
    )  # type: ignore[arg-type]
    document = json.loads(allowed.metrics_file.read_text())
    assert document["leaked_images"] == len(world.test)
    assert "allowed by --allow-leak" in document["leak_check"]
    for file in (allowed.report_file, allowed.card_file):
        assert "allowed by --allow-leak" in file.read_text(encoding="utf-8")
    metadata = pq.read_schema(allowed.predictions_file).metadata[b"dermctl"]
    assert json.loads(metadata)["leaked_images"] == len(world.test)
    assert "allowed by --allow-leak" in json.loads(metadata)["leak_check"]
    with (tmp_path / "out" / "seen_images.csv").open() as listing:
        assert {row["image_id"] for row in csv.DictReader(listing)} == world.test


def test_finetune_refuses_and_what_is_allowed_stands_in_all_that_follows(
    world: World, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_module, "RESAMPLES", 20)
    seen = load_split(world.workspace.dataset("clinic"), "test")
    path = seen_by(trained, tmp_path / "x.ckpt", Exposure.of([seen], []), pretrained=True)
    config = FinetuneConfig(data="clinic", from_checkpoint=str(path), mode="linear", **TINY)
    runs = list(world.workspace.run_folders())
    with pytest.raises(LeakError, match="clinic/test were seen"):
        finetune(world.workspace, config)
    assert world.workspace.run_folders() == runs
    result = finetune(world.workspace, replace(config, allow_leak=True))
    provenance = json.loads((result.run / "provenance.json").read_text())
    assert "allowed by --allow-leak" in provenance["leak_check"]
    read = read_checkpoint(result.checkpoint)
    assert len(read.about.leaks) == 1
    assert len(read.exposure) == sum(
        len(load_split(seen.folder, name)) for name in ("train", "val", "test")
    )
    other = evaluate(
        world.workspace,
        result.checkpoint,
        data="copies",
        out=tmp_path / "o",
        allow_leak=True,
        **QUICK,  # type: ignore[arg-type]
    )
    assert "failed before" in json.loads(other.metrics_file.read_text())["leak_check"]


def test_a_patient_of_the_same_source_is_known_again(
    world: World, trained: Trained, tmp_path: Path
) -> None:
    """The clinic's table, prepared elsewhere with new pictures; and another's with such ids."""
    train = load_split(world.workspace.dataset("clinic"), "train")
    path = seen_by(trained, tmp_path / "x.ckpt", Exposure.of([train], []))
    elsewhere = Workspace(tmp_path / "elsewhere")
    table = Table(tmp_path / "grown", []).draw(range(10), seed=3)
    patients = set(train.column("patient_id"))
    test = load_split(table.prepare(elsewhere, "clinic"), "test")
    again = sum(patient in patients for patient in test.column("patient_id"))
    assert again
    with pytest.raises(LeakError, match=f"^{again} of {len(test)} .*same patient"):
        evaluate(elsewhere, path, data="clinic", **QUICK)  # type: ignore[arg-type]
    table.prepare(elsewhere, "hospital")
    result = evaluate(elsewhere, path, data="hospital", **QUICK)  # type: ignore[arg-type]
    assert result.leaked == 0


def test_ordinary_data_raise_no_alarm_and_unknown_weights_are_said(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_module, "RESAMPLES", 20)
    assert trained.pretrained.left_out == 0
    assert "failed" not in trained.finetuned.leak_check
    workspace = trained.workspace
    result = evaluate(workspace, trained.finetuned.checkpoint, out=tmp_path / "a", **QUICK)  # type: ignore[arg-type]
    assert result.leak_check.startswith("none of the 6 images shares")
    unknown = seen_by(trained, tmp_path / "x.ckpt", Exposure.unknown())
    result = evaluate(workspace, unknown, data="clinic", out=tmp_path / "b", **QUICK)  # type: ignore[arg-type]
    document = json.loads(result.metrics_file.read_text())
    assert document["leak_check"].startswith("exposure unknown")
    assert document["exposure"] == {"state": "unknown", "trained_on": 0, "selected_on": 0}
    for file in (result.report_file, result.card_file):
        assert "exposure unknown" in file.read_text(encoding="utf-8")
