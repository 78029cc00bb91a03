"""``finetune``: supervised training, from a pretrained encoder or from none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.checkpoint import Description
from dermctl.config.trainings import FinetuneConfig
from dermctl.core.calibrate import calibrate
from dermctl.core.finetuning.beside_image import compare_with_image_alone
from dermctl.core.finetuning.frozen import FITS, embed, fit_linear, train_frozen
from dermctl.core.finetuning.full import train_full
from dermctl.core.finetuning.objective import settle_class_weights
from dermctl.core.finetuning.rows import Fold, divide, take_fraction
from dermctl.core.finetuning.start import Start, choose_start
from dermctl.core.gate import leak_words, leaked_file, look_for, pictures_here, refuse
from dermctl.core.left_out import LeftOut, held_out, leave_out
from dermctl.core.loading import LoaderSettings, class_numbers, labelled
from dermctl.core.metadata import FUSION, fit_code, telling_gaps, unseen_words
from dermctl.core.transform import preprocessing
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.prepared import Split, load_split
from dermctl.errors import ConfigError, DataError
from dermctl.exposure import Exposure
from dermctl.metrics.bootstrap import Interval
from dermctl.progress import SILENT, Progress
from dermctl.runs import finish_run, is_main_process
from dermctl.training import (
    BEST,
    Hardware,
    loader_workers,
    open_run,
    resolve_hardware,
    seed_everything,
)
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class Finetuned:
    """What came of it."""

    run: Path
    checkpoint: Path
    source: str
    dataset: str
    mode: str
    classes: tuple[str, ...]
    images: int
    monitor: str
    best: float
    scores: dict[str, float]
    leak_check: str = ""
    metadata_gain: dict[str, Interval] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run": str(self.run),
            "checkpoint": str(self.checkpoint),
            "from": self.source,
            "dataset": self.dataset,
            "mode": self.mode,
            "classes": list(self.classes),
            "images": self.images,
            "monitor": self.monitor,
            "best": self.best,
            "leak_check": self.leak_check,
            "metadata_gain": None
            if self.metadata_gain is None
            else {name: each.to_json() for name, each in self.metadata_gain.items()},
            **self.scores,
        }


def finetune(
    workspace: Workspace,
    config: FinetuneConfig,
    progress: Progress = SILENT,
    *,
    fold: Fold | None = None,
    suffix: str = "",
) -> Finetuned:
    """Train a classifier; the best epoch (C, k) is chosen on validation, never on test.

    Args:
        workspace: where dataset and run lie.
        config: of the training.
        progress: where it is reported.
        fold: validation is this part of train and validation together; None: the split that was
            prepared.
        suffix: of the run's name.

    Raises:
        DataError: no dataset, an empty split, a single class.
        CheckpointError: a checkpoint that is missing or does not fit.
        TrainingError: devices that are not there, a loss that is no number.
        LeakError: the encoder has seen test images, and that is not allowed.
    """
    hardware = resolve_hardware(config.accelerator, config.devices, config.nodes, config.precision)
    folder = _dataset(workspace, config.data, progress)
    train, val = (labelled(load_split(folder, name)) for name in ("train", "val"))
    if fold is not None:
        train, val = divide(train, val, fold)
    seed_everything(config.seed)
    start = choose_start(workspace, config, progress)
    pictures = pictures_here(workspace, folder, progress)
    leaks, leak_check = _gate(workspace, val, start, config, pictures, progress)
    watched = ("val", "test") if fold is None else ("test",)  # folds take validation in
    train, val, left_out = _without_held_out(watched, train, val, pictures, progress)
    train = take_fraction(train, config.label_fraction, config.seed)
    classes = _classes(train, val)
    about = Description(
        kind="finetune",
        encoder=start.name,
        image_size=start.image_size,
        **preprocessing(start.name),
        store_size=int(train.description["size"]),
        classes=classes,
        label=train.description["label"],
        datasets=(folder.name,),
        manifests={f"{folder.name}/{split.name}": split.sha256 for split in (train, val)},
        synthetic=start.synthetic or bool(train.description["synthetic"]),
        leaks=(*start.leaks, *leaks),
        head=_metadata_head(config, train, val, progress),
    )
    exposure = Exposure.of([train], [val]).merged(start.exposure)
    name = (config.name or f"finetune-{folder.name}") + suffix
    run, resume = open_run(
        workspace.runs,
        name,
        "finetune",
        config,
        {
            "seed": config.seed,
            "hardware": str(hardware),
            "from": start.source,
            "manifests": dict(about.manifests),
            "synthetic": about.synthetic,
            "leak_check": leak_check,
            "left_out": left_out.to_json(),
            "label_fraction": config.label_fraction,
            "fold": None if fold is None else str(fold),
        },
        progress,
    )
    left_out.write(run)
    progress.say(
        f"fine-tuning ({config.mode}) {start.name} from {start.source} on {len(train):,} images "
        f"of {folder.name}, {len(classes)} classes ({hardware}) into {run}"
    )
    settings = LoaderSettings(
        config.batch_size,
        loader_workers(config.workers, hardware),
        config.seed,
        hardware.accelerator == "cuda",
    )
    scores = _train(
        run, start, about, exposure, train, val, config, settings, hardware, progress, resume
    )
    best = run / "checkpoints" / f"{BEST}.ckpt"
    calibrate(best, val, settings, hardware.accelerator, progress)
    gain = None
    if about.head and is_main_process():
        gain = compare_with_image_alone(best, val, settings, hardware.accelerator, progress)
    result = Finetuned(
        run=run,
        checkpoint=best,
        source=start.source,
        dataset=folder.name,
        mode=config.mode,
        classes=classes,
        images=len(train),
        monitor=config.monitor,
        best=scores[config.monitor],
        scores=scores,
        leak_check=leak_check,
        metadata_gain=gain,
    )
    finish_run(run, result.to_json())
    return result


def _train(
    run: Path,
    start: Start,
    about: Description,
    exposure: Exposure,
    train: Split,
    val: Split,
    config: FinetuneConfig,
    settings: LoaderSettings,
    hardware: Hardware,
    progress: Progress,
    resume: Path | None = None,
) -> dict[str, float]:
    """Learn as ``config.mode`` says; the validation scores of what was chosen."""
    monitor = config.monitor.removeprefix("val/")
    balanced = settle_class_weights(config.class_weights, config.loss, config.sampling) != "none"
    if config.mode in FITS:
        return train_frozen(
            config.mode,
            run,
            start.encoder,
            about,
            train,
            val,
            exposure=exposure,
            settings=settings,
            device=hardware.accelerator,
            monitor=monitor,
            balanced=balanced,
            progress=progress,
        )
    head = None
    if config.mode == "lp-ft" and resume is None:
        # The probe first, then all from there (arXiv 2202.10054).
        embedded = embed(start.encoder, about, train, val, settings, hardware.accelerator, progress)
        fitted = fit_linear(embedded.fused(), monitor=monitor, balanced=balanced, progress=progress)
        progress.say(f"linear probe: {config.monitor} {fitted.scores[monitor]:.4f}")
        start.encoder.train()
        head = fitted.state
    return train_full(
        run, start, about, exposure, train, val, config, settings, hardware, progress, head, resume
    )


def _metadata_head(
    config: FinetuneConfig, train: Split, val: Split, progress: Progress
) -> dict[str, Any]:
    """What the checkpoint says of a head that takes metadata; empty for the image alone.

    Raises:
        ConfigError: a mode or a mixing that metadata do not go with.
        DataError: a column that cannot serve.
    """
    code = fit_code(train, config.metadata)
    if code is None:
        return {}
    if config.mode == "knn" or config.mixup or config.cutmix:
        raise ConfigError(
            "metadata go with neither --mode knn nor mixed images",
            where="--metadata",
            hint="Take --mode full, linear or lp-ft, without --mixup and --cutmix",
        )
    for gap in telling_gaps(train, code):
        progress.say(f"warning: metadata: {gap}: whether it is known tells of the label by itself")
    if unseen := unseen_words(code, val):
        progress.say(f"metadata that training never saw count as missing: {unseen}")
    return {"kind": FUSION, "metadata": code.to_plain()}


def _gate(
    workspace: Workspace,
    val: Split,
    start: Start,
    config: FinetuneConfig,
    pictures: Pictures,
    progress: Progress,
) -> tuple[tuple[str, ...], str]:
    """Test images that the encoder has seen: those allowed to pass, and what is known, in words.

    Validation images that it was trained on are said: they choose the best epoch too kindly, but
    no result is of them.
    """
    test = load_split(val.folder, "test")
    seen = look_for(test, start.exposure, pictures, progress)
    listing = leaked_file(workspace, test)
    refuse(seen, start.source, allow=config.allow_leak, listing=listing, progress=progress)
    chosen_by = look_for(val, start.exposure.only_trained(), pictures, progress)
    if chosen_by.reasons:
        progress.say(f"warning: {chosen_by.named()}")
    words = leak_words(seen, start.leaks)
    progress.say(f"leak check: {words}")
    return (seen.named(),) if seen.reasons else (), words


def _without_held_out(
    names: Sequence[str], train: Split, val: Split, pictures: Pictures, progress: Progress
) -> tuple[Split, Split, LeftOut]:
    watched = held_out([train.folder], names)
    trains, vals, left_out = leave_out([train], [val], watched, pictures, progress)
    left_out.say(progress)
    return labelled(trains[0]), labelled(vals[0]), left_out


def _dataset(workspace: Workspace, name: str | None, progress: Progress) -> Path:
    if name is not None:
        return workspace.dataset(name)
    folder = workspace.newest_dataset()
    progress.say(f"no --data given: {folder.name}, the newest")
    return folder


def _classes(train: Split, val: Split) -> tuple[str, ...]:
    """The classes of the training images, sorted: the order of the logits."""
    classes = tuple(sorted(set(train.column("label"))))
    if len(classes) < 2:
        raise DataError(
            f"there is a single class, '{classes[0]}', and nothing to tell apart",
            where=train.folder / "train.parquet",
            hint="Prepare the dataset with another --label COLUMN",
        )
    class_numbers(val, classes)
    return classes
