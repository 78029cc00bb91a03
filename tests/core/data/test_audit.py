"""The audit of prepared datasets: planted leaks are found, and the page keeps to its licences."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from dermctl.cli.main import app
from dermctl.core.data.audit import AuditRequest, audit
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.datasets.manifest import SPLITS, manifest_description, read_manifest, write_manifest
from dermctl.datasets.near_duplicates.table import NEAR_DUPLICATES_FILE
from dermctl.datasets.sources.base import ReadOptions
from dermctl.errors import UsageFault
from dermctl.workspace import Workspace
from tests.datasets.near_duplicates.pictures import draw
from tests.report.pages import read_page

IMAGES = 24


def same_bytes(source: Path, target: Path) -> None:
    shutil.copy(source, target)


def reencoded(source: Path, target: Path) -> None:
    Image.open(source).save(target, quality=70)


def mirrored(source: Path, target: Path) -> None:
    ImageOps.mirror(Image.open(source)).save(target, quality=70)


def turned(source: Path, target: Path) -> None:
    Image.open(source).transpose(Image.Transpose.ROTATE_90).save(target, quality=70)


COPIES: tuple[Callable[[Path, Path], None], ...] = (same_bytes, reencoded, mirrored, turned)


@dataclass(frozen=True)
class Made:
    """Two datasets: `other` holds a copy of each kind of two test images of `clinic`."""

    workspace: Workspace
    planted: dict[str, str]  # copy -> original


def make(root: Path, name: str, files: dict[str, str], license: str) -> PrepareRequest:
    """A table of pictures that lie in ``root/name``; file -> patient."""
    rows = [
        f"{file},{('mel', 'nv')[n % 2]},{files[file]},{license}" for n, file in enumerate(files)
    ]
    table = root / f"{name}.csv"
    table.write_text("\n".join(["file,dx,patient,licence", *rows]) + "\n")
    read = ReadOptions(
        csv=table, image_column="file", label_column="dx", patient_column="patient",
        license_column="licence",
    )  # fmt: skip
    return PrepareRequest(
        "csv", raw=root / name, name=name, read=read, size=160, val=0.2, test=0.25, workers=1
    )


def drawn(root: Path, name: str, seed: int) -> dict[str, str]:
    (root / name).mkdir()
    files = {}
    for number in range(IMAGES):
        file = f"{name}-{number}.jpg"
        Image.fromarray(draw(seed + number)).save(root / name / file, quality=92)
        files[file] = f"P{number // 2}"
    return files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("audit")
    workspace = Workspace(root / "w")
    prepare(workspace, make(root, "clinic", drawn(root, "clinic", 0), "CC-0"))
    test = read_manifest(workspace.dataset("clinic"), "test")["image_id"].to_pylist()[:2]
    files, planted = drawn(root, "other", 1000), {}
    for copy in COPIES:
        for name in test:
            file = f"{copy.__name__}-{name}"
            copy(root / "clinic" / name, root / "other" / file)
            files[file] = f"Q{name}"
            planted[file] = name
    prepare(workspace, make(root, "other", files, "all rights reserved"))
    return Made(workspace, planted)


def test_a_dataset_as_it_is_prepared_does_not_leak(made: Made, tmp_path: Path) -> None:
    found = audit(made.workspace, AuditRequest("other", out=tmp_path, workers=1))
    assert found.leaks == 0
    assert found.counts["leak"].findings == 0
    assert found.counts["near_duplicate"].findings >= len(made.planted)  # the copies themselves
    assert found.images == IMAGES + len(made.planted)
    assert sum(sum(own.values()) for own in found.labels.values()) == found.images


def test_the_list_of_leaking_images_serves_to_exclude_them(made: Made, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for name in ("clinic", "other"):
        shutil.copytree(made.workspace.dataset(name), workspace.data / name)
    root = made.workspace.root.parent
    found = audit(workspace, AuditRequest("other", ("clinic",), tmp_path / "out", False, 1))
    files = {path.name: path.stem for path in sorted((root / "other").iterdir())}
    again = make(root, "other", files, "all rights reserved")
    assert found.exclude_list is not None
    prepare(workspace, replace(again, exclude=(found.exclude_list,)))
    clean = audit(workspace, AuditRequest("other", ("clinic",), tmp_path / "out", False, 1))
    assert clean.counts["leak_between"].findings == 0
    assert clean.excluded == len(made.planted)
    assert clean.exclude_list is None
    assert not (tmp_path / "out" / "audit_exclude.csv").exists()


@pytest.mark.parametrize("name", ["clinic", "other"])
def test_planted_leaks_between_datasets_are_all_found(
    made: Made, tmp_path: Path, name: str
) -> None:
    other = {"clinic": "other", "other": "clinic"}[name]
    found = audit(made.workspace, AuditRequest(name, (other,), out=tmp_path, workers=1))
    table = pq.read_table(found.table).to_pylist()
    leaks = [row for row in table if row["kind"] == "leak_between"]
    pairs = {frozenset(row["image_ids"]) for row in leaks if row["tie"] == "pixels"}
    assert {frozenset(pair) for pair in made.planted.items()} <= pairs
    named = {name for row in leaks for name in row["image_ids"]}
    assert named == {*made.planted, *made.planted.values()}
    bytes_too = {frozenset(row["image_ids"]) for row in leaks if row["tie"] == "bytes"}
    assert bytes_too == {
        frozenset(pair) for pair in made.planted.items() if pair[0].startswith("same_bytes")
    }
    assert found.leaks == len(leaks)
    assert found.exclude_list is not None
    head, *listed = found.exclude_list.read_text().splitlines()
    own = made.planted if name == "other" else made.planted.values()
    assert (head, set(listed)) == ("image_id", set(own))
    assert any("mirrored" in row["detail"] for row in leaks)


def test_leaks_across_splits_are_found_where_a_split_was_tampered_with(
    made: Made, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    folder = workspace.data / "other"
    shutil.copytree(made.workspace.dataset("other"), folder)
    (folder / NEAR_DUPLICATES_FILE).unlink()  # as in a dataset that never was searched
    parts = {split: read_manifest(folder, split) for split in SPLITS}
    every = pa.concat_tables(parts.values())
    files = every["image_id"].to_pylist()
    test = np.array([file.startswith(("same_bytes", "mirrored")) for file in files])
    about = manifest_description(parts["train"])
    write_manifest(folder / "test.parquet", every.filter(pa.array(test)), about)
    write_manifest(folder / "train.parquet", every.filter(pa.array(~test)), about)
    write_manifest(folder / "val.parquet", every.slice(0, 0), about)
    found = audit(workspace, AuditRequest("other", workers=1, pictures=False))
    leaks = [row for row in pq.read_table(found.table).to_pylist() if row["kind"] == "leak"]
    moved = {file for file, kept in zip(files, test, strict=True) if kept}
    for tie in ("patient", "pixels"):
        named = {name for row in leaks if row["tie"] == tie for name in row["image_ids"]}
        assert moved <= named
    assert found.page.parent == folder


def test_the_page_embeds_what_may_be_passed_on_and_links_the_rest(
    made: Made, tmp_path: Path
) -> None:
    page = audit(made.workspace, AuditRequest("other", ("clinic",), out=tmp_path, workers=1)).page
    read = read_page(page)
    assert read.fetches() == []
    assert read.unclosed == []
    assert "data:image" not in page.read_text()  # no finding is of CC-0 pictures alone
    links = [a["href"] for tag, a in read.tags if tag == "a" and a.get("href")]
    assert links
    for link in links:
        with Image.open(page.parent / str(link)) as sheet:
            assert sheet.width > sheet.height
    assert "not a medical device" in read.text


def test_no_images_means_none(made: Made, tmp_path: Path) -> None:
    request = AuditRequest("other", ("clinic",), out=tmp_path, pictures=False, workers=1)
    page = audit(made.workspace, request).page
    assert "data:image" not in page.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "audit.html", "audit.parquet", "audit_exclude.csv"
    ]  # fmt: skip


def test_pictures_that_may_be_passed_on_are_embedded_and_blurred(tmp_path: Path) -> None:
    files = drawn(tmp_path, "free", 0)
    name = next(iter(files))
    reencoded(tmp_path / "free" / name, tmp_path / "free" / "again.jpg")
    files["again.jpg"] = "P0"
    workspace = Workspace(tmp_path)
    prepare(workspace, make(tmp_path, "free", files, "CC-BY"))
    found = audit(workspace, AuditRequest("free", workers=1))
    text = found.page.read_text()
    assert text.count("data:image/jpeg;base64,") >= 2
    assert text.count('type="checkbox"') == text.count("data:image/jpeg;base64,")
    assert not (found.folder / "audit_pictures").exists()


def test_a_dataset_is_not_audited_against_itself(made: Made) -> None:
    with pytest.raises(UsageFault, match="against itself"):
        audit(made.workspace, AuditRequest("clinic", ("clinic",)))


def test_the_command_exits_with_1_where_anything_leaks(made: Made, tmp_path: Path) -> None:
    words = ["--workspace", str(made.workspace.root), "data", "audit", "clinic", "--workers", "1"]
    words += ["--out", str(tmp_path)]
    clean = CliRunner().invoke(app, words)
    assert clean.exit_code == 0
    assert "Images by class and split" in clean.stdout
    leaking = CliRunner().invoke(app, [*words, "--against", "other", "--json", "--no-images"])
    assert leaking.exit_code == 1
    document = json.loads(leaking.stdout)
    assert document["leaks"] == document["findings"]["leak_between"]["findings"] > 0
    assert document["against"] == ["other"]
