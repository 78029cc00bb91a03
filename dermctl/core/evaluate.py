"""``evaluate``: a fine-tuned model on a held-out split, with intervals, predictions and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dermctl.checkpoint import Checkpoint, read_checkpoint
from dermctl.core.evaluating.columns import subgroup_columns
from dermctl.core.evaluating.explained import check_explained, explain
from dermctl.core.evaluating.exposed import check_exposure
from dermctl.core.evaluating.identity import images_sha256, models_run, resampled
from dermctl.core.evaluating.internal import internal_gap
from dermctl.core.evaluating.models import check_members, predict
from dermctl.core.evaluating.page import evaluation_report
from dermctl.core.evaluating.results import Evaluated, write_metrics, write_predictions
from dermctl.core.evaluating.scoring import score
from dermctl.core.loading import LoaderSettings, class_numbers, labelled
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.places import check_split
from dermctl.datasets.prepared import Split, load_split, split_description
from dermctl.datasets.taxonomy.words import target_words
from dermctl.errors import CheckpointError, UsageFault
from dermctl.files import write_text
from dermctl.metrics.headline import MIN_TPR
from dermctl.metrics.shift import Predictions
from dermctl.progress import SILENT, Progress
from dermctl.report.evaluation import write_evaluation_report
from dermctl.report.model_card import model_card
from dermctl.run_folder import run_of
from dermctl.training import resolve_hardware, settle_loaders
from dermctl.workspace import Workspace

__all__ = ["Evaluated", "evaluate", "newest_classifier"]

RESAMPLES = 2_000
PERMUTATIONS = 1_000
_BATCH = 64
_NEVER_FITTED = "not calibrated: the checkpoint holds no temperature and no thresholds"
_NOT_ONE_MODEL = (
    "not calibrated: temperature and thresholds were fitted on a single model and a single view"
)


def evaluate(
    workspace: Workspace,
    checkpoint: Path | None = None,
    *,
    data: str | None = None,
    split: str = "test",
    by: Sequence[str] | None = None,
    ensemble: Sequence[Path] = (),
    tta: bool = False,
    abstain: bool = False,
    explained: int = 0,
    images: bool = True,
    min_tpr: float = MIN_TPR,
    out: Path | None = None,
    allow_leak: bool = False,
    accelerator: str = "auto",
    workers: int = -1,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Evaluated:
    """Score a checkpoint on one split; intervals resample groups.

    Args:
        workspace: with the datasets and runs.
        checkpoint: of a classifier; None: the newest fine-tuning.
        data: prepared dataset; None: the newest that fits.
        split: train, val or test.
        by: columns of subgroups, ``all`` or ``none``; None: skin type where it is known.
        ensemble: further checkpoints of the same classes, whose probabilities are averaged in.
        tta: average over the 8 orientations of each image.
        abstain: also the risk-coverage curve.
        explained: images whose map of what the first model weighed is shown: the most confident
            mistakes first, then the most confident right decisions.
        images: whether pictures are shown.
        min_tpr: true-positive rate above which the partial area lies.
        out: folder of the results; None: in the run of the checkpoint.
        allow_leak: go on with images that were seen.
        accelerator: where the model runs.
        workers: loader processes; -1: as the cores allow.
        seed: of the resampling.
        progress: of reading, predicting and resampling.

    Raises:
        CheckpointError: no checkpoint, one without a classifier, or one that gives no numbers.
        DataError: no dataset that fits, an empty split, labels that the model does not know.
        ConfigError: maps are asked for, and none can be drawn of the encoder.
        UsageFault: a split or a column that is not there, or maps without pictures.
        LeakError: images of the split were seen by the model, and that is not allowed.
    """
    if split not in SPLITS:
        raise UsageFault(f"there is no split '{split}'", hint=f"Take one of: {', '.join(SPLITS)}")
    if explained and not images:
        raise UsageFault(
            "--explain draws pictures, and --no-images shows none", hint="Leave one of the two out"
        )
    hardware = resolve_hardware(accelerator, devices=1)
    first = checkpoint or newest_classifier(workspace, progress)
    members = [read_checkpoint(path) for path in (first, *ensemble)]
    check_members(members)
    method = check_explained(members[0]) if explained else ""
    about = members[0].about
    rows = labelled(load_split(_dataset(workspace, members[0], data, progress), split))
    check_split(rows)
    truth, groups = class_numbers(rows, about.classes), rows.column("group_id")
    columns = subgroup_columns(rows, by)
    check = check_exposure(workspace, members, rows, allow=allow_leak, progress=progress)
    pin = hardware.accelerator == "cuda"
    loaders = settle_loaders(workers, hardware, images=_BATCH, size=about.image_size)
    if loaders.note:
        progress.say(loaders.note)
    predicted = predict(
        members,
        rows,
        LoaderSettings(_BATCH, loaders.workers, seed, pin),
        device=hardware.accelerator,
        tta=tta,
        progress=progress,
    )
    fitted = members[0].fitted if predicted.logits is not None else None
    figures = score(
        truth,
        predicted,
        groups,
        about.classes,
        fitted=fitted,
        columns=columns,
        abstain=abstain,
        min_tpr=min_tpr,
        resamples=RESAMPLES,
        permutations=PERMUTATIONS,
        seed=seed,
        progress=progress,
    )
    models = models_run(members, tta=tta)
    evaluations = _evaluations(workspace, first)
    gap = internal_gap(
        evaluations,
        Predictions(truth, predicted.probabilities, groups),
        dataset=rows.folder.name,
        split=split,
        trained_on=about.datasets,
        classes=about.classes,
        models=models,
        min_tpr=min_tpr,
        resamples=RESAMPLES,
        seed=seed,
        progress=progress,
    )
    folder = out or evaluations / _name(rows, len(members), tta)
    folder.mkdir(parents=True, exist_ok=True)
    one_word, in_full = resampled(rows)
    result = Evaluated(
        checkpoint=first,
        dataset=rows.folder.name,
        split=split,
        folder=folder,
        classes=about.classes,
        figures=figures,
        synthetic=bool(rows.description["synthetic"]) or any(m.about.synthetic for m in members),
        leak_check=check.words,
        leaked=check.images,
        exposure=check.exposure,
        resampled=one_word,
        resampled_words=in_full,
        models=models,
        images={"manifest_sha256": rows.sha256, "test_sha256": images_sha256(rows)},
        not_calibrated="" if fitted else _why_not(members, tta),
        gap=gap,
        label=about.label,
        target=target_words(mapped) if (mapped := rows.description.get("target")) else None,
        trained_on=dict(about.manifests),
    )
    check.write(folder)
    write_predictions(result, rows, predicted.probabilities)
    write_metrics(result)
    maps = None
    if explained:
        maps = explain(
            members[0],
            method,
            rows,
            truth,
            predicted.probabilities,
            count=explained,
            averaged=predicted.logits is None,
            folder=folder,
            device=hardware.accelerator,
            progress=progress,
        )
    page = evaluation_report(
        result,
        rows,
        truth,
        predicted,
        members,
        leak_checked=check.clean,
        pictures=images,
        explained=maps,
    )
    write_evaluation_report(result.report_file, page)
    write_text(result.card_file, model_card(page))
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
        described = split_description(folder, "train")
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


def _why_not(members: Sequence[Checkpoint], tta: bool) -> str:
    if len(members) > 1 or tta:
        return _NOT_ONE_MODEL
    return _NEVER_FITTED


def _evaluations(workspace: Workspace, checkpoint: Path) -> Path:
    """Beside the checkpoint's run, or under ``runs/`` for a checkpoint from elsewhere."""
    run = run_of(checkpoint)
    return run / "evaluation" if run else workspace.runs / f"evaluation-{checkpoint.stem}"


def _name(rows: Split, models: int, tta: bool) -> str:
    """``ham10000-test``, and what else was done: results do not overwrite those of another kind."""
    ensemble = f"-ensemble-of-{models}" if models > 1 else ""
    return f"{rows.folder.name}-{rows.name}{ensemble}{'-tta' if tta else ''}"
