"""`evaluate`: the figures are those of the predictions, and the predictions those of the model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from dermctl.checkpoint import read_checkpoint, save_checkpoint
from dermctl.core import evaluate as module
from dermctl.core.evaluate import Evaluated, evaluate
from dermctl.core.evaluating.mistakes import worst_mistakes
from dermctl.core.transform import transform_of
from dermctl.datasets.manifest import write_manifest
from dermctl.datasets.prepared import load_split
from dermctl.datasets.store import Store
from dermctl.errors import CheckpointError, DataError, UsageFault
from dermctl.models.restore import restore_classifier
from dermctl.report.metrics_schema import SCHEMA_ID, metrics_schema
from dermctl.views.encoded import EncodedImage
from dermctl.workspace import Workspace
from tests.conftest import Trained
from tests.told import Told

QUICK: dict[str, Any] = {"accelerator": "cpu", "workers": 0}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESAMPLES", 50)
    monkeypatch.setattr(module, "PERMUTATIONS", 20)


@pytest.fixture(scope="module")
def evaluated(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    out = tmp_path_factory.mktemp("out") / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RESAMPLES", 100)
        patch.setattr(module, "PERMUTATIONS", 20)
        return evaluate(
            trained.workspace,
            trained.finetuned.checkpoint,
            out=out,
            by=["fitzpatrick", "note"],
            abstain=True,
            **QUICK,
        )


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
    place = module._evaluations(trained.workspace, trained.finetuned.checkpoint)
    assert place == run / "evaluation"
    elsewhere = module._evaluations(trained.workspace, Path("x/model.ckpt"))
    assert elsewhere == trained.workspace.runs / "evaluation-model"
    rows = load_split(trained.workspace.dataset("clinic"), "test")
    assert module._name(rows, 1, False) == "clinic-test"
    assert module._name(rows, 3, True) == "clinic-test-ensemble-of-3-tta"


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
        evaluate(trained.workspace, path, **QUICK)
    assert "--data NAME" in str(caught.value)
    with pytest.raises(DataError, match="does not know: nevus"):
        evaluate(trained.workspace, path, data="clinic", **QUICK)


def test_an_encoder_a_missing_split_and_an_empty_workspace(
    trained: Trained, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="no classifier"):
        evaluate(trained.workspace, trained.pretrained.checkpoint, **QUICK)
    with pytest.raises(UsageFault, match="no split 'tset'"):
        evaluate(trained.workspace, split="tset")
    with pytest.raises(CheckpointError, match="no model has been fine-tuned"):
        evaluate(Workspace(tmp_path), **QUICK)


def test_worst_mistakes_are_the_surest_and_only_free_pictures_are_embedded(
    trained: Trained, tmp_path: Path
) -> None:
    split = load_split(trained.workspace.dataset("clinic"), "test")
    truth = np.zeros(len(split), np.int64)
    sure = np.linspace(0.3, 0.9, len(split))
    predicted = np.stack([1 - sure, sure], 1)
    wrong = [index for index in range(len(split)) if sure[index] > 0.5][::-1]
    shown = {"folder": tmp_path, "synthetic": False}
    found = worst_mistakes(split, truth, predicted, ("a", "b"), **shown)
    assert [mistake.image_id for mistake in found] == [split.column("image_id")[i] for i in wrong]
    assert all(mistake.picture is not None for mistake in found), "they are CC-0"
    assert all(mistake.blurred for mistake in found), "their modality is not known"
    assert [mistake.probability for mistake in found] == pytest.approx(sure[wrong])
    assert not list(tmp_path.iterdir())

    place = split.table.schema.get_field_index("license")
    closed = replace(split, table=split.table.set_column(place, "license", [[None] * len(split)]))
    linked = worst_mistakes(closed, truth, predicted, ("a", "b"), **shown)
    assert all(mistake.picture is None for mistake in linked)
    store = Store(split.folder / "store")
    for mistake, index in zip(linked, wrong, strict=True):
        data = store.read(split.column("shard")[index], split.column("row")[index])
        assert (tmp_path / str(mistake.link)).read_bytes() == bytes(data)

    theirs = replace(split, description={**split.description, "source": "fitzpatrick"})
    others = worst_mistakes(theirs, truth, predicted, ("a", "b"), **shown)
    assert all(mistake.picture is None for mistake in others), "the images belong to third parties"
    hidden = worst_mistakes(split, truth, predicted, ("a", "b"), folder=None, synthetic=False)
    assert all(mistake.picture is None and mistake.link is None for mistake in hidden)


def test_results_follow_the_published_schema(evaluated: Evaluated) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    document = json.loads(evaluated.metrics_file.read_text())
    jsonschema.Draft202012Validator(metrics_schema()).validate(document)
    assert document["$schema"] == SCHEMA_ID
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "auroc": "high"}, metrics_schema())


def test_thresholds_and_temperature_are_those_of_the_checkpoint(
    trained: Trained, evaluated: Evaluated
) -> None:
    fitted = read_checkpoint(trained.finetuned.checkpoint).fitted
    assert fitted is not None
    val = load_split(trained.workspace.dataset("clinic"), "val")
    assert (fitted.where, fitted.images) == ("clinic/val", len(val))
    assert fitted.manifest_sha256 == val.sha256
    document = json.loads(evaluated.metrics_file.read_text())
    assert document["calibration"]["temperature"] == fitted.temperature.value
    assert document["not_calibrated"] == ""
    table = pq.read_table(evaluated.predictions_file)
    for name, thresholds in fitted.thresholds.items():
        called = table[f"prob_{name}"].to_numpy() >= thresholds[0].value
        own = np.array([label == name for label in table["label"].to_pylist()])
        point = document["operating_points"][name][0]
        assert point["threshold"] == pytest.approx(thresholds[0].value)
        assert point["chosen_for"] == {"specificity": 0.9}
        assert point["specificity"]["value"] == pytest.approx((~called[~own]).mean())


def test_a_checkpoint_that_was_never_fitted_is_not_calibrated(
    trained: Trained, tmp_path: Path
) -> None:
    path = other(trained, tmp_path / "x.ckpt")
    found = evaluate(trained.workspace, path, out=tmp_path / "out", **QUICK).to_json()
    assert found["calibration"] is None
    assert found["operating_points"] == {}
    assert found["not_calibrated"].startswith("not calibrated: the checkpoint holds no temperature")
    assert found["ece"] is not None


def test_subgroups_are_those_of_their_images(trained: Trained, evaluated: Evaluated) -> None:
    document = json.loads(evaluated.metrics_file.read_text())
    audits = {audit["column"]: audit for audit in document["subgroups"]}
    assert list(audits) == ["fitzpatrick", "src_note"]
    table = pq.read_table(evaluated.predictions_file)
    right = np.array(table["label"].to_pylist()) == np.array(table["predicted"].to_pylist())
    skin = np.array(table["fitzpatrick"].to_pylist())
    for each in audits["fitzpatrick"]["subgroups"]:
        own = skin == int(each["name"])
        assert each["images"] == own.sum()
        assert each["intervals"]["accuracy"]["value"] == pytest.approx(right[own].mean())
    # Each note is of one image: a group of one has figures and no interval.
    single = audits["src_note"]["subgroups"][0]
    assert (single["images"], single["clusters"], single["ranked"]) == (1, 1, False)
    assert single["intervals"]["accuracy"]["value"] in (0.0, 1.0)
    assert single["intervals"]["accuracy"]["low"] is None
    assert audits["src_note"]["disparities"] == {}


def test_what_is_resampled_is_said(evaluated: Evaluated) -> None:
    document = json.loads(evaluated.metrics_file.read_text())
    table = pq.read_table(evaluated.predictions_file)
    assert document["resampled"] == "patients"
    assert document["clusters"] == len(set(table["patient_id"].to_pylist()))
    assert document["intervals"]["accuracy"]["resamples"] == 100


@pytest.mark.slow
def test_views_and_models_are_averaged(
    trained: Trained, evaluated: Evaluated, tmp_path: Path
) -> None:
    """The same model twice is the model; another order of its classes changes nothing."""
    path = trained.finetuned.checkpoint
    read = read_checkpoint(path)
    state = {
        key: value.flip(0) if key.startswith("classifier.") else value
        for key, value in read.state.items()
    }
    turned = tmp_path / "turned.ckpt"
    save_checkpoint(turned, replace(read.about, classes=read.about.classes[::-1]), state)
    both = evaluate(
        trained.workspace, path, ensemble=[turned], out=tmp_path / "both", by=["none"], **QUICK
    )
    single = pq.read_table(evaluated.predictions_file)["prob_nevus"].to_numpy()
    averaged = pq.read_table(both.predictions_file)["prob_nevus"].to_numpy()
    assert averaged == pytest.approx(single, abs=1e-6)
    assert "single model" in both.not_calibrated
    assert both.figures.subgroups == ()
    views = evaluate(trained.workspace, path, tta=True, out=tmp_path / "tta", **QUICK)
    turned_views = pq.read_table(views.predictions_file)["prob_nevus"].to_numpy()
    assert not np.allclose(turned_views, single, atol=1e-6)
    assert views.to_json()["tta"] is True
    with pytest.raises(CheckpointError, match="are not those of"):
        evaluate(
            trained.workspace,
            path,
            ensemble=[other(trained, tmp_path / "x.ckpt", classes=("nevus", "wart"))],
            **QUICK,
        )


def elsewhere(trained: Trained, root: Path, keep: Callable[[int, str], bool]) -> Workspace:
    """A workspace with the clinic's test images, some of them, as a dataset of another name."""
    source = trained.workspace.dataset("clinic")
    workspace = Workspace(root)
    folder = shutil.copytree(source, workspace.data / "elsewhere")
    test = load_split(source, "test")
    labels = test.column("label")
    kept = test.where([keep(row, labels[row]) for row in range(len(test))])
    write_manifest(folder / "test.parquet", kept.table, kept.description)
    return workspace


@pytest.mark.slow
def test_an_external_test_states_the_gap_to_the_internal_one(
    trained: Trained, tmp_path: Path
) -> None:
    workspace = elsewhere(trained, tmp_path, lambda row, _: row != 0)
    shutil.copytree(trained.workspace.dataset("clinic"), workspace.data / "clinic")
    path = shutil.copytree(trained.finetuned.run, workspace.runs / "run") / "checkpoints/best.ckpt"
    alone = evaluate(workspace, path, data="elsewhere", **QUICK)
    assert alone.gap is None, "there has been no internal test yet"
    internal = evaluate(workspace, path, data="clinic", **QUICK)
    assert internal.gap is None
    external = evaluate(workspace, path, data="elsewhere", **QUICK)
    assert external.gap is not None
    assert external.gap.metrics_file == internal.metrics_file
    change = external.gap.changes["accuracy"]
    first, second = (each.evaluation.intervals["accuracy"].value for each in (internal, external))
    assert (change.first, change.second) == pytest.approx((first, second))
    assert change.difference.value == pytest.approx(second - first)
    assert "From the internal test" in external.report_file.read_text(encoding="utf-8")
    varied = evaluate(workspace, path, data="elsewhere", tta=True, **QUICK)
    assert varied.gap is None, "no internal test was made with views averaged"
    assert internal.to_json()["test_sha256"] != external.to_json()["test_sha256"]
    internal.metrics_file.with_name("predictions.parquet").write_bytes(b"PAR1 and no more")
    heard = Told()
    after = evaluate(workspace, path, data="elsewhere", progress=heard, **QUICK)
    assert after.gap is None, "what cannot be read is said, and stops no other evaluation"
    assert any("the predictions are missing or damaged" in line for line in heard.said)


def test_one_class_in_the_test_split_leaves_what_it_cannot_tell_undefined(
    trained: Trained, tmp_path: Path
) -> None:
    workspace = elsewhere(trained, tmp_path, lambda _, label: label == "nevus")
    path = trained.finetuned.checkpoint
    found = evaluate(workspace, path, data="elsewhere", out=tmp_path / "out", **QUICK)
    document = json.loads(found.metrics_file.read_text())
    assert document["auroc"] is None
    assert document["undefined"]["auroc"] == "undefined for every class"
    assert document["undefined"]["sensitivity/melanoma"] == "no images of this class"
    assert document["balanced_accuracy"] is not None
    assert "undefined for every class" in found.report_file.read_text(encoding="utf-8")


def test_a_single_group_has_no_intervals(trained: Trained, tmp_path: Path) -> None:
    workspace = elsewhere(trained, tmp_path, lambda row, _: row == 0)
    path = trained.finetuned.checkpoint
    found = evaluate(workspace, path, data="elsewhere", out=tmp_path / "out", abstain=True, **QUICK)
    assert found.evaluation.undefined["intervals"] == "a single group cannot be resampled"
    assert json.loads(found.metrics_file.read_text())["intervals"]["accuracy"]["low"] is None


def test_a_model_that_gives_no_numbers_is_refused_by_name(trained: Trained, tmp_path: Path) -> None:
    read = read_checkpoint(trained.finetuned.checkpoint)
    state = {**read.state, "classifier.bias": torch.full((2,), float("nan"))}
    path = tmp_path / "x.ckpt"
    save_checkpoint(path, read.about, state)
    split = load_split(trained.workspace.dataset("clinic"), "test")
    with pytest.raises(CheckpointError, match="gives no number") as caught:
        evaluate(trained.workspace, path, **QUICK)
    assert f"for {len(split)} of {len(split)} images" in str(caught.value)
    assert split.column("image_id")[0] in str(caught.value)


def test_the_model_card_is_one_that_the_hub_reads(evaluated: Evaluated) -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard.load(evaluated.card_file)
    assert card.data.library_name == "dermctl"
    assert card.data.datasets == ["clinic"]
    figures = {each.metric_type: each.metric_value for each in card.data.eval_results}
    assert figures["balanced_accuracy"] == pytest.approx(
        evaluated.evaluation.balanced_accuracy, abs=1e-6
    )
    assert evaluated.leak_check in card.text.replace("\\", "")
    assert "Research use only" in card.text
    assert "By Fitzpatrick skin type" in card.text


def test_a_models_own_validation_split_is_evaluated_and_said_to_be_none_held_out(
    trained: Trained, tmp_path: Path
) -> None:
    path = trained.finetuned.checkpoint
    found = evaluate(trained.workspace, path, split="val", out=tmp_path / "out", **QUICK)
    assert found.leak_check.startswith("no held-out images: ")
    assert found.leaked == len(load_split(trained.workspace.dataset("clinic"), "val"))
