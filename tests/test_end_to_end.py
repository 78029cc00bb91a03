"""The whole path through the command line: on the synthetic sample, and on real images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from typer.testing import CliRunner, Result

from dermctl.cli.main import app
from dermctl.core.export import read_export

pytestmark = pytest.mark.slow

Run = Callable[..., Result]
TINY = ("--encoder", "vit_tiny_patch16_224", "--image-size", "32")
QUICK = ("--epochs", "1", "--workers", "0", "--accelerator", "cpu")


def runner(workspace: Path) -> Run:
    """Run a command line in ``workspace``; it must succeed."""

    def run(*words: object) -> Result:
        line = ["--workspace", str(workspace), *map(str, words)]
        result = CliRunner().invoke(app, line)
        assert result.exit_code == 0, result.output
        return result

    return run


def shown(result: Result) -> dict:
    """The one JSON document on stdout."""
    return json.loads(result.stdout)


def check_groups(dataset: Path) -> None:
    """No patient, lesion or group lies in two splits; every image once."""
    tables = {s: pq.read_table(dataset / f"{s}.parquet") for s in ("train", "val", "test")}
    for column in ("patient_id", "lesion_id", "group_id", "image_id", "sha256"):
        seen: dict[str, str] = {}
        for split, table in tables.items():
            for value in table.column(column).to_pylist():
                if value:
                    assert seen.setdefault(value, split) == split, (column, value)


def check_evaluation(evaluated: dict) -> None:
    """The figures are what scikit-learn gives for the predictions beside them."""
    folder = Path(evaluated["folder"])
    table = pq.read_table(folder / "predictions.parquet")
    columns = [name for name in table.column_names if name.startswith("prob_")]
    classes = [name.removeprefix("prob_") for name in columns]
    scores = np.stack([table.column(name).to_numpy() for name in columns], axis=1)
    truth = np.array([classes.index(label) for label in table.column("label").to_pylist()])
    assert np.allclose(scores.sum(1), 1)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(truth, scores.argmax(1))
    )
    areas = [
        roc_auc_score(truth == index, scores[:, index])
        for index in range(len(classes))
        if (truth == index).any()
    ]
    assert metrics["auroc"] == pytest.approx(np.mean(areas))
    page = (folder / "report.html").read_text()
    assert "not a medical device" in page


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A workspace in which the synthetic sample is prepared."""
    workspace = tmp_path_factory.mktemp("sample")
    run = runner(workspace)
    drawn = shown(run("data", "sample", "--images", "150", "--json"))
    prepared = shown(
        run("data", "prepare", "padufes", "--raw", drawn["folder"], "--name", "sample",
            "--size", "64", "--json")
    )  # fmt: skip
    assert prepared["rows"] == 150 == prepared["kept"] + sum(prepared["rejected"].values())
    assert prepared["synthetic"] is True
    defects = drawn["defects"]
    assert prepared["rejected"]["missing_file"] == defects["missing_file"]
    assert prepared["rejected"]["truncated"] == defects["truncated"]
    return workspace, run


def test_from_sample_to_export(sample: tuple[Path, Run]) -> None:
    workspace, run = sample
    check_groups(workspace / "data" / "sample")
    pretrained = shown(run("pretrain", *TINY, *QUICK, "--batch-size", "32", "--json"))
    assert np.isfinite(pretrained["train_loss"])
    assert np.isfinite(pretrained["val_loss"])
    logged = (Path(pretrained["run"]) / "metrics.csv").read_text().splitlines()[0]
    assert {"train/loss", "val/loss"} <= set(logged.split(","))
    assert list(Path(pretrained["run"]).glob("events.out.tfevents.*"))

    finetuned = shown(run("finetune", *QUICK, "--batch-size", "32", "--json"))
    assert finetuned["from"] == pretrained["checkpoint"]
    logged = (Path(finetuned["run"]) / "metrics.csv").read_text().splitlines()[0]
    assert {"val/acc", "val/auc", "val/balanced_accuracy"} <= set(logged.split(","))

    evaluated = shown(run("evaluate", "--workers", "0", "--json"))
    assert evaluated["checkpoint"] == finetuned["checkpoint"]
    check_evaluation(evaluated)

    exported = shown(run("export", "onnx", "--json"))
    assert exported["max_difference"] <= 1e-4
    facts = read_export(Path(exported["file"]))
    assert json.loads(facts["classes"]) == finetuned["classes"]
    session = onnxruntime.InferenceSession(exported["file"])
    for batch in (1, 3):
        pixels = np.zeros((batch, 32, 32, 3), np.uint8)
        assert session.run(None, {"images": pixels})[0].shape == (batch, 6)

    listed = shown(run("data", "list", "--json"))
    assert [dataset["name"] for dataset in listed["prepared"]] == ["sample"]


def test_the_linear_probe_goes_the_same_way(sample: tuple[Path, Run]) -> None:
    _, run = sample
    probe = shown(
        run("finetune", "--mode", "linear", "--from", "none", *TINY, "--workers", "0", "--json")
    )
    again = shown(
        run("finetune", "--mode", "linear", "--from", "none", *TINY, "--workers", "0", "--json")
    )
    assert probe["best"] == again["best"]
    check_evaluation(shown(run("evaluate", probe["checkpoint"], "--workers", "0", "--json")))


def test_a_resolved_configuration_is_a_configuration(sample: tuple[Path, Run]) -> None:
    _, run = sample
    first = shown(run("pretrain", *TINY, *QUICK, "--batch-size", "32", "--seed", "3", "--json"))
    config = Path(first["run"]) / "config.yaml"
    assert "valid" in run("config", "check", "pretrain", config).output
    second = shown(run("pretrain", "--config", config, "--json"))
    assert second["train_loss"] == first["train_loss"]
    assert second["val_loss"] == first["val_loss"]


def test_synthetic_skin_stays_out_of_a_real_pretraining(
    sample: tuple[Path, Run], tmp_path: Path, real_data: Path
) -> None:
    _, run = sample
    run("data", "prepare", "padufes", "--raw", real_data / "pad-ufes-20", "--size", "48")
    result = run("pretrain", *TINY, *QUICK, "--batch-size", "64", "--json")
    assert shown(result)["datasets"] == ["padufes"]
    assert "left out, as it is synthetic: sample" in result.stderr


@pytest.mark.real_data
def test_real_pad_ufes_20(tmp_path: Path, real_data: Path) -> None:
    run = runner(tmp_path)
    prepared = shown(
        run("data", "prepare", "padufes", "--raw", real_data / "pad-ufes-20", "--size", "64",
            "--json")
    )  # fmt: skip
    assert prepared["rows"] == 2298
    assert prepared["kept"] == 353
    assert prepared["rejected"] == {"missing_file": 1945}
    check_groups(tmp_path / "data" / "padufes")
    run("pretrain", *TINY, *QUICK, "--batch-size", "64")
    run("finetune", *QUICK, "--batch-size", "64")
    check_evaluation(shown(run("evaluate", "--workers", "0", "--json")))
    assert shown(run("export", "onnx", "--json"))["max_difference"] <= 1e-4


@pytest.mark.real_data
def test_real_ham10000(tmp_path: Path, real_data: Path) -> None:
    run = runner(tmp_path)
    prepared = shown(
        run("data", "prepare", "ham10000", "--raw", real_data / "ham10000", "--size", "32",
            "--json")
    )  # fmt: skip
    assert prepared["rows"] == 10_015
    assert prepared["kept"] == 10_013
    assert prepared["rejected"] == {"missing_file": 2}
    rejected = pq.read_table(tmp_path / "data" / "ham10000" / "rejected.parquet")
    assert sorted(rejected.column("image_id").to_pylist()) == ["ISIC_0029861", "ISIC_0029938"]
    check_groups(tmp_path / "data" / "ham10000")
    counts = {name: sum(split.values()) for name, split in prepared["splits"].items()}
    assert counts["test"] == pytest.approx(0.2 * 10_013, rel=0.01)
    assert counts["val"] == pytest.approx(0.1 * 10_013, rel=0.01)


@pytest.mark.real_data
def test_fitzpatrick_drops_images_without_colour(tmp_path: Path, real_data: Path) -> None:
    """Real rows of the table; HAM10000's pictures, some without colour, under their names."""
    table = (real_data / "fitzpatrick17k" / "fitzpatrick17k.csv").read_text().splitlines()
    raw = tmp_path / "fitz"
    folder = raw / "data" / "finalfitz17k"
    folder.mkdir(parents=True)
    # Groups of like labels, so that each is in every split.
    rows = [row for row in table[1:] if ",inflammatory," in row][:40]
    rows += [row for row in table[1:] if ",malignant epidermal," in row][:40]
    (raw / "fitzpatrick17k.csv").write_text("\n".join([table[0], *rows]) + "\n")
    colour = sorted((real_data / "ham10000").rglob("*.jpg"))[:70]
    grey = sorted((real_data / "ham10000_greyscale").glob("*.jpg"))[:10]
    for row, picture in zip(rows, [*grey, *colour], strict=True):
        (folder / f"{row.split(',')[0]}.jpg").write_bytes(picture.read_bytes())
    prepared = shown(
        runner(tmp_path)("data", "prepare", "fitzpatrick", "--raw", raw, "--size", "32", "--json")
    )
    assert prepared["rejected"] == {"not_rgb": 10}
    rejected = pq.read_table(tmp_path / "data" / "fitzpatrick" / "rejected.parquet")
    assert set(rejected.column("image_id").to_pylist()) == {row.split(",")[0] for row in rows[:10]}
