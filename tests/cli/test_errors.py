"""Bad input gets one line on stderr: what is wrong, where, what to type; exit code 1 or 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from dermctl.cli.main import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in an empty workspace."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DERMCTL_WORKSPACE", raising=False)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def one_line(result: Result, code: int, *parts: str) -> None:
    """Exactly one line of error, with these parts, and no traceback."""
    assert result.exit_code == code, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in errors[0], errors[0]


def photos(folder: Path, classes: dict[str, int], side: int = 48) -> Path:
    """A folder a class, with that many coloured pictures in each."""
    generator = np.random.default_rng(0)
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}-{number}.png")
    return folder


@pytest.fixture
def prepared(run: Run, tmp_path: Path) -> str:
    """A prepared dataset of two classes, 20 images in train."""
    photos(tmp_path / "photos", {"nevus": 15, "melanoma": 15})
    result = run("data", "prepare", "folder", "--raw", "photos", "--name", "clinic")
    assert result.exit_code == 0, result.output
    return "clinic"


def test_unknown_command(run: Run) -> None:
    one_line(run("pretrian"), 2, "pretrian", "--help")


def test_unknown_flag(run: Run) -> None:
    one_line(run("pretrain", "--epoch", "3"), 2, "--epoch", "dermctl pretrain --help")


def test_value_of_the_wrong_kind(run: Run) -> None:
    one_line(run("pretrain", "--epochs", "many"), 2, "--epochs", "integer")


def test_value_out_of_range(run: Run) -> None:
    one_line(run("pretrain", "--temperature", "0"), 2, "temperature", "0.01", "config show")


def test_unknown_source(run: Run) -> None:
    one_line(run("data", "prepare", "padufe"), 2, "padufe", "padufes")


def test_missing_raw_folder(run: Run) -> None:
    one_line(run("data", "prepare", "ham10000", "--raw", "nowhere"), 1, "nowhere", "--raw")


def test_nothing_downloaded(run: Run) -> None:
    one_line(run("data", "prepare", "ddi"), 1, "ddi", "raw", "--raw DIR")
    one_line(run("data", "prepare", "isic"), 1, "dermctl data download isic --collection")


def test_missing_table(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    one_line(run("data", "prepare", "ham10000", "--raw", "empty"), 1, "HAM10000_metadata")


def test_missing_column(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"a": 1})
    (tmp_path / "table.csv").write_text("file,diagnosis\na/a-0.png,nevus\n")
    words = ("--raw", "photos", "--csv", "table.csv", "--image-column", "file", "--name", "x")
    result = run("data", "prepare", "csv", *words, "--label-column", "diagnoses")
    one_line(result, 1, "diagnoses", "diagnosis")


def test_csv_without_a_table(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"a": 1})
    one_line(run("data", "prepare", "csv", "--raw", "photos", "--name", "x"), 2, "--csv")


def test_unknown_reason(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"a": 1})
    words = ("data", "prepare", "folder", "--raw", "photos", "--name", "x", "--drop", "missing")
    one_line(run(*words), 2, "--drop missing")


def test_shares_that_leave_nothing_to_train_on(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"a": 5, "b": 5})
    words = ("data", "prepare", "folder", "--raw", "photos", "--name", "x")
    one_line(run(*words, "--val", "0.5", "--test", "0.5"), 1, "0.5")


def test_too_few_images_for_three_splits(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"a": 1, "b": 1})
    one_line(run("data", "prepare", "folder", "--raw", "photos", "--name", "x"), 1, "val split")


def test_nothing_usable(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"a": 3}, side=8)
    one_line(
        run("data", "prepare", "folder", "--raw", "photos", "--name", "x"), 1, "too_small", "photos"
    )


def test_name_that_is_no_folder_name(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"a": 1})
    one_line(run("data", "prepare", "folder", "--raw", "photos", "--name", "../x"), 2, "../x")


def test_no_dataset(run: Run) -> None:
    one_line(run("pretrain"), 1, "dermctl data prepare")
    one_line(run("finetune"), 1, "dermctl data prepare")


def test_dataset_that_is_not_there(run: Run, prepared: str) -> None:
    one_line(run("pretrain", "--data", "isic"), 1, "isic", prepared, "dermctl data prepare isic")


def test_batch_larger_than_the_dataset(run: Run, prepared: str) -> None:
    one_line(run("pretrain", "--batch-size", "512"), 1, "512", "--batch-size")


def test_more_devices_than_there_are(run: Run, prepared: str) -> None:
    result = run("pretrain", "--accelerator", "cpu", "--devices", "4096")
    one_line(result, 1, "4096", "--devices", "there are" if "there are" in result.stderr else "is")


def test_no_gpu(run: Run, prepared: str) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    one_line(run("pretrain", "--accelerator", "gpu"), 1, "no GPU", "--accelerator cpu")


def test_unknown_encoder(run: Run, prepared: str) -> None:
    result = run("pretrain", "--encoder", "vit_tiny_patch16_225", "--batch-size", "4")
    one_line(result, 1, "vit_tiny_patch16_225", "vit_tiny_patch16_224")


def test_unknown_augmentation_is_offered_what_fits_the_command(run: Run, prepared: str) -> None:
    result = run("finetune", "--augmentation", "clinicl", "--from", "none")
    one_line(result, 1, "'clinicl' (did you mean 'clinical'?)", "one of: supervised, clinical")
    assert "simclr" not in result.stderr
    one_line(run("pretrain", "--augmentation", "dem"), 1, "'derm'", "one of: simclr, derm")


def test_image_size_that_does_not_fit_the_patches(run: Run, prepared: str) -> None:
    words = ("--encoder", "vit_tiny_patch16_224", "--batch-size", "4", "--image-size", "50")
    one_line(run("pretrain", *words), 1, "50", "--image-size 48")


def test_missing_checkpoint(run: Run, prepared: str) -> None:
    one_line(run("evaluate", "nowhere.ckpt"), 2, "nowhere.ckpt")
    one_line(run("finetune", "--from", "nowhere.ckpt"), 1, "nowhere.ckpt")
    one_line(run("evaluate"), 1, "dermctl finetune")
    one_line(run("export", "onnx"), 1, "dermctl finetune")


def test_damaged_checkpoint(run: Run, prepared: str, tmp_path: Path) -> None:
    (tmp_path / "cut.ckpt").write_bytes(b"PK\x03\x04 no more")
    one_line(run("evaluate", "cut.ckpt"), 1, "cut.ckpt")


def test_single_class(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"nevus": 12})
    assert run("data", "prepare", "folder", "--raw", "photos", "--name", "one").exit_code == 0
    one_line(run("finetune"), 1, "single class", "nevus", "--label")


def test_class_without_training_images(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"nevus": 4, "melanoma": 4, "wart": 2})
    files = sorted(path.relative_to(tmp_path / "photos") for path in tmp_path.glob("photos/*/*"))
    rows = [
        f"{file.as_posix()},{file.parent.name},"
        f"{'val' if file.parent.name == 'wart' or number % 4 == 0 else 'train'}"
        for number, file in enumerate(files)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["file,label,part", *rows]) + "\n")
    words = (
        "data", "prepare", "csv", "--raw", "photos", "--csv", "t.csv", "--image-column", "file",
        "--label-column", "label", "--split-column", "part", "--name", "x",
    )  # fmt: skip
    assert run(*words).exit_code == 0
    one_line(run("finetune", "--from", "none"), 1, "no training image is left of wart", "x")


def test_empty_split(run: Run, tmp_path: Path) -> None:
    photos(tmp_path / "photos", {"nevus": 12, "melanoma": 12})
    words = ("data", "prepare", "folder", "--raw", "photos", "--name", "x", "--val", "0")
    assert run(*words).exit_code == 0
    one_line(run("finetune"), 1, "val split", "empty")


def test_config_reports_all_faults_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("epoch: 3\nlr: fast\nbatch_size: 1\n")
    result = run("config", "check", "pretrain", "my.yaml")
    one_line(result, 1, "my.yaml", "did you mean 'epochs'", "lr: 'fast'", "batch_size: 1")


def test_config_reports_names_that_are_not_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("encoder: vit_tiny_patch16\noptimizer: adamv\n")
    result = run("config", "check", "pretrain", "my.yaml")
    one_line(result, 1, "vit_tiny_patch16_224", "no optimizer 'adamv'")


KEYS_VALUES_AND_NAMES = {
    "encodr": "resnet18",
    "batch_size": "1",
    "encoder": "vit_tiny_patch16",
    "optimizer": "adamv",
    "loss": "nt_xnt",
    "augmentation": "simcrl",
}
ALL_THAT_IS_WRONG = (
    "unknown setting 'encodr' (did you mean 'encoder'?)",
    "batch_size: 1 is under the least value, 2",
    "no encoder 'vit_tiny_patch16' (nearest: vit_tiny_patch16_",
    "no optimizer 'adamv'",
    "'nt_xnt' (Nearest: nt_xent",
    "'simcrl' (did you mean 'simclr'?)",
    "dermctl config show pretrain",
)


@pytest.mark.parametrize(
    "words", [("config", "check", "pretrain"), ("pretrain", "--config")], ids=["check", "pretrain"]
)
def test_keys_values_and_names_of_a_file_are_told_at_once(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    lines = (f"{name}: {value}\n" for name, value in KEYS_VALUES_AND_NAMES.items())
    (tmp_path / "my.yaml").write_text("".join(lines))
    one_line(run(*words, "my.yaml"), 1, "my.yaml", *ALL_THAT_IS_WRONG)


def test_keys_values_and_names_of_the_command_line_are_told_at_once(run: Run) -> None:
    given = [
        word
        for name, value in KEYS_VALUES_AND_NAMES.items()
        for word in ("--set", f"{name}={value}")
    ]
    one_line(run("pretrain", *given), 2, *ALL_THAT_IS_WRONG)
    wrong = ("--mixup", "-1", "--augmentation", "clinicl", "--set", "epoch=3")
    one_line(run("finetune", *wrong), 2, "mixup: -1", "'clinical'", "'epochs'", "show finetune")


def test_workspace_that_is_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one_line(run("data", "list", "--workspace", "file"), 2, "file")


def test_debug_shows_the_traceback(run: Run) -> None:
    result = run("finetune", "--debug")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def test_what_was_mistyped_is_said_in_plain_sentences(run: Run):
    one_line(run("dta", "list"), 2, "Did you mean 'data'? See: ")
    refused = run("config", "show", "pretrian")
    one_line(refused, 2, "'pretrian' is not one of 'pretrain', 'finetune'")
    assert "Value error" not in refused.stderr


def test_an_absent_source_is_hinted_at_once(run: Run):
    absent = run("data", "validate", "padufes")
    one_line(absent, 1, "not in this workspace", "dermctl data download padufes")
    assert absent.stderr.count("--raw DIR") == 1
    one_line(run("data", "validate", "padufes", "--raw", "nowhere"), 1, "nowhere", "Check --raw")
