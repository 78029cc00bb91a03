"""Which run a training goes into: a new one, or one that was stopped and can go on."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dermctl.checkpoint import read_progress
from dermctl.config.resolve import to_yaml
from dermctl.config.trainings import FREE_ON_RESUME, NOT_KEPT, FinetuneConfig, PretrainConfig
from dermctl.errors import CheckpointError, ConfigError, DataError, TrainingError, UsageFault
from dermctl.progress import Progress
from dermctl.run_folder import LAST, PREVIOUS, checkpoint_path
from dermctl.runs import (
    CHOSEN_CHECKPOINT,
    in_use,
    is_main_process,
    new_run_folder,
    note_resumption,
    package_versions,
    run_named,
    start_run,
)
from dermctl.workspace import RESULT_FILE, run_kind

Config = PretrainConfig | FinetuneConfig
_SAME_FACTS = ("manifests", "left_out", "from", "fold", "init", "augmentation")
_UNSEEN = ("checkpoint_every", "probe_every", "workers")
"""Settings that may differ and a run still goes on unasked; they do not touch the weights."""


class Opened(NamedTuple):
    """A run's folder, and the checkpoint to go on from (None: from the beginning)."""

    folder: Path
    checkpoint: Path | None


def open_run(
    runs: Path,
    name: str,
    command: str,
    config: Config,
    facts: Mapping[str, Any],
    progress: Progress,
) -> Opened:
    """The run that ``config.resume`` names; or one of the same settings and data that was stopped;
    or a new one. What is chosen is said.

    Args:
        runs: folder of all runs.
        name: of a new run.
        command: ``pretrain`` or ``finetune``.
        config: resolved settings.
        facts: see ``start_run``; those on the data must be the same to go on.
        progress: where the choice is said.

    Raises:
        UsageFault, TrainingError: no such run, or one that has ended or is under way.
        ConfigError: a run to go on with has other settings; all of them are named.
        DataError: its data have changed since.
    """
    chosen = os.environ.get(CHOSEN_CHECKPOINT)
    if not is_main_process() and chosen is not None:  # rank 0 has chosen already
        return Opened(new_run_folder(runs, name), Path(chosen) if chosen else None)
    opened = _stopped_run(runs, command, config, facts, progress)
    if opened is None:
        opened = Opened(new_run_folder(runs, name), None)
        start_run(opened.folder, command, to_yaml(_kept(config)), facts)
    else:
        note_resumption(opened.folder, facts)
    os.environ[CHOSEN_CHECKPOINT] = str(opened.checkpoint.resolve() if opened.checkpoint else "")
    return opened


def check_resume(runs: Path, command: str, config: Config) -> None:
    """Refuse a run that ``config.resume`` names and cannot go on, before any image is looked at.

    Raises:
        UsageFault, TrainingError, ConfigError: as ``open_run``.
    """
    if config.resume is not None:
        _check_settings(run_named(runs, config.resume), command, config)


def _check_settings(folder: Path, command: str, config: Config) -> None:
    """Hold settings against those that a run was started with.

    Raises:
        UsageFault, TrainingError, ConfigError: as ``open_run``.
    """
    kind = run_kind(folder)
    if kind != command:
        raise UsageFault(f"this is a run of {kind}, not of {command}", where=folder)
    if (folder / RESULT_FILE).is_file():
        raise TrainingError(
            "this run has come to its end",
            where=folder,
            hint="To train its weights further: --init (or --from) with its checkpoint",
        )
    different = _differences(folder, config, (*NOT_KEPT, *FREE_ON_RESUME))
    if different:
        raise ConfigError(
            f"the run has other settings: {'; '.join(different)}",
            where=folder / "config.yaml",
            hint="Leave them out to go on, or start anew with --no-resume",
        )


def newest_whole_checkpoint(folder: Path, progress: Progress) -> tuple[Path, str] | None:
    """The newest checkpoint of a run that is not damaged, and how far it had come, in words.

    What is passed over is said.
    """
    for name in (LAST, PREVIOUS):
        path = checkpoint_path(folder, name)
        if not path.is_file():
            continue
        try:
            epoch, step = read_progress(path)
        except CheckpointError as error:
            progress.say(f"warning: passed over: {error}")
            continue
        return path, f"step {step:,}, epoch {epoch + 1}"
    return None


def _stopped_run(
    runs: Path, command: str, config: Config, facts: Mapping[str, Any], progress: Progress
) -> Opened | None:
    if config.resume is not None:
        return _asked_for(run_named(runs, config.resume), command, config, facts, progress)
    if config.anew or not runs.is_dir():
        return None
    for folder in sorted((path for path in runs.iterdir() if path.is_dir()), reverse=True):
        if run_kind(folder) != command or _differences(folder, config, (*NOT_KEPT, *_UNSEEN)):
            continue
        return _goes_on_unasked(folder, facts, progress)
    return None


def _goes_on_unasked(folder: Path, facts: Mapping[str, Any], progress: Progress) -> Opened | None:
    if (folder / RESULT_FILE).is_file() or _other_facts(folder, facts):
        return None
    used = in_use(folder) if is_main_process() else False
    if used is not False:
        progress.say(
            f"{folder} has the same settings and is under way in another process"
            if used
            else f"{folder} has the same settings; whether another process is training into it "
            f"cannot be told on this file system, so to go on: --resume {folder}"
        )
        return None
    found = newest_whole_checkpoint(folder, progress)
    if found is None:
        return None
    _say(folder, found, "; to start anew: --no-resume, or another --name", progress)
    return Opened(folder, found[0])


def _asked_for(
    folder: Path, command: str, config: Config, facts: Mapping[str, Any], progress: Progress
) -> Opened:
    _check_settings(folder, command, config)
    changed = _other_facts(folder, facts)
    if changed:
        raise DataError(
            f"what the run was started with has changed since ({', '.join(changed)})",
            where=folder / "provenance.json",
            hint="Start anew with --no-resume",
        )
    found = newest_whole_checkpoint(folder, progress)
    if found is None:
        progress.say(f"{folder} has no checkpoint yet: it starts from the beginning")
        return Opened(folder, None)
    _say(folder, found, "", progress)
    return Opened(folder, found[0])


def _say(folder: Path, found: tuple[Path, str], more: str, progress: Progress) -> None:
    path, when = found
    progress.say(f"going on with {folder} from {path.name} ({when}){more}")
    before = _provenance(folder).get("packages", {})
    changed = [
        f"{package} {before[package]} → {now}"
        for package, now in package_versions().items()
        if before.get(package, now) != now
    ]
    if changed:
        progress.say(f"warning: last bits may differ, as packages have: {', '.join(changed)}")


def _kept(config: Config) -> Config:
    """The settings as a run keeps them: without what was meant for one start only."""
    fresh = type(config)()
    names = [field.name for field in dataclasses.fields(config) if field.name in NOT_KEPT]
    return dataclasses.replace(config, **{name: getattr(fresh, name) for name in names})


def _differences(folder: Path, config: Config, but: tuple[str, ...]) -> list[str]:
    """``setting: theirs, not ours`` for each setting of a run that differs."""
    try:
        theirs = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        theirs = None
    if not isinstance(theirs, dict):
        return ["its config.yaml cannot be read"]
    ours = yaml.safe_load(to_yaml(config))
    fresh = yaml.safe_load(to_yaml(type(config)()))
    return [
        f"{name} {theirs.get(name, fresh[name])}, not {value}"
        for name, value in ours.items()
        if name not in but and theirs.get(name, fresh[name]) != value
    ]


def _other_facts(folder: Path, facts: Mapping[str, Any]) -> list[str]:
    before, now = _provenance(folder), json.loads(json.dumps(dict(facts), default=str))
    return [name for name in _SAME_FACTS if before.get(name) != now.get(name)]


def _provenance(folder: Path) -> dict[str, Any]:
    try:
        document = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
