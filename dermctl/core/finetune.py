"""``finetune``: supervised training, from a pretrained encoder or from none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dermctl.checkpoint import Description, read_checkpoint
from dermctl.config.resolve import to_yaml
from dermctl.config.trainings import FinetuneConfig
from dermctl.core.calibrate import calibrate
from dermctl.core.gate import LeftOut, held_out, leak_words, leave_out, look_for, refuse
from dermctl.core.linear import train_linear
from dermctl.core.loading import (
    LoaderSettings,
    TrainingData,
    class_numbers,
    labelled,
    stored_images,
    training_views,
)
from dermctl.core.transform import preprocessing, transform_of
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.prepared import Split, load_split
from dermctl.errors import DataError
from dermctl.exposure import Exposure
from dermctl.methods.supervised import Supervised, inverse_frequency
from dermctl.models.encoder import build_encoder, feature_width
from dermctl.models.heads import Classifier
from dermctl.models.restore import restore_encoder
from dermctl.progress import SILENT, Progress
from dermctl.runs import finish_run, new_run_folder, start_run
from dermctl.training import (
    BEST,
    fit,
    loader_workers,
    make_trainer,
    resolve_hardware,
    seed_everything,
)
from dermctl.views.evaluation import EvaluationDataset
from dermctl.views.presets import preset
from dermctl.workspace import Workspace

RANDOM = "none"  # --from none: an encoder at random initialisation
_DEFAULT_ENCODER = "vit_small_patch16_224"
_DEFAULT_SIZE = 224


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
            **self.scores,
        }


@dataclass(frozen=True)
class Start:
    """The encoder that a training starts from, and where it comes from."""

    encoder: nn.Module
    name: str
    image_size: int
    source: str
    synthetic: bool
    exposure: Exposure
    leaks: tuple[str, ...] = ()  # that were allowed when it was trained


def finetune(
    workspace: Workspace, config: FinetuneConfig, progress: Progress = SILENT
) -> Finetuned:
    """Train a classifier; the best epoch (or C) is chosen on validation, never on test.

    Raises:
        DataError: no dataset, an empty split, a single class.
        CheckpointError: a checkpoint that is missing or does not fit.
        TrainingError: devices that are not there, a loss that is no number.
        LeakError: the encoder has seen test images, and that is not allowed.
    """
    hardware = resolve_hardware(config.accelerator, config.devices, config.nodes, config.precision)
    folder = _dataset(workspace, config.data, progress)
    train, val = (labelled(load_split(folder, name)) for name in ("train", "val"))
    seed_everything(config.seed)
    start = _start(workspace, config, progress)
    pictures = Pictures(list(dict.fromkeys([*workspace.datasets(), folder])))
    leaks, leak_check = _gate(folder, val, start, config, pictures, progress)
    train, val, left_out = _without_held_out(folder, train, val, pictures, progress)
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
    )
    exposure = Exposure.of([train], [val]).merged(start.exposure)
    name = config.name or f"finetune-{folder.name}"
    run = new_run_folder(workspace.runs, name)
    start_run(
        run,
        "finetune",
        to_yaml(config),
        {
            "seed": config.seed,
            "hardware": str(hardware),
            "from": start.source,
            "manifests": dict(about.manifests),
            "synthetic": about.synthetic,
            "leak_check": leak_check,
            "left_out": left_out.to_json(),
        },
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
    if config.mode == "linear":
        scores = train_linear(
            run,
            start.encoder,
            about,
            train,
            val,
            exposure=exposure,
            settings=settings,
            device=hardware.accelerator,
            monitor=config.monitor.removeprefix("val/"),
            balanced=config.class_weights == "inverse",
            progress=progress,
        )
    else:
        scores = _train_full(run, start, about, exposure, train, val, config, settings, progress)
    best = run / "checkpoints" / f"{BEST}.ckpt"
    calibrate(best, val, settings, hardware.accelerator, progress)
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
    )
    finish_run(run, result.to_json())
    return result


def _gate(
    folder: Path,
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
    seen = look_for(load_split(folder, "test"), start.exposure, pictures, progress)
    refuse(seen, start.source, allow=config.allow_leak, progress=progress)
    chosen_by = look_for(val, start.exposure.only_trained(), pictures, progress)
    if chosen_by.reasons:
        progress.say(f"warning: {chosen_by.named()}")
    words = leak_words(seen, start.leaks)
    progress.say(f"leak check: {words}")
    return (seen.named(),) if seen.reasons else (), words


def _without_held_out(
    folder: Path, train: Split, val: Split, pictures: Pictures, progress: Progress
) -> tuple[Split, Split, LeftOut]:
    watched = held_out([folder], ("val", "test"), pictures, progress)
    trains, vals, left_out = leave_out([train], [val], watched, pictures)
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


def _start(workspace: Workspace, config: FinetuneConfig, progress: Progress) -> Start:
    path = _checkpoint_path(workspace, config, progress)
    if path is None:
        name = config.encoder or _DEFAULT_ENCODER
        size = config.image_size or _DEFAULT_SIZE
        encoder = build_encoder(name, size, drop_path=config.drop_path)
        return Start(encoder, name, size, "random initialisation", False, Exposure.nothing())
    checkpoint = read_checkpoint(path)
    about = checkpoint.about
    if config.encoder not in (None, about.encoder):
        from dermctl.errors import CheckpointError

        raise CheckpointError(
            f"the checkpoint holds {about.encoder}, not {config.encoder}",
            where=path,
            hint="Leave --encoder out, or take --from none",
        )
    size = config.image_size or about.image_size
    encoder = restore_encoder(checkpoint, image_size=size, drop_path=config.drop_path)
    return Start(
        encoder,
        about.encoder,
        size,
        str(path),
        about.synthetic,
        checkpoint.exposure,
        about.leaks,
    )


def _checkpoint_path(
    workspace: Workspace, config: FinetuneConfig, progress: Progress
) -> Path | None:
    if config.from_checkpoint == RANDOM:
        return None
    if config.from_checkpoint is not None:
        return Path(config.from_checkpoint)
    newest = workspace.newest_checkpoint("pretrain")
    if newest is None:
        progress.say("no --from given, and nothing pretrained here: random initialisation")
    elif config.encoder is None or read_checkpoint(newest).about.encoder == config.encoder:
        progress.say(f"no --from given: {newest}, the newest pretraining")
        return newest
    else:
        progress.say(
            f"no --from given, and the newest pretraining is no {config.encoder}: "
            "random initialisation"
        )
    return None


def _train_full(
    run: Path,
    start: Start,
    about: Description,
    exposure: Exposure,
    train: Split,
    val: Split,
    config: FinetuneConfig,
    settings: LoaderSettings,
    progress: Progress,
) -> dict[str, float]:
    hardware = resolve_hardware(config.accelerator, config.devices, config.nodes, config.precision)
    numbers, val_numbers = (class_numbers(split, about.classes) for split in (train, val))
    if len(train) < config.batch_size:
        settings = replace(settings, batch_size=len(train))
        progress.say(f"the batch is {len(train)} images: there are no more")
    module = Supervised(
        start.encoder,
        Classifier(feature_width(start.encoder), len(about.classes)),
        about,
        class_weights=_weights(config, numbers, len(about.classes)),
        label_smoothing=config.label_smoothing,
        optimizer=config.optimizer,
        lr=config.lr,
        weight_decay=config.weight_decay,
        warmup=config.warmup,
    )
    module.exposure = exposure
    views = training_views(
        stored_images([train]), preset("supervised"), about.image_size, config.seed, numbers
    )
    evaluation = EvaluationDataset(stored_images([val]), transform_of(about), labels=val_numbers)
    trainer = make_trainer(
        run, hardware, epochs=config.epochs, progress=progress, monitor=config.monitor
    )
    fit(trainer, module, TrainingData(views, evaluation, settings))
    best = trainer.checkpoint_callback  # other figures are at hand for the last epoch only
    return {config.monitor: float(best.best_model_score)}  # type: ignore[union-attr]


def _weights(
    config: FinetuneConfig, numbers: Sequence[int] | np.ndarray, classes: int
) -> torch.Tensor | None:
    if config.class_weights == "none":
        return None
    counts = np.bincount(np.asarray(numbers), minlength=classes)
    return torch.tensor(inverse_frequency(counts), dtype=torch.float32)
