"""One folder a training: its name, its configuration, what it ran on."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dermctl import __version__
from dermctl.errors import TrainingError, UsageFault
from dermctl.files import write_json, write_text
from dermctl.lock import take
from dermctl.workspace import RESULT_FILE, check_name

# Lightning starts the other ranks by running the whole command again: they take rank 0's folder.
_CHOSEN = "DERMCTL_RUN_FOLDER"
CHOSEN_CHECKPOINT = "DERMCTL_RUN_CHECKPOINT"
"""Likewise, the checkpoint that rank 0 goes on from; empty: from the beginning."""
_PACKAGES = ("torch", "torchvision", "timm", "pytorch-lightning", "numpy", "pyarrow", "pillow")

_LOCK = ".in_use"

# Where Lightning, torchrun and SLURM say which of many processes this is.
_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")


def is_main_process() -> bool:
    """Whether this is rank 0, the one process that prints and writes."""
    return all(os.environ.get(name, "0") == "0" for name in _RANKS)


def from_first_process(variable: str) -> str | None:
    """What rank 0 has settled by what was free, and left in a variable of the environment.

    When the ranks that it starts ask, its images lie in memory, and the answer would be another.
    None: this is rank 0, or a rank that something else has started.
    """
    return None if is_main_process() else os.environ.get(variable)


def for_other_processes(variable: str, settled: str) -> None:
    """Leave what rank 0 has settled to the ranks that it starts."""
    if is_main_process():
        os.environ[variable] = settled


def new_run_folder(runs: Path, name: str) -> Path:
    """Make ``runs/<stamp>-<name>/``; another rank gets the folder that rank 0 made.

    A rank that rank 0 did not start (torchrun, SLURM) cannot know it, and makes none: Lightning
    hands the place of the checkpoints on.

    Raises:
        UsageFault: the name cannot be part of a folder's.
    """
    check_name(name)
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    folder, number = runs / f"{stamp}-{name}", 2
    if not is_main_process():
        return Path(os.environ.get(_CHOSEN, folder))
    while True:
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            folder, number = runs / f"{stamp}-{name}-{number}", number + 1
    os.environ[_CHOSEN] = str(folder.resolve())
    return folder


def run_named(runs: Path, name: str) -> Path:
    """The folder of the run that is named, by its path or by its name in ``runs``.

    Raises:
        UsageFault: there is none.
    """
    for folder in (Path(name), runs / name):
        if (folder / "config.yaml").is_file():
            return folder
    raise UsageFault("no such run", where=name, hint=f"Runs lie in {runs}")


def start_run(folder: Path, command: str, config: str, facts: Mapping[str, Any]) -> None:
    """Write the resolved ``config.yaml`` and ``provenance.json`` of a run (rank 0 only).

    Args:
        folder: the run's folder.
        command: ``pretrain``, ``finetune``, …: what made the run.
        config: the resolved configuration as YAML, itself a valid ``--config``.
        facts: seed, hardware, hashes of the manifests, and whatever else was used.
    """
    if not is_main_process():
        return
    write_text(folder / "config.yaml", config)
    document = {
        "command": command,
        "dermctl": __version__,
        "started_at": now(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": package_versions(),
        **facts,
    }
    write_json(folder / "provenance.json", document)


def note_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Add to ``provenance.json`` what is settled only once the run has begun (rank 0 only)."""
    if not is_main_process():
        return
    path = folder / "provenance.json"
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | dict(facts))


def note_resumption(folder: Path, facts: Mapping[str, Any]) -> None:
    """Say in ``provenance.json`` that a run goes on, when and on what (rank 0 only)."""
    if not is_main_process():
        return
    os.environ[_CHOSEN] = str(folder.resolve())
    path = folder / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    again = {
        "at": now(),
        "dermctl": __version__,
        "packages": package_versions(),
        "hardware": facts.get("hardware"),
    }
    document["resumed"] = [*document.get("resumed", []), again]
    write_json(path, document)


def finish_run(folder: Path, result: Mapping[str, Any]) -> None:
    """Write ``result.json``: only a run that has it is taken up unasked (rank 0 only)."""
    if is_main_process():
        write_json(folder / RESULT_FILE, result)


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold a run's folder while it trains; the system lets go of it even for a killed process.

    Yields:
        Whether it is held: not all file systems have locks.

    Raises:
        TrainingError: another process holds it.
    """
    if not is_main_process():
        yield False
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as file:
        taken = take(file)
        if taken is False:
            raise TrainingError(
                "another process is training into this run",
                where=folder,
                hint="Wait for its end, or start anew with --no-resume",
            )
        yield taken is True


def in_use(folder: Path) -> bool | None:
    """Whether another process trains into this run; None: that cannot be told here."""
    try:
        with held(folder) as certain:
            return False if certain else None
    except TrainingError:
        return True


def now() -> str:
    """The time, with its zone, to the microsecond: sorts by age."""
    return datetime.now().astimezone().isoformat()


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide what a training does."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def command_line() -> str:
    """The command as it was typed, without the path of the program."""
    return " ".join(["dermctl", *sys.argv[1:]])
