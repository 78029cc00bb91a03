"""Which augmentation a fine-tuning takes: by name or file, kept with the run, held on resuming."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dermctl.config.trainings import FinetuneConfig
from dermctl.core.data.prepare import prepare
from dermctl.core.finetune import Finetuned, finetune
from dermctl.core.finetuning import full
from dermctl.errors import ConfigError, DataError
from dermctl.views.presets import CLINICAL, SUPERVISED
from dermctl.workspace import RESULT_FILE, Workspace
from tests.conftest import TINY
from tests.core.data.clinic import make_clinic
from tests.told import Told

CONFIG = FinetuneConfig(encoder="test_vit", from_checkpoint="none", **TINY)  # type: ignore[arg-type]
SLOW = "- RandomResizedCrop: {size: 32}\n- RandomHorizontalFlip\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("prepared")
    prepare(Workspace(root), make_clinic(root).request(val=0.2, test=0.2))
    return Workspace(root)


@pytest.fixture
def workspace(prepared: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(prepared.data, tmp_path / "data")
    return Workspace(tmp_path)


def recorded(trained: Finetuned) -> tuple[Any, Any]:
    """What the run's settings and its provenance say of the augmentation."""
    settings = yaml.safe_load((trained.run / "config.yaml").read_text())
    provenance = json.loads((trained.run / "provenance.json").read_text())
    return settings["augmentation"], provenance["augmentation"]


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_the_views_are_made_by_what_was_asked_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    settle = full.settle_inputs

    def watched(*args: Any, **more: Any) -> Any:
        inputs = settle(*args, **more)
        taken.append(inputs.augmentation)
        return inputs

    monkeypatch.setattr(full, "settle_inputs", watched)
    clinical = finetune(workspace, replace(CONFIG, augmentation="clinical"))
    supervised = finetune(workspace, CONFIG)
    assert taken == [CLINICAL, SUPERVISED]
    assert recorded(clinical) == ("clinical", plain(asdict(CLINICAL)))
    assert recorded(supervised) == ("supervised", plain(asdict(SUPERVISED)))


def test_a_list_of_transforms_serves_labels_too(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(SLOW)
    trained = finetune(workspace, replace(CONFIG, augmentation=str(file)))
    assert recorded(trained) == (str(file), yaml.safe_load(SLOW))


def test_a_run_goes_on_only_with_the_settings_in_its_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("{preset: clinical, hue: 0}")
    config = replace(CONFIG, augmentation=str(file), epochs=2)
    run = finetune(workspace, config).run
    (run / RESULT_FILE).unlink()  # as if it had been stopped
    with pytest.raises(ConfigError, match=r"augmentation .*own\.yaml, not supervised"):
        finetune(workspace, replace(config, resume=str(run), augmentation="supervised"))
    file.write_text("{preset: clinical, hue: 0.1}")
    with pytest.raises(DataError, match=r"changed since \(augmentation\)"):
        finetune(workspace, replace(config, resume=str(run)))
    file.write_text("hue: 0\npreset: clinical\n")  # the same, written another way
    assert finetune(workspace, replace(config, resume=str(run))).run == run


@pytest.mark.parametrize("mode", ["linear", "knn"])
def test_modes_on_embeddings_say_what_they_do_not_use(workspace: Workspace, mode: str) -> None:
    told = Told()
    config = replace(CONFIG, mode=mode, epochs=FinetuneConfig.epochs)
    trained = finetune(workspace, replace(config, augmentation="clinical", mixup=0.2), told)
    said = [line for line in told.said if "change nothing" in line]
    assert said == [
        f"--mode {mode} is fitted on embeddings of the images as they are: "
        "--augmentation, --mixup change nothing"
    ]
    assert recorded(trained) == ("clinical", "none")
    told = Told()
    finetune(workspace, config, told)
    assert not [line for line in told.said if "nothing" in line]
