"""Whatever is wrong with a store, and whichever command meets it: shard, images and next step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from dermctl.cli.main import app
from dermctl.datasets.manifest import SPLITS, read_manifest
from dermctl.datasets.store import Store, StoreWriter, shard_name
from tests.conftest import Trained

NAME = "clinic"
SMALL = ("--accelerator", "cpu", "--image-size", "32", "--batch-size", "4", "--epochs", "1")
COMMANDS = {
    "pretrain": ("pretrain", "--data", NAME, "--encoder", "test_vit", "--workers", "0", *SMALL),
    "finetune": ("finetune", "--data", NAME, "--from", "none", "--workers", "0", *SMALL),
    "evaluate": ("evaluate", "CHECKPOINT", "--data", NAME, "--accelerator", "cpu"),
    "check": ("data", "check", NAME),
    "audit": ("data", "audit", NAME, "--workers", "1"),
}


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    """The dataset of a workspace of its own: tests damage it."""
    whole = trained.workspace.dataset(NAME)
    return Path(shutil.copytree(whole, tmp_path / "workspace" / "data" / NAME))


def run(folder: Path, command: str, trained: Trained) -> Result:
    words = [
        str(trained.finetuned.checkpoint) if word == "CHECKPOINT" else word
        for word in COMMANDS[command]
    ]
    return CliRunner().invoke(app, ["--workspace", str(folder.parent.parent), *words])


def lose(shard: Path) -> None:
    shard.unlink()


def truncate(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-500])


def damage(shard: Path) -> None:
    """Its footer says where the batch lies; it is another place now."""
    data = bytearray(shard.read_bytes())
    data[-300:-10] = bytes(290)
    shard.write_bytes(data)


def overwrite(shard: Path) -> None:
    shard.write_text("<html>not found</html>" * 50)


def exchange(shard: Path) -> None:
    """An Arrow file, but no shard."""
    table = pa.table({"x": [1, 2]})
    with pa.OSFile(str(shard), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def mistake(shard: Path) -> None:
    """The shard of another dataset, with as many images."""
    store = Store(shard.parent)
    images = [bytes(store.read(0, row)) for row in range(store.length(0))]
    other = shard.parent.parent / "other"
    with StoreWriter(other) as writer:
        for number, image in enumerate(images):
            writer.add(f"other-{number}", image)
    (other / shard_name(0)).replace(shard)
    other.rmdir()


FAULTS: dict[Callable[[Path], None], str] = {
    lose: "missing",
    truncate: "damaged",
    damage: "damaged",
    overwrite: "damaged",
    exchange: "no shard of a dermctl store",
    mistake: "",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_shard_that_cannot_serve_is_named_with_its_images(
    folder: Path, trained: Trained, fault: Callable[[Path], None], command: str
) -> None:
    shard = folder / "store" / shard_name(0)
    held = [
        image_id
        for split in SPLITS
        for image_id in read_manifest(folder, split, ["image_id"]).column(0).to_pylist()
    ]
    fault(shard)
    done = run(folder, command, trained)
    assert done.exit_code == 1
    line = done.stderr.strip().splitlines()[-1]
    said = done.stdout if command == "check" else line
    assert FAULTS[fault] in said
    assert shard.name in said
    assert all(image_id in said for image_id in held[:3]), said
    assert str(len(held)) in said
    assert f"dermctl data prepare … --name {NAME}" in line
    assert "unforeseen" not in line
    if command != "check":
        assert str(shard) in line
        assert f"look there for {len(held)} images: " in line
        assert f"dermctl data check {NAME}" in line
    assert not (folder.parent.parent / "runs").exists(), "it is said before a run begins"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("shard", -1, "at shard -1"), ("shard", 7, shard_name(7)), ("row", 10**6, "row 1000000")],
)
def test_a_manifest_that_points_outside_is_named_with_the_image(
    folder: Path, trained: Trained, column: str, value: int, said: str, command: str
) -> None:
    first = {split: point_outside(folder / f"{split}.parquet", column, value) for split in SPLITS}
    done = run(folder, command, trained)
    assert done.exit_code == 1
    line = done.stderr.strip().splitlines()[-1]
    assert f"dermctl data prepare … --name {NAME}" in line
    assert "unforeseen" not in line
    if command == "check":
        assert all(image_id in done.stdout for image_id in first.values())
        return
    assert said in line
    assert first["test" if command == "evaluate" else "train"] in line


def point_outside(manifest: Path, column: str, value: int) -> str:
    """Change one cell of a manifest's first row; the image's id."""
    table = pq.read_table(manifest)
    place = table.column_names.index(column)
    values = [value, *table.column(column).to_pylist()[1:]]
    field = table.schema.field(column)
    pq.write_table(
        table.set_column(place, field, pa.array(values, field.type)),
        manifest,
        write_page_checksum=True,
    )
    return str(table.column("image_id")[0])


@pytest.mark.parametrize("command", ["pretrain", "finetune", "evaluate", "check"])
def test_a_damaged_picture_is_named(folder: Path, trained: Trained, command: str) -> None:
    shard = folder / "store" / shard_name(0)
    store, wanted = Store(shard.parent), {}
    data = shard.read_bytes()
    for split in SPLITS:
        row = read_manifest(folder, split, ["image_id", "row"]).slice(0, 1).to_pylist()[0]
        image = bytes(store.read(0, row["row"]))
        wanted[split] = row["image_id"]
        assert data.count(image) == 1
        data = data.replace(image, bytes(len(image)))
    shard.unlink()  # what is mapped stays as it was
    shard.write_bytes(data)
    done = run(folder, command, trained)
    assert done.exit_code == 1
    line = done.stderr.strip().splitlines()[-1]
    assert "unforeseen" not in line
    said = done.stdout if command == "check" else line
    assert shard.name in said
    assert any(image_id in said for image_id in wanted.values())
    assert f"--name {NAME}" in line
