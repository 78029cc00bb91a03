"""Layers over layers, all faults at once, and YAML that is itself a configuration."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.config.resolve import UnresolvedError, command_of, resolve, to_yaml
from dermctl.config.trainings import CONFIGS, FinetuneConfig, PretrainConfig
from dermctl.errors import ConfigError
from tests.config.strategies import configs


def file_of(folder: Path, text: str) -> Path:
    path = folder / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_then_file_then_sets_then_flags(tmp_path: Path) -> None:
    file = file_of(tmp_path, "epochs: 2\nlr: 2\nseed: 2\n")
    resolved = resolve(
        PretrainConfig,
        file=file,
        sets=["lr=3", "seed=3"],
        flags={"seed": 4, "epochs": None, "lr": None},
    )
    assert (resolved.epochs, resolved.lr, resolved.seed) == (2, 3.0, 4)
    assert resolved.batch_size == PretrainConfig().batch_size


def test_no_layer_gives_the_defaults(tmp_path: Path) -> None:
    assert resolve(PretrainConfig) == PretrainConfig()
    assert resolve(FinetuneConfig, file=file_of(tmp_path, "# nothing\n")) == FinetuneConfig()


def test_all_faults_at_once_with_the_nearest_names(tmp_path: Path) -> None:
    file = file_of(tmp_path, "epoch: 3\nlr: fast\nqqqq: 1\n")
    with pytest.raises(ConfigError) as caught:
        resolve(
            PretrainConfig, file=file, sets=["batch_size=1", "temperature"], flags={"devices": -2}
        )
    message = str(caught.value)
    for part in (
        "unknown setting 'epoch' (did you mean 'epochs'?)",
        "unknown setting 'qqqq'",
        "lr: 'fast' is not a number",
        "batch_size: 1 is under the least value, 2",
        "--set temperature: write it as key=value",
        "devices: -2 is under the least value, 0",
        str(file),
        "dermctl config show pretrain",
    ):
        assert part in message
    assert "qqqq' (did" not in message


def test_faults_of_the_command_line_alone_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(PretrainConfig, flags={"epochs": 0})
    assert caught.value.exit_code == 2
    with pytest.raises(ConfigError) as caught:
        resolve(PretrainConfig, file=file_of(tmp_path, "epochs: 0"))
    assert caught.value.exit_code == 1


def test_faults_carry_what_is_left_without_them(tmp_path: Path) -> None:
    file = file_of(tmp_path, "epoch: 3\nlr: fast\nbatch_size: 8\n")
    with pytest.raises(UnresolvedError) as caught:
        resolve(PretrainConfig, file=file)
    error = caught.value
    assert error.rest == replace(PretrainConfig(), batch_size=8)
    assert (len(error.faults), error.bad) == (2, {"lr"})
    more = error.and_also(["no such encoder"])
    assert more.what == f"{error.what}; no such encoder"
    assert (more.where, more.hint, more.exit_code) == (error.where, error.hint, 1)


@pytest.mark.parametrize(
    ("text", "part"),
    [("a: [", "YAML"), ("- a\n- b\n", "key: value"), ("just words", "key: value")],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part) as caught:
        resolve(PretrainConfig, file=file_of(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="YAML"):
        resolve(PretrainConfig, file=tmp_path / "x.yaml")
    with pytest.raises(ConfigError, match="YAML"):
        resolve(PretrainConfig, file=tmp_path / "missing.yaml")


def test_an_empty_set_takes_a_value_away(tmp_path: Path) -> None:
    file = file_of(tmp_path, "name: x\ninit: a.ckpt\ndata: [isic]\n")
    resolved = resolve(PretrainConfig, file=file, sets=["name=", "init=null", "data="])
    assert (resolved.name, resolved.init, resolved.data) == (None, None, ())


@pytest.mark.parametrize(
    "given_as",
    [
        {"flags": {"from_checkpoint": "none"}},
        {"sets": ["from_checkpoint=none"]},
        {"file": "from_checkpoint: none\n"},
    ],
)
def test_from_none_is_a_choice_and_not_the_absence_of_one(
    tmp_path: Path, given_as: dict[str, object]
) -> None:
    if "file" in given_as:
        given_as = {"file": file_of(tmp_path, str(given_as["file"]))}
    assert resolve(FinetuneConfig, **given_as).from_checkpoint == "none"  # type: ignore[arg-type]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_yaml_of_any_configuration_resolves_to_it(config: type, data: st.DataObject) -> None:
    wanted = data.draw(configs(config))
    with tempfile.TemporaryDirectory() as folder:
        file = file_of(Path(folder), to_yaml(wanted))
        assert resolve(config, file=file) == wanted


def test_comments_give_meaning_choices_and_range() -> None:
    text = to_yaml(PretrainConfig(), comments=True)
    assert "# norm in the projector (layer | batch)\nprojector_norm: layer\n" in text
    assert "# temperature of nt_xent and supcon (0.01 to 10)\ntemperature: 0.2\n" in text
    assert "# images a step, over all devices (at least 2)\nbatch_size: 256\n" in text
    assert yaml.safe_load(text) == yaml.safe_load(to_yaml(PretrainConfig()))
    assert "data: []\n" in text
    named = replace(PretrainConfig(), data=("isic", "padufes"))
    assert to_yaml(named).startswith("data:\n- isic\n- padufes\n")
    assert "data:\n- isic\n- padufes\n" in to_yaml(named)


def test_command_of_a_configuration() -> None:
    assert {command_of(config): config for config in CONFIGS.values()} == CONFIGS
