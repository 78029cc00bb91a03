"""`data split`: groups stay whole, the store stays as it is, and a kill does no harm."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dermctl.cli.main import app
from dermctl.core.data import prepare as prepare_module
from dermctl.core.data import split as module
from dermctl.core.data.check import check
from dermctl.core.data.prepare import prepare
from dermctl.core.data.split import SplitRequest, split
from dermctl.datasets.manifest import SPLITS, manifest_description
from dermctl.datasets.store import STORE_FOLDER
from dermctl.errors import DataError
from dermctl.workspace import Workspace
from tests.conftest import ROOT
from tests.core.data.clinic import EACH, PATIENTS, Clinic, add_defects, column, make_clinic, tables

IMAGES = PATIENTS * EACH


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    made = make_clinic(tmp_path)
    add_defects(made)
    return made


@pytest.fixture
def workspace(clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """With the made clinic prepared; reports are not drawn."""
    for part in (module, prepare_module):
        monkeypatch.setattr(part, "write_dataset_report", lambda path, *_: path.write_text(""))
    workspace = Workspace(tmp_path / "workspace")
    prepare(workspace, clinic.request(min_class=2, licenses=("cc-0",)))
    return workspace


def splits(folder: Path) -> dict[str, str]:
    """Image -> split."""
    found = tables(folder)
    return {name: own for own in SPLITS for name in column(found, "image_id", [own])}


def contents(folder: Path) -> dict[str, bytes]:
    """The manifests and the folds, as bytes."""
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def test_another_seed_is_another_split_over_the_same_store(workspace: Workspace) -> None:
    folder = workspace.data / "clinic"
    before, rejected = splits(folder), (folder / "rejected.parquet").read_bytes()
    store = {path.name: path.stat().st_ino for path in (folder / STORE_FOLDER).iterdir()}
    divided = split(workspace, SplitRequest("clinic", seed=1, test=0.4))
    after = splits(folder)
    assert set(after) == set(before)
    assert divided.moved == sum(after[name] != before[name] for name in before) > 0
    assert Counter(after.values())["test"] == pytest.approx(0.4 * IMAGES, abs=EACH)
    assert {p.name: p.stat().st_ino for p in (folder / STORE_FOLDER).iterdir()} == store
    assert (folder / "rejected.parquet").read_bytes() == rejected
    assert check(workspace, "clinic").faults == ()  # groups, places, counts, hashes
    assert [path.name for path in workspace.data.iterdir()] == ["clinic"]


def test_what_is_written_about_it_agrees(workspace: Workspace) -> None:
    divided = split(workspace, SplitRequest("clinic", val=0.2, test=0.3, seed=4))
    document = json.loads((divided.folder / "dataset.json").read_text(encoding="utf-8"))
    for name in SPLITS:
        about = manifest_description(pq.read_table(divided.folder / f"{name}.parquet"))
        assert about["split"] == document["split"] == divided.recipe.to_json()
        assert about["classes"] == document["classes"]
        assert about["untestable"] == document["untestable"]
        assert sum(document["splits"][name].values()) == list(
            splits(divided.folder).values()
        ).count(name)
    assert (divided.recipe.val, divided.recipe.test, divided.recipe.seed) == (0.2, 0.3, 4)


def test_the_same_recipe_gives_what_prepare_gave(workspace: Workspace, tmp_path: Path) -> None:
    folder = prepare(workspace, make_clinic(tmp_path / "sound").request(name="sound")).folder
    before = contents(folder)
    split(workspace, SplitRequest("sound", seed=9))
    assert contents(folder) != before
    split(workspace, SplitRequest("sound", seed=0))
    assert contents(folder) == before


def test_a_class_that_cannot_be_tested_is_named(workspace: Workspace, clinic: Clinic) -> None:
    prepare(workspace, clinic.request(name="rare"))
    divided = split(workspace, SplitRequest("rare", seed=1))
    assert divided.untestable == {"carcinoma": 1}
    assert divided.counts["train"]["carcinoma"] == 1


def test_prepare_keeps_a_split_that_was_drawn_anew(workspace: Workspace, clinic: Clinic) -> None:
    folder = workspace.data / "clinic"
    split(workspace, SplitRequest("clinic", test=0.4, seed=2))
    drawn = splits(folder)
    prepare(workspace, clinic.request(min_class=2, licenses=("cc-0",)))
    assert splits(folder) == drawn


def test_published_splits_stay(workspace: Workspace, clinic: Clinic) -> None:
    lines = clinic.table.read_text(encoding="utf-8").splitlines()
    table = clinic.table.with_name("published.csv")
    published = ["split", *("test" if number < 2 * EACH else "" for number in range(IMAGES))]
    table.write_text("\n".join(map(",".join, zip(lines, published, strict=False))))
    read = replace(clinic.request().read, csv=table)
    prepare(workspace, clinic.request(name="official", read=read))
    folder = workspace.data / "official"
    test = {f"img-{number}" for number in range(2 * EACH)}
    for seed in (0, 1, 2):
        divided = split(workspace, SplitRequest("official", seed=seed, val=0.3, test=0.5))
        assert {name for name, own in splits(folder).items() if own == "test"} == test
        assert divided.recipe.official == ("test",)


def test_folds_cover_train_and_validation_and_leave_the_split(workspace: Workspace) -> None:
    folder = workspace.data / "clinic"
    before, manifests = splits(folder), contents(folder)
    divided = split(workspace, SplitRequest("clinic", folds=3))
    folds = pq.read_table(folder / "folds.parquet").to_pylist()
    assert contents(folder).items() >= manifests.items()
    assert {row["image_id"] for row in folds} == {n for n, own in before.items() if own != "test"}
    fold_of: dict[str, set[int]] = {}
    for row in folds:
        fold_of.setdefault(row["group_id"], set()).add(row["fold"])
    assert all(len(own) == 1 for own in fold_of.values()), "a group is divided"
    assert tuple(Counter(row["fold"] for row in folds)[fold] for fold in range(3)) == divided.folds
    assert min(divided.folds) > 0
    labels = {n: own for own, n in zip(*_labels(folder), strict=True)}
    for fold in range(3):
        assert len({labels[row["image_id"]] for row in folds if row["fold"] == fold}) == 2
    assert check(workspace, "clinic").faults == ()


def _labels(folder: Path) -> tuple[list[str], list[str]]:
    found = tables(folder)
    return column(found, "label"), column(found, "image_id")


def test_a_new_split_has_no_old_folds(workspace: Workspace) -> None:
    folder = workspace.data / "clinic"
    split(workspace, SplitRequest("clinic", folds=3))
    split(workspace, SplitRequest("clinic", seed=1))
    assert not (folder / "folds.parquet").exists()
    split(workspace, SplitRequest("clinic", seed=1, test=0.3, folds=2))
    folds = pq.read_table(folder / "folds.parquet").column("image_id").to_pylist()
    assert set(folds) == {name for name, own in splits(folder).items() if own != "test"}


@pytest.mark.parametrize(
    "step", ["_draw", "write_splits", "write_dataset_report", "_link", "swap_folder"]
)
def test_what_was_there_stays_when_it_fails(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = contents(workspace.data / "clinic")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, step, stop)
    with pytest.raises(KeyboardInterrupt):
        split(workspace, SplitRequest("clinic", seed=1))
    assert contents(workspace.data / "clinic") == before
    assert [path.name for path in workspace.data.iterdir()] == ["clinic"]


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_what_can_be_run_again(workspace: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(workspace.root)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    killed, finished = map(int, done.stdout.split()[-2:])
    assert killed >= 8  # three manifests, two pages, links, two renames
    assert finished == 1  # the last one came through, so each step was met


KILLED = """
# pyarrow.dataset: parquet imports it at its first reading; here once, not in each child
import os, pathlib, pyarrow.dataset, shutil, sys
from dermctl.core.data import split as module
from dermctl.core.data.check import check
from dermctl.core.data.split import SplitRequest, split
from dermctl.workspace import Workspace

module.write_dataset_report = lambda path, *_: path.write_text("")
workspace = Workspace(pathlib.Path(sys.argv[1]))
LIMIT = 30

def die_at(step):
    left = [step]
    def counted(function):
        def call(*given, **named):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)  # as SIGKILL: nothing is tidied up
            return function(*given, **named)
        return call
    os.link = counted(os.link)
    pathlib.Path.replace = counted(pathlib.Path.replace)
    module.shutil.rmtree = shutil.rmtree = counted(shutil.rmtree)

def in_child(work):
    # This process starts no threads: each child does its reading alone.
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def manifests(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}

def killed(step):
    die_at(step)
    split(workspace, SplitRequest("clinic", seed=step, test=0.3))

def again(step):
    folder = workspace.data / "clinic"
    if folder.exists():
        assert check(workspace, "clinic").faults == (), step
    split(workspace, SplitRequest("clinic", seed=step, test=0.3))
    assert check(workspace, "clinic").faults == (), step
    assert [path.name for path in workspace.data.iterdir()] == ["clinic"], step
    first = manifests(folder)
    split(workspace, SplitRequest("clinic", seed=step + 100, test=0.3))
    split(workspace, SplitRequest("clinic", seed=step, test=0.3))
    assert manifests(folder) == first, step

deaths = finished = 0
for step in range(1, LIMIT):
    code = in_child(lambda: killed(step))
    assert code in (0, 9), (step, code)
    if code == 0:
        finished = 1
        break
    deaths += 1
    assert in_child(lambda: again(step)) == 0, step
print(deaths, finished)
"""


def test_a_dataset_that_is_not_there_or_cannot_be_divided(workspace: Workspace) -> None:
    before = contents(workspace.data / "clinic")
    with pytest.raises(DataError, match="prepared: clinic"):
        split(workspace, SplitRequest("isic"))
    with pytest.raises(DataError, match="nothing to train on"):
        split(workspace, SplitRequest("clinic", val=0.6, test=0.6))
    with pytest.raises(DataError, match="cannot fill 50 folds"):
        split(workspace, SplitRequest("clinic", folds=50))
    assert contents(workspace.data / "clinic") == before
    (workspace.data / "clinic" / "dataset.json").write_text("{}")
    with pytest.raises(DataError, match="KeyError"):
        split(workspace, SplitRequest("clinic"))


def test_the_command(workspace: Workspace) -> None:
    words = ["data", "split", "clinic", "--workspace", str(workspace.root)]
    result = CliRunner().invoke(app, [*words, "--test", "0.4", "--folds", "2"])
    assert result.exit_code == 0, result.output
    assert "val 0.1, test 0.4, seed 0" in result.stdout
    assert "folds.parquet" in result.stdout
    result = CliRunner().invoke(app, [*words, "--folds", "3", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["moved"] == 0
    assert sum(document["folds"]) == sum(
        sum(document["splits"][name].values()) for name in ("train", "val")
    )
    result = CliRunner().invoke(app, [*words[:2], "isic", *words[3:]])
    assert result.exit_code == 1
    assert result.stderr.count("error: ") == 1
    assert "dermctl data prepare isic" in result.stderr
    result = CliRunner().invoke(app, [*words, "--val", "2"])
    assert result.exit_code == 1
    assert "--val 0.1 --test 0.2" in result.stderr
    assert CliRunner().invoke(app, [*words, "--folds", "1"]).exit_code == 2
