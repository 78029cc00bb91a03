"""``evaluate``: a fine-tuned model on a held-out split, with intervals, predictions and a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl.checkpoint import Checkpoint, read_checkpoint
from dermctl.core.evaluation_report import INTERVALS_RESAMPLE, evaluation_report
from dermctl.core.gate import leak_words, look_for, refuse
from dermctl.core.loading import (
    LoaderSettings,
    class_numbers,
    evaluation_loader,
    labelled,
    stored_images,
)
from dermctl.core.transform import transform_of
from dermctl.datasets.manifest import SPLITS, write_parquet
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.prepared import Split, load_split
from dermctl.errors import CheckpointError, UsageFault
from dermctl.files import write_json
from dermctl.inference import FloatArray, probabilities, run_model
from dermctl.metrics.summary import Evaluation, evaluate_predictions
from dermctl.models.restore import restore_classifier
from dermctl.progress import SILENT, Progress
from dermctl.report.evaluation import EvaluationReport, write_evaluation_report
from dermctl.runs import now
from dermctl.training import loader_workers, resolve_hardware
from dermctl.workspace import Workspace

RESAMPLES = 2_000
_BATCH = 64


@dataclass(frozen=True)
class Evaluated:
    """What came of it."""

    checkpoint: Path
    dataset: str
    split: str
    folder: Path
    classes: tuple[str, ...]
    evaluation: Evaluation
    synthetic: bool
    leak_check: str
    leaked: int  # images that were seen in training, and let pass

    @property
    def metrics_file(self) -> Path:
        """All figures."""
        return self.folder / "metrics.json"

    @property
    def predictions_file(self) -> Path:
        """One row an image."""
        return self.folder / "predictions.parquet"

    @property
    def report_file(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    def to_json(self) -> dict[str, Any]:
        """Plain values, as in ``metrics.json``."""
        return {
            "checkpoint": str(self.checkpoint),
            "dataset": self.dataset,
            "split": self.split,
            "folder": str(self.folder),
            "synthetic": self.synthetic,
            "leak_check": self.leak_check,
            "leaked_images": self.leaked,
            **self.evaluation.to_json(),
        }


def evaluate(
    workspace: Workspace,
    checkpoint: Path | None = None,
    *,
    data: str | None = None,
    split: str = "test",
    out: Path | None = None,
    allow_leak: bool = False,
    accelerator: str = "auto",
    workers: int = -1,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Evaluated:
    """Score a checkpoint on one split; intervals resample groups.

    Raises:
        CheckpointError: no checkpoint, or one without a classifier.
        DataError: no dataset that fits, an empty split, labels that the model does not know.
        LeakError: images of the split were seen by the model, and that is not allowed.
    """
    if split not in SPLITS:
        raise UsageFault(f"there is no split '{split}'", hint=f"Take one of: {', '.join(SPLITS)}")
    hardware = resolve_hardware(accelerator, devices=1)
    read = read_checkpoint(checkpoint or newest_classifier(workspace, progress))
    model = restore_classifier(read)
    folder = _dataset(workspace, read, data, progress)
    rows = labelled(load_split(folder, split))
    truth = class_numbers(rows, read.about.classes)
    pictures = Pictures(list(dict.fromkeys([*workspace.datasets(), folder])))
    seen = look_for(rows, read.exposure, pictures, progress)
    refuse(seen, read.path, allow=allow_leak, progress=progress)
    leak_check = leak_words(seen, read.about.leaks)
    progress.say(f"leak check: {leak_check}")
    images = stored_images([rows])
    settings = LoaderSettings(
        _BATCH, loader_workers(workers, hardware), seed, hardware.accelerator == "cuda"
    )
    logits = run_model(
        model,
        evaluation_loader(images, transform_of(read.about), settings),
        read.about,
        device=hardware.accelerator,
        images=len(images),
        what=f"predict {folder.name}/{split}",
        progress=progress,
    )
    predicted = probabilities(logits)
    progress.say(f"intervals: {RESAMPLES:,} resamples of groups")
    evaluation = evaluate_predictions(
        truth,
        predicted,
        rows.column("group_id"),
        read.about.classes,
        resamples=RESAMPLES,
        seed=seed,
    )
    place = out or _default_folder(workspace, read.path, folder.name, split)
    place.mkdir(parents=True, exist_ok=True)
    result = Evaluated(
        checkpoint=read.path,
        dataset=folder.name,
        split=split,
        folder=place,
        classes=read.about.classes,
        evaluation=evaluation,
        synthetic=bool(rows.description["synthetic"]) or read.about.synthetic,
        leak_check=leak_check,
        leaked=len(seen.reasons),
    )
    page = evaluation_report(
        evaluation,
        rows,
        truth,
        predicted,
        read,
        leak_check=leak_check,
        leak_checked=seen.clean and not read.about.leaks,
    )
    _write(result, rows, predicted, read, page)
    return result


def newest_classifier(workspace: Workspace, progress: Progress) -> Path:
    """The best checkpoint of the newest fine-tuning; the choice is said.

    Raises:
        CheckpointError: when nothing has been fine-tuned here.
    """
    newest = workspace.newest_checkpoint("finetune")
    if newest is None:
        raise CheckpointError(
            "no model has been fine-tuned in this workspace",
            where=workspace.runs,
            hint="Train one with: dermctl finetune",
        )
    progress.say(f"no checkpoint given: {newest}, the newest fine-tuning")
    return newest


def _dataset(
    workspace: Workspace, checkpoint: Checkpoint, name: str | None, progress: Progress
) -> Path:
    """The dataset named, or the newest one that has the model's label and classes."""
    if name is not None:
        return workspace.dataset(name)
    about = checkpoint.about
    for folder in reversed(workspace.datasets()):
        described = load_split(folder, "train").description
        if described["label"] == about.label and set(described["classes"]) <= set(about.classes):
            progress.say(f"no --data given: {folder.name}, the newest that fits")
            return folder
    newest = workspace.newest_dataset()
    raise CheckpointError(
        f"no prepared dataset has the model's classes ({', '.join(about.classes[:8])}); "
        f"the newest is '{newest.name}'",
        where=checkpoint.path,
        hint="Name one with --data NAME",
    )


def _default_folder(workspace: Workspace, checkpoint: Path, dataset: str, split: str) -> Path:
    """Beside the checkpoint's run, or under ``runs/`` for a checkpoint from elsewhere."""
    name = f"{dataset}-{split}"
    if checkpoint.parent.name == "checkpoints":
        return checkpoint.parent.parent / "evaluation" / name
    return workspace.runs / f"evaluation-{checkpoint.stem}-{name}"


def _write(
    result: Evaluated, rows: Split, predicted: FloatArray, read: Checkpoint, page: EvaluationReport
) -> None:
    write_parquet(result.predictions_file, _predictions(rows, predicted, result.classes))
    context = {
        "evaluated_at": now(),
        "manifest_sha256": rows.sha256,
        "label": read.about.label,
        "trained_on": dict(read.about.manifests),
        "intervals_resample": INTERVALS_RESAMPLE,
        "research_use_only": True,
    }
    write_json(result.metrics_file, {**result.to_json(), **context})
    write_evaluation_report(result.report_file, page)


def _predictions(rows: Split, predicted: FloatArray, classes: tuple[str, ...]) -> pa.Table:
    kept = ("image_id", "dataset", "label", "patient_id", "lesion_id", "group_id", "fitzpatrick")
    table = rows.table.select(list(kept)).replace_schema_metadata(None)
    best = [classes[index] for index in predicted.argmax(1)]
    table = table.append_column("predicted", pa.array(best, pa.string()))
    for index, name in enumerate(classes):
        table = table.append_column(f"prob_{name}", pa.array(predicted[:, index], pa.float64()))
    return table
