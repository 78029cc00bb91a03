"""Training encoder and classifier together, the best epoch chosen on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging
from torch import nn

from dermctl.config.trainings import FinetuneConfig
from dermctl.core.finetuning.objective import (
    balanced_chances,
    build_supervised_loss,
    settle_class_weights,
)
from dermctl.core.finetuning.plan import FinetunePlan
from dermctl.core.inputs import settle_inputs
from dermctl.core.loading import TrainingData, class_numbers, stored_images
from dermctl.core.metadata import metadata_of
from dermctl.core.transform import transform_of
from dermctl.methods.mixing import Mixing
from dermctl.methods.supervised import Supervised
from dermctl.models.encoder import feature_width
from dermctl.models.fusion import FusionClassifier
from dermctl.models.heads import Classifier
from dermctl.progress import Progress
from dermctl.runs import note_facts
from dermctl.training import fit, kept, make_trainer, speed_up
from dermctl.views.evaluation import EvaluationDataset
from dermctl.views.images import ImageNames
from dermctl.views.packed import LabelledDataset


@dataclass(frozen=True)
class FullTraining:
    """What is trained, on which batches (images over all devices), with which callbacks.

    ``images`` are names, ``inputs`` what is to be known of augmentation and cache afterwards.
    """

    module: Supervised
    data: TrainingData
    batch_size: int
    callbacks: tuple[Callback, ...]
    images: Sequence[str]
    inputs: Mapping[str, Any]


def train_full(
    run: Path,
    plan: FinetunePlan,
    config: FinetuneConfig,
    progress: Progress,
    head: Mapping[str, torch.Tensor] | None = None,
    resume: Path | None = None,
) -> dict[str, float]:
    """Train for the configured epochs; ``checkpoints/best.ckpt`` is the best by ``monitor``.

    Args:
        run: its folder.
        plan: what is trained on what.
        config: of the training.
        progress: where steps are reported.
        head: weights that the classifier starts from; None: at random.
        resume: checkpoint of a run that was stopped, to go on from.

    Returns:
        The best value of ``monitor``, under its name.
    """
    training = full_training(plan, config, progress, head)
    note_facts(run, training.inputs)
    trainer = make_trainer(
        run,
        plan.hardware,
        epochs=config.epochs,
        progress=progress,
        monitor=config.monitor,
        seed=config.seed,
        checkpoint_minutes=config.checkpoint_every,
        patience=config.patience,
        image_names=training.images,
        deterministic=config.deterministic,
        callbacks=training.callbacks,
    )
    fit(trainer, training.module, training.data, resume=resume)
    best = kept(trainer).best  # other figures are at hand for the last epoch only
    assert best is not None
    return {config.monitor: best}


def full_training(
    plan: FinetunePlan,
    config: FinetuneConfig,
    progress: Progress,
    head: Mapping[str, torch.Tensor] | None = None,
) -> FullTraining:
    """Build model and loaders; see ``train_full``."""
    start, about, train, val = plan.start, plan.about, plan.train, plan.val
    settings = plan.settings
    numbers, val_numbers = (class_numbers(split, about.classes) for split in (train, val))
    if len(train) < config.batch_size:
        settings = replace(settings, batch_size=len(train))
        progress.say(f"the batch is {len(train)} images: there are no more")
    width, classes = feature_width(start.encoder), len(about.classes)
    classifier: nn.Module = Classifier(width, classes)
    metadata, val_metadata = (metadata_of(about, split) for split in (train, val))
    alone = None
    if metadata is not None:
        classifier, alone = FusionClassifier(width, metadata.shape[1], classes), classifier
    if head is not None:
        classifier.load_state_dict(dict(head))
    weights = settle_class_weights(config.class_weights, config.loss, config.sampling)
    module = Supervised(
        start.encoder,
        classifier,
        about,
        loss=build_supervised_loss(
            config.loss,
            numbers,
            len(about.classes),
            class_weights=weights,
            label_smoothing=config.label_smoothing,
            gamma=config.focal_gamma,
            tau=config.logit_tau,
        ),
        mixing=Mixing(config.mixup, config.cutmix, len(about.classes)),
        layer_decay=config.layer_decay,
        alone=alone,
        optimizer=config.optimizer,
        lr=config.lr,
        weight_decay=config.weight_decay,
        warmup=config.warmup,
    )
    module.exposure = plan.exposure
    compiled = speed_up(
        module.encoder,
        plan.hardware,
        compiled=config.compile,
        gradient_checkpointing=config.gradient_checkpointing,
        progress=progress,
    )
    inputs = settle_inputs(
        config.augmentation,
        config.cache,
        [train],
        size=about.image_size,
        epochs=config.epochs,
        workers=settings.workers,
        shared=settings.shared,
        hardware=plan.hardware,
        compiled=compiled,
        progress=progress,
    )
    stored = stored_images([train])
    views = inputs.views(inputs.images(stored), count=1, seed=config.seed)
    evaluation = EvaluationDataset(
        stored_images([val]), transform_of(about), labels=val_numbers, metadata=val_metadata
    )
    chances = balanced_chances(numbers) if config.sampling == "balanced" else None
    data = TrainingData(
        LabelledDataset(views, numbers, metadata),
        evaluation,
        settings,
        chances=chances,
        resident=inputs.resident,
        fused=inputs.fused,
    )
    return FullTraining(
        module,
        data,
        settings.batch_size,
        _callbacks(config),
        ImageNames(stored),
        inputs.to_json(),
    )


def _callbacks(config: FinetuneConfig) -> tuple[Callback, ...]:
    callbacks: list[Callback] = []
    if config.ema:
        callbacks.append(EMAWeightAveraging(decay=config.ema))
    return tuple(callbacks)
