"""A dry run of a fine-tuning: a little of what its mode would do, timed, and nothing written."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dermctl.config.trainings import FinetuneConfig
from dermctl.core.finetuning.full import full_training
from dermctl.core.finetuning.plan import FinetunePlan
from dermctl.core.inputs import warn_of_enlarging
from dermctl.core.loading import evaluation_loader, stored_images
from dermctl.core.metadata import metadata_of
from dermctl.core.transform import transform_of
from dermctl.inference import run_model
from dermctl.models.encoder import feature_width
from dermctl.progress import Progress
from dermctl.training import DryRun, peak_memory, rehearse
from dermctl.views.packed import Tensors

_BATCHES = 3
"""One to warm up, and two to be timed."""
_FITTED = {
    "linear": "fit a logistic regression for each C",
    "knn": "choose the number of voting neighbours",
}


def rehearse_plan(plan: FinetunePlan, config: FinetuneConfig, progress: Progress) -> DryRun:
    """Run a few steps, or embed a few images, as the mode asks for; ``lp-ft`` does both."""
    if config.mode == "full":
        found = _rehearse_full(plan, config, progress)
    elif config.mode == "lp-ft":
        probe = _rehearse_frozen(plan, "linear", progress)
        plan.start.encoder.train()
        found = _rehearse_full(plan, config, progress)
        found = replace(
            found,
            what=f"{probe.what}, and from there {found.what}",
            seconds=probe.seconds + found.seconds,
        )
    else:
        found = _rehearse_frozen(plan, config.mode, progress)
    return replace(found, what=f"{found.what}: {plan}")


def _rehearse_full(plan: FinetunePlan, config: FinetuneConfig, progress: Progress) -> DryRun:
    training = full_training(plan, config, progress)
    return rehearse(
        training.module,
        training.data,
        plan.hardware,
        what=f"train encoder and head for {config.epochs} epochs",
        epochs=config.epochs,
        batch_size=training.batch_size,
        seed=config.seed,
        deterministic=config.deterministic,
        callbacks=training.callbacks,
        progress=progress,
    )


def _rehearse_frozen(plan: FinetunePlan, mode: str, progress: Progress) -> DryRun:
    """Embed a few batches; what is fitted on embeddings takes little beside making them."""
    warn_of_enlarging(plan.about.image_size, [plan.train], progress)
    batch = max(1, min(plan.settings.batch_size, len(plan.train) // _BATCHES))
    few = plan.train.where([row < _BATCHES * batch for row in range(len(plan.train))])
    loader = evaluation_loader(
        stored_images([few]),
        transform_of(plan.about),
        replace(plan.settings, batch_size=batch),
    )
    clock = _BatchClock()
    run_model(
        plan.start.encoder,
        clock.timed(loader),
        plan.about,
        device=plan.hardware.accelerator,
        images=len(few),
        what="embed a few",
    )
    images = len(plan.train) + len(plan.val)
    return DryRun(
        what=f"embed {images:,} images once and {_FITTED[mode]}",
        parameters=_head_parameters(plan) if mode == "linear" else 0,
        memory_bytes=peak_memory(plan.hardware),
        images_per_second=clock.images_per_second,
        steps=0,
        seconds=images / clock.images_per_second,
        hardware=str(plan.hardware),
    )


def _head_parameters(plan: FinetunePlan) -> int:
    metadata = metadata_of(plan.about, plan.train)
    width = feature_width(plan.start.encoder) + (0 if metadata is None else metadata.shape[1])
    return (width + 1) * len(plan.about.classes)


class _BatchClock:
    """Times batches from one to the next, work on them included."""

    def __init__(self) -> None:
        self._images: list[int] = []
        self._ends = [time.perf_counter()]

    def timed(self, batches: Iterable[Tensors]) -> Iterator[Tensors]:
        """The same batches; whoever asks for the next one is done with the one before."""
        for batch in batches:
            yield batch
            self._images.append(len(batch["images"]))
            self._ends.append(time.perf_counter())

    @property
    def images_per_second(self) -> float:
        """Of the batches after the first; of the first where there is only one."""
        warm = 1 if len(self._images) > 1 else 0
        return sum(self._images[warm:]) / max(1e-9, self._ends[-1] - self._ends[warm])
