"""Which columns may be metadata; and a model with them, from training to evaluation."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermctl.checkpoint import read_checkpoint
from dermctl.config.trainings import FinetuneConfig
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.evaluate import evaluate
from dermctl.core.export import export_onnx, read_export
from dermctl.core.finetune import Finetuned, finetune
from dermctl.core.loading import LoaderSettings, evaluation_loader, stored_images
from dermctl.core.metadata import fit_code, metadata_of, telling_gaps, unseen_words
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import Split, load_split
from dermctl.datasets.sources.base import ReadOptions
from dermctl.errors import ConfigError, DataError
from dermctl.inference import probabilities, run_model
from dermctl.models.restore import restore_classifier, restore_image_alone
from dermctl.workspace import Workspace
from tests.conftest import TINY
from tests.made import jpeg

PATIENTS = 60
CONFIG = FinetuneConfig(
    **{**TINY, "batch_size": 16},
    mode="linear",
    from_checkpoint="none",
    encoder="vit_tiny_patch16_224",
    metadata=("age", "sex"),
)


def split(**columns: list[object]) -> Split:
    return Split(Path("data"), "train", pa.table(columns), {}, "")


def test_columns_go_by_their_own_names() -> None:
    train = split(
        label=["a", "b", "a", "b", "a"],
        age=[40.0, 50.0, None, 60.0, 40.0],
        src_itch=["True", "False", "True", "", "False"],
    )
    code = fit_code(train, ["age", "itch"])
    assert code is not None
    assert [field.name for field in code.fields] == ["age", "src_itch"]
    assert fit_code(train, []) is None
    assert unseen_words(code, split(age=[1.0], src_itch=["UNK"])) == "src_itch: UNK"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("itsh", "there is no column 'itsh'.*age, src_diagnosis, src_itch"),
        ("label", "there is no column 'label'"),
        ("patient_id", "there is no column 'patient_id'"),
        ("diagnosis", "tells the label"),
    ],
)
def test_columns_that_may_not_serve(name: str, words: str) -> None:
    train = split(
        label=["a", "b"] * 4,
        patient_id=[str(n) for n in range(8)],
        age=[40.0, 50.0] * 4,
        src_itch=["True", "False", "False", "True"] * 2,
        src_diagnosis=["ACK", "NEV"] * 4,
    )
    with pytest.raises(DataError, match=words):
        fit_code(train, [name])


def test_gaps_that_go_with_a_class_are_said() -> None:
    known = ["male", "female"] * 10
    train = split(
        label=["nevus"] * 20 + ["melanoma"] * 20,
        sex=[*[None] * 16, *known[:4], *known],
        site=[*["arm", "leg"] * 18, None, None, "arm", "leg"],
    )
    code = fit_code(train, ["sex", "site"])
    assert code is not None
    assert telling_gaps(train, code) == ["'sex' is missing in 80% of nevus and 0% of melanoma"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A dataset whose pictures say nothing, and whose ages say all."""
    root = tmp_path_factory.mktemp("metadata")
    raw, rng = root / "raw_clinic", np.random.default_rng(0)
    raw.mkdir()
    with (raw / "table.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "dx", "patient", "age", "sex"])
        for number in range(PATIENTS):
            (raw / f"{number}.jpg").write_bytes(jpeg(number))
            label = ["nevus", "melanoma"][number % 2]
            age = "" if number % 10 == 0 else int(rng.normal(35 + 30 * (number % 2), 8))
            sex = ["male", "female", ""][number % 3]
            rows.writerow([f"{number}.jpg", label, f"p{number}", age, sex])
    found = Workspace(root)
    columns = ReadOptions(
        csv=raw / "table.csv",
        image_column="name",
        label_column="dx",
        patient_column="patient",
        age_column="age",
        sex_column="sex",
    )
    prepare(found, PrepareRequest("csv", raw=raw, name="clinic", read=columns, val=0.2, workers=1))
    return found


@pytest.fixture(scope="module")
def linear(workspace: Workspace) -> Finetuned:
    return finetune(workspace, CONFIG)


def test_metadata_that_tell_more_than_pictures_help(linear: Finetuned) -> None:
    assert linear.metadata_gain is not None
    assert linear.metadata_gain["auroc"].value > 0.1
    assert linear.best > 0.8
    document = json.loads(json.dumps(linear.to_json()))
    assert document["metadata_gain"]["auroc"]["value"] == linear.metadata_gain["auroc"].value


def test_the_checkpoint_says_how_metadata_are_read(workspace: Workspace, linear: Finetuned) -> None:
    read = read_checkpoint(linear.checkpoint)
    assert read.about.head["kind"] == "fusion"
    rows = load_split(workspace.dataset("clinic"), "test")
    metadata = metadata_of(read.about, rows)
    assert metadata is not None
    assert metadata.shape == (len(rows), 2 + 3)
    assert restore_classifier(read).classifier.in_features == 192 + 5
    assert restore_image_alone(read).in_features == 192


def test_evaluation_takes_the_metadata_of_what_it_evaluates(
    workspace: Workspace, linear: Finetuned
) -> None:
    found = evaluate(workspace, linear.checkpoint, accelerator="cpu", workers=0, images=False)
    table = pq.read_table(found.predictions_file)
    given = np.stack([table.column(f"prob_{name}").to_numpy() for name in found.classes], axis=1)
    read = read_checkpoint(linear.checkpoint)
    rows = load_split(workspace.dataset("clinic"), "test")
    metadata = metadata_of(read.about, rows)
    assert metadata is not None
    for values, same in ((metadata, True), (np.zeros_like(metadata), False)):
        loader = evaluation_loader(
            stored_images([rows]),
            transform_of(read.about),
            LoaderSettings(4, 0, 0, False),
            metadata=values,
        )
        logits = run_model(
            restore_classifier(read), loader, read.about, device="cpu", images=len(rows), what=""
        )
        assert np.allclose(probabilities(logits), given, atol=1e-6) == same


@pytest.mark.slow
def test_an_exported_model_takes_them_as_a_second_input(
    workspace: Workspace, linear: Finetuned
) -> None:
    exported = export_onnx(workspace, linear.checkpoint)
    assert exported.max_difference <= 1e-4
    facts = json.loads(read_export(exported.file)["metadata"])
    assert [field["name"] for field in facts] == ["age", "sex"]
    assert exported.metadata == ("age", "sex")
    assert exported.metadata_width == 5


@pytest.mark.parametrize("mode", ["full", "lp-ft"])
def test_other_modes_take_metadata_too(workspace: Workspace, mode: str) -> None:
    found = finetune(workspace, replace(CONFIG, mode=mode))
    assert found.metadata_gain is not None
    assert read_checkpoint(found.checkpoint).about.head["kind"] == "fusion"


@pytest.mark.parametrize("changes", [{"mode": "knn"}, {"mode": "full", "mixup": 0.2}])
def test_what_metadata_do_not_go_with(workspace: Workspace, changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="neither --mode knn nor mixed images"):
        finetune(workspace, replace(CONFIG, **changes))
