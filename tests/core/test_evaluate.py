"""`evaluate`: the figures are those of the predictions, and the predictions those of the model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from dermctl.checkpoint import read_checkpoint, save_checkpoint
from dermctl.core import evaluate as module
from dermctl.core.evaluate import Evaluated, evaluate
from dermctl.core.evaluation_report import worst_mistakes
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import load_split
from dermctl.datasets.store import Store
from dermctl.errors import CheckpointError, DataError, UsageFault
from dermctl.models.restore import restore_classifier
from dermctl.views.encoded import EncodedImage
from dermctl.workspace import Workspace
from tests.conftest import Trained
from tests.core.test_pretrain import Told

QUICK = {"accelerator": "cpu", "workers": 0}


@pytest.fixture(scope="module")
def evaluated(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    out = tmp_path_factory.mktemp("out") / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RESAMPLES", 100)
        return evaluate(trained.workspace, trained.finetuned.checkpoint, out=out, **QUICK)  # type: ignore[arg-type]


def test_every_image_of_the_split_is_predicted(trained: Trained, evaluated: Evaluated) -> None:
    split = load_split(trained.workspace.dataset("clinic"), "test")
    table = pq.read_table(evaluated.predictions_file)
    assert table["image_id"].to_pylist() == split.column("image_id")
    assert table["label"].to_pylist() == split.column("label")
    assert table["group_id"].to_pylist() == split.column("group_id")
    probabilities = np.stack([table[f"prob_{name}"].to_numpy() for name in evaluated.classes], 1)
    assert probabilities.sum(1) == pytest.approx(np.ones(len(split)), abs=1e-9)
    decided = [evaluated.classes[index] for index in probabilities.argmax(1)]
    assert table["predicted"].to_pylist() == decided


def test_predictions_are_those_of_the_model(trained: Trained, evaluated: Evaluated) -> None:
    """Image by image: decode, transform, normalise, forward."""
    folder = trained.workspace.dataset("clinic")
    split, store = load_split(folder, "test"), Store(folder / "store")
    read = read_checkpoint(trained.finetuned.checkpoint)
    model = restore_classifier(read)
    found = pq.read_table(evaluated.predictions_file)["prob_nevus"].to_pylist()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (read.about.mean, read.about.std))
    for row in range(len(split)):
        data = store.read(split.column("shard")[row], split.column("row")[row])
        pixels = transform_of(read.about)(EncodedImage(data).pixels(exact=True))
        image = (torch.tensor(pixels).permute(2, 0, 1) / 255 - mean) / std
        with torch.no_grad():
            wanted = model(image[None]).softmax(1)[0, 1].item()
        assert found[row] == pytest.approx(wanted, abs=1e-5)


def test_figures_are_sklearns_of_the_predictions(evaluated: Evaluated) -> None:
    table = pq.read_table(evaluated.predictions_file)
    truth, predicted = table["label"].to_pylist(), table["predicted"].to_pylist()
    document = json.loads(evaluated.metrics_file.read_text())
    assert document["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, predicted))
    probability = table["prob_nevus"].to_numpy()
    auroc = roc_auc_score([label == "nevus" for label in truth], probability)
    assert document["auroc"] == pytest.approx(auroc)
    assert document["research_use_only"] is True
    assert document["split"] == "test"
    assert "shares bytes, patient, lesion or verified pixels" in document["leak_check"]
    assert document["leaked_images"] == 0
    assert "<html" in evaluated.report_file.read_text(encoding="utf-8")


def test_the_default_folder_lies_in_the_run(trained: Trained) -> None:
    run = trained.finetuned.run
    place = module._default_folder(trained.workspace, trained.finetuned.checkpoint, "a", "test")
    assert place == run / "evaluation" / "a-test"
    elsewhere = module._default_folder(trained.workspace, Path("x/model.ckpt"), "a", "test")
    assert elsewhere == trained.workspace.runs / "evaluation-model-a-test"


def test_what_is_not_given_is_chosen_and_said(trained: Trained) -> None:
    told = Told()
    newest = module.newest_classifier(trained.workspace, told)  # type: ignore[arg-type]
    assert trained.workspace.runs in newest.parents
    folder = module._dataset(trained.workspace, read_checkpoint(newest), None, told)  # type: ignore[arg-type]
    assert folder == trained.workspace.dataset("clinic")
    assert [message.split(":")[0] for message in told.said] == [
        "no checkpoint given",
        "no --data given",
    ]


def other(trained: Trained, path: Path, **changes: object) -> Path:
    """The fine-tuned checkpoint with another description."""
    read = read_checkpoint(trained.finetuned.checkpoint)
    save_checkpoint(path, replace(read.about, **changes), read.state)  # type: ignore[arg-type]
    return path


def test_a_model_of_other_classes_fits_no_dataset(trained: Trained, tmp_path: Path) -> None:
    path = other(trained, tmp_path / "x.ckpt", classes=("melanoma", "wart"))
    with pytest.raises(CheckpointError, match="melanoma, wart") as caught:
        evaluate(trained.workspace, path, **QUICK)  # type: ignore[arg-type]
    assert "--data NAME" in str(caught.value)
    with pytest.raises(DataError, match="does not know: nevus"):
        evaluate(trained.workspace, path, data="clinic", **QUICK)  # type: ignore[arg-type]


def test_an_encoder_a_missing_split_and_an_empty_workspace(
    trained: Trained, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="no classifier"):
        evaluate(trained.workspace, trained.pretrained.checkpoint, **QUICK)  # type: ignore[arg-type]
    with pytest.raises(UsageFault, match="no split 'tset'"):
        evaluate(trained.workspace, split="tset")
    with pytest.raises(CheckpointError, match="no model has been fine-tuned"):
        evaluate(Workspace(tmp_path), **QUICK)  # type: ignore[arg-type]


def test_worst_mistakes_are_the_surest_and_only_free_pictures_are_shown(trained: Trained) -> None:
    split = load_split(trained.workspace.dataset("clinic"), "test")
    truth = np.zeros(len(split), np.int64)
    sure = np.linspace(0.3, 0.9, len(split))
    predicted = np.stack([1 - sure, sure], 1)
    wrong = [index for index in range(len(split)) if sure[index] > 0.5][::-1]
    found = worst_mistakes(split, truth, predicted, ("a", "b"), embed_all=False)
    assert [mistake.image_id for mistake in found] == [split.column("image_id")[i] for i in wrong]
    assert all(mistake.picture is not None for mistake in found), "they are CC-0"
    assert [mistake.probability for mistake in found] == pytest.approx(sure[wrong])
    place = split.table.schema.get_field_index("license")
    closed = replace(split, table=split.table.set_column(place, "license", [[None] * len(split)]))
    hidden = worst_mistakes(closed, truth, predicted, ("a", "b"), embed_all=False)
    assert all(mistake.picture is None for mistake in hidden)
