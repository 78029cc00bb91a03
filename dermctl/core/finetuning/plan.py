"""All that a fine-tuning needs, checked, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dermctl.checkpoint import Description
from dermctl.config.fields import flag_of
from dermctl.config.trainings import OF_STEPS, FinetuneConfig
from dermctl.core.finetuning.frozen import FITS
from dermctl.core.finetuning.rows import Fold, divide, take_fraction
from dermctl.core.finetuning.start import Start, choose_start
from dermctl.core.gate import leak_words, leaked_file, look_for, pictures_here, refuse
from dermctl.core.left_out import LeftOut, held_out, leave_out
from dermctl.core.loading import LoaderSettings, labelled
from dermctl.core.metadata import FUSION, fit_code, telling_gaps, unseen_words
from dermctl.core.named import check_names
from dermctl.core.transform import preprocessing
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.places import check_split
from dermctl.datasets.prepared import TRAINING_COLUMNS, Split, load_split
from dermctl.errors import ConfigError, DataError
from dermctl.exposure import Exposure
from dermctl.progress import Progress
from dermctl.training import Hardware, resolve_hardware, seed_everything, settle_loaders
from dermctl.views.batches import check_shares
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class FinetunePlan:
    """What is trained on what.

    Args:
        hardware: it runs on.
        start: the encoder, and where it comes from.
        train, val: labelled rows to learn from and to choose by.
        about, exposure: what the checkpoints say.
        settings: of the loaders.
        left_out: images that are not trained on.
        leak_check: what is known of test images that the encoder has seen, in words.
    """

    hardware: Hardware
    start: Start
    train: Split
    val: Split
    about: Description
    exposure: Exposure
    settings: LoaderSettings
    left_out: LeftOut
    leak_check: str

    @property
    def dataset(self) -> str:
        """Its name."""
        return self.train.folder.name

    def __str__(self) -> str:
        return (
            f"{self.start.name} from {self.start.source} on {len(self.train):,} images of "
            f"{self.dataset}, {len(self.about.classes)} classes"
        )


def plan_finetuning(
    workspace: Workspace, config: FinetuneConfig, progress: Progress, fold: Fold | None = None
) -> FinetunePlan:
    """Settle and check everything; nothing is written but the list of images that were leaked.

    Raises:
        DermctlError: as ``dermctl.core.finetune.finetune``.
    """
    hardware = resolve_hardware(config.accelerator, config.devices, config.nodes, config.precision)
    if config.mode in ("full", "lp-ft"):  # the others take no steps
        check_shares(config.batch_size, hardware.devices * hardware.nodes)
    check_names(config)
    _say_unused(config, progress)
    folder = _dataset(workspace, config.data, progress)
    train, val = (load_split(folder, name) for name in ("train", "val"))
    for split in (train, val, load_split(folder, "test", TRAINING_COLUMNS)):
        check_split(split)
    train, val = labelled(train), labelled(val)
    if fold is not None:
        train, val = divide(train, val, fold)
    seed_everything(config.seed, deterministic=config.deterministic)
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
        **preprocessing(start.name, start.mean, start.std),
        store_size=int(train.description["size"]),
        classes=classes,
        label=train.description["label"],
        datasets=(folder.name,),
        manifests={f"{folder.name}/{split.name}": split.sha256 for split in (train, val)},
        synthetic=start.synthetic or bool(train.description["synthetic"]),
        leaks=(*start.leaks, *leaks),
        head=_metadata_head(config, train, val, progress),
    )
    loaders = settle_loaders(
        config.workers, hardware, images=config.batch_size, size=about.image_size
    )
    if loaders.note:
        progress.say(loaders.note)
    return FinetunePlan(
        hardware=hardware,
        start=start,
        train=train,
        val=val,
        about=about,
        exposure=Exposure.of([train], [val]).merged(start.exposure),
        settings=LoaderSettings(
            config.batch_size,
            loaders.workers,
            config.seed,
            hardware.accelerator == "cuda",
            loaders.shared,
        ),
        left_out=left_out,
        leak_check=leak_check,
    )


def _say_unused(config: FinetuneConfig, progress: Progress) -> None:
    """Which of the settings that were given a mode without steps has no use for."""
    if config.mode not in FITS:
        return
    unused = [
        flag_of(field).split("/")[0]
        for field in fields(config)
        if field.name in OF_STEPS and getattr(config, field.name) != field.default
    ]
    if unused:
        progress.say(
            f"--mode {config.mode} is fitted on embeddings of the images as they are: "
            f"{', '.join(unused)} {'changes' if len(unused) == 1 else 'change'} nothing"
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
    if untrained := sorted(set(val.column("label")) - set(classes)):
        raise DataError(
            f"no training image is left of {', '.join(untrained[:5])}, which validation has",
            where=train.folder / "train.parquet",
            hint="Leave small classes out: dermctl data prepare … --min-class N, or draw the split "
            f"anew: dermctl data split {train.folder.name} --seed N",
        )
    return classes
