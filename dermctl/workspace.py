"""Where datasets, runs and downloads lie, and which of them is newest."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.errors import DataError, UsageFault
from dermctl.files import settle
from dermctl.run_folder import BEST, LAST, checkpoint_path

ENVIRONMENT_VARIABLE = "DERMCTL_WORKSPACE"
ZOO_VARIABLE = "DERMCTL_ZOO"
DATASET_FILE = "dataset.json"
RESULT_FILE = "result.json"
"""Written into a run's folder when the training has come to its end."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Workspace:
    """One folder with ``data/``, ``runs/``, ``raw/`` and ``zoo/`` in it."""

    root: Path

    @classmethod
    def locate(cls, given: Path | None = None) -> Workspace:
        """The given folder, else ``DERMCTL_WORKSPACE``, else the current folder."""
        if given is None:
            given = Path(os.environ.get(ENVIRONMENT_VARIABLE) or ".")
        if given.exists() and not given.is_dir():
            raise UsageFault("the workspace must be a folder", where=given)
        return cls(given)

    @property
    def data(self) -> Path:
        """Prepared datasets."""
        return self.root / "data"

    @property
    def runs(self) -> Path:
        """Trainings, evaluations and exports."""
        return self.root / "runs"

    @property
    def raw(self) -> Path:
        """Downloads as their publishers lay them out."""
        return self.root / "raw"

    @property
    def zoo(self) -> Path:
        """Encoders by name: ``zoo/``, or the folder that ``DERMCTL_ZOO`` names, a lab's own."""
        shared = os.environ.get(ZOO_VARIABLE)
        return Path(shared) if shared else self.root / "zoo"

    def dataset(self, name: str) -> Path:
        """Folder of a prepared dataset; DataError, naming those there are, when it is not one."""
        folder = self.data / check_name(name)
        settle(folder)
        if not (folder / DATASET_FILE).is_file():
            there = ", ".join(path.name for path in self.datasets()) or "none"
            raise DataError(
                f"no prepared dataset '{name}' (prepared: {there})",
                where=folder,
                hint=f"Prepare it with: dermctl data prepare {name}",
            )
        return folder

    def datasets(self) -> list[Path]:
        """Folders of all prepared datasets, oldest first."""
        for aside in self.data.glob(".*.old"):
            settle(self.data / aside.name[1 : -len(".old")])
        return sorted(
            (
                path.parent
                for path in self.data.glob(f"*/{DATASET_FILE}")
                if path.parent.name[0] != "."
            ),
            key=_prepared_at,
        )

    def newest_dataset(self) -> Path:
        """The dataset that was prepared last."""
        folders = self.datasets()
        if not folders:
            raise DataError(
                "no dataset has been prepared in this workspace",
                where=self.data,
                hint="Prepare one with: dermctl data prepare SOURCE (sources: dermctl data list)",
            )
        return folders[-1]

    def run_folders(self) -> list[Path]:
        """Folders of all runs, oldest first (their names begin with a time stamp)."""
        if not self.runs.is_dir():
            return []
        return sorted(path for path in self.runs.iterdir() if path.is_dir())

    def newest_checkpoint(self, kind: str) -> Path | None:
        """The best checkpoint of the newest finished run of ``kind`` (pretrain or finetune)."""
        for folder in reversed(self.run_folders()):
            if run_kind(folder) == kind and (folder / RESULT_FILE).is_file():
                for name in (BEST, LAST):
                    path = checkpoint_path(folder, name)
                    if path.is_file():
                        return path
        return None


def is_name(text: str) -> bool:
    """Whether a text can be the name of a folder."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """A dataset or run name as given, if it can be a folder name; else UsageFault."""
    if not is_name(name):
        raise UsageFault(
            f"'{name}' cannot be a name",
            hint="Use letters, digits, '.', '_' and '-', beginning with a letter or digit",
        )
    return name


def run_kind(folder: Path) -> str | None:
    """What made a run, as its provenance.json says; None where there is none."""
    kind = _document(folder / "provenance.json").get("command")
    return kind if isinstance(kind, str) else None


def _prepared_at(folder: Path) -> tuple[str, str]:
    return str(_document(folder / DATASET_FILE).get("prepared_at", "")), folder.name


def _document(path: Path) -> dict[str, Any]:
    """A JSON file for looking around; empty where it is missing or damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
