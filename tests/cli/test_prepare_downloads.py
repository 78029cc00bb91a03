"""``dermctl data prepare`` where the raw files are not there yet, or not all of them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from dermctl.cli.main import app
from tests.atlas import LABELS, TABLE_PATH, as_csv, atlas_rows, serve_atlas
from tests.made import jpeg
from tests.server import Server

Run = Callable[..., Result]
ROWS = 48


@pytest.fixture
def run(site: Server, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(
        "dermctl.core.data.prepare.write_dataset_report", lambda path, *_: path.write_text("")
    )
    words = ("data", "prepare", "fitzpatrick", "--workers", "1", "--size", "32")
    return lambda *more: CliRunner().invoke(app, [*words, *map(str, more)])


def grey(number: int) -> bytes:
    """A picture of one channel."""
    pixels = np.random.default_rng(number).integers(0, 256, (40, 40), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def fail(site: Server, step: str, numbers: range | list[int]) -> None:
    for number in numbers:
        site.script[f"/atlas.example/{number}.jpg"] = [step]


def error_line(result: Result) -> str:
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    return line


def rejected() -> dict[str, tuple[str, str]]:
    rows = pq.read_table("data/fitzpatrick/rejected.parquet").to_pylist()
    return {row["image_id"]: (row["reason"], row["detail"]) for row in rows}


def test_from_nothing_to_a_dataset(site, run):
    serve_atlas(site, ROWS)
    fail(site, "404", [1, 2, 3])
    fail(site, "html", [4])
    site.files["/atlas.example/5.jpg"] = grey(5)
    result = run("--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["rows"] == ROWS
    assert document["rejected"] == {"missing_file": 4, "not_rgb": 1}
    found = rejected()
    assert "the host does not have it (404)" in found[f"{1:032x}"][1]
    assert "web page" in found[f"{4:032x}"][1]
    assert found[f"{5:032x}"][0] == "not_rgb"
    site.requests.clear()
    assert run().exit_code == 0
    assert not site.requests  # nothing is missing that is not final


@pytest.mark.slow
def test_files_left_for_another_time_stop_it(site, run):
    serve_atlas(site, ROWS)
    fail(site, "503", [7, 8])
    fail(site, "404", [9])
    result = run()
    assert result.exit_code == 1
    assert "2 files of 'fitzpatrick' could not be fetched now (server_error 2)" in error_line(
        result
    )
    assert not Path("data/fitzpatrick").exists()
    result = run("--allow-missing")
    assert result.exit_code == 0, result.output
    assert set(rejected()) == {f"{number:032x}" for number in (7, 8, 9)}
    fail(site, "ok", [7])
    result = run()
    assert result.exit_code == 1
    assert "1 file of 'fitzpatrick' could not be fetched now (server_error 1)" in error_line(result)
    site.script.clear()
    result = run("--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["kept"] == ROWS - 1


def test_most_of_a_class_lost_stops_it(site, run):
    serve_atlas(site, ROWS)
    fail(site, "404", list(range(1, ROWS, 2))[:13])  # 13 of 24 melanomas
    result = run()
    assert result.exit_code == 1
    assert f"{LABELS[1]} 13 of 24" in error_line(result)
    assert "--allow-missing" in error_line(result)
    assert not Path("data/fitzpatrick").exists()
    assert run("--allow-missing").exit_code == 0
    assert len(rejected()) == 13


def test_half_of_a_class_lost_does_not(site, run):
    serve_atlas(site, ROWS)
    fail(site, "404", list(range(1, ROWS, 2))[:12])
    assert run().exit_code == 0


def test_with_raw_an_absent_file_is_an_ordinary_rejection(site, run):
    raw = Path("copy/data/finalfitz17k")
    raw.mkdir(parents=True)
    rows = atlas_rows(ROWS)
    Path("copy/fitzpatrick17k.csv").write_bytes(as_csv(rows))
    for number in range(0, ROWS, 3):
        (raw / f"{number:032x}.jpg").write_bytes(jpeg(number))
    result = run("--raw", "copy", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rejected"] == {"missing_file": ROWS - 16}
    assert not site.requests
    assert not Path("copy/download.json").exists()


def test_the_users_own_folder_in_the_workspace_is_not_added_to(site, run):
    raw = Path("raw/fitzpatrick")
    raw.mkdir(parents=True)
    (raw / "fitzpatrick17k.csv").write_bytes(as_csv(atlas_rows(ROWS)))
    for number in range(0, ROWS - 1):
        (raw / f"{number:032x}.jpg").write_bytes(jpeg(number))
    result = run("--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rejected"] == {"missing_file": 1}
    assert not site.requests


def test_rows_and_addresses_of_the_users_table(site, run):
    rows = atlas_rows(ROWS)
    for number, row in enumerate(rows):
        row["url"] = f"{site.url}/mine/{number}"
        site.files[f"/mine/{number}"] = jpeg(number)
    Path("mine.csv").write_bytes(as_csv(rows))
    result = run("--csv", "mine.csv", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["kept"] == ROWS
    assert TABLE_PATH not in site.requests


def test_a_limit_of_the_download_is_kept_and_no_loss(site, run):
    serve_atlas(site, ROWS)
    words = ["data", "download", "fitzpatrick", "--limit", "40"]
    assert CliRunner().invoke(app, words).exit_code == 0
    result = run("--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rejected"] == {"missing_file": 8}


def test_a_source_that_cannot_be_had_leaves_nothing_behind(site, run):
    result = run()  # the table itself is not there
    assert result.exit_code == 1
    assert not Path("data").exists()
    assert "'fitzpatrick' could not be fetched (not_found 1)" in error_line(result)
    assert "--retry-failed" in error_line(result)


@pytest.mark.slow
@pytest.mark.real_data
def test_a_served_part_of_the_real_table(site, run, real_data):
    """Real rows at their real addresses; pictures are made, every seventh of one channel."""
    table = real_data / "fitzpatrick17k" / "fitzpatrick17k.csv"
    with table.open(newline="") as file:
        every = list(csv.DictReader(file))
    common = {name for name, _ in Counter(r["nine_partition_label"] for r in every).most_common(3)}
    rows = [row for row in every if row["nine_partition_label"] in common][:90]
    Path("part.csv").write_bytes(as_csv(rows))
    gone, channel = set(), set()
    for number, row in enumerate(rows):
        path = "/" + row["url"].split("://")[1] if row["url"] else ""
        site.files[path] = grey(number) if number % 7 == 0 else jpeg(number)
        if number % 10 == 3 or not row["url"]:
            site.script[path] = ["404"]
            gone.add(row["md5hash"])
        elif number % 7 == 0:
            channel.add(row["md5hash"])
    words = ["data", "validate", "fitzpatrick", "--csv", "part.csv", "--workers", "1", "--json"]
    download = ["data", "download", "fitzpatrick", "--csv", "part.csv", "--json"]
    fetched = CliRunner().invoke(app, download)
    assert fetched.exit_code == 1
    assert json.loads(fetched.stdout)["missing"] == len(gone)
    looked = CliRunner().invoke(app, words)
    assert looked.exit_code == 1
    reasons = {group["reason"]: group["rows"] for group in json.loads(looked.stdout)["reasons"]}
    assert reasons == {
        "missing_file": len(gone),
        "not_rgb": len(channel),
        "md5_mismatch": len(rows) - len(gone),  # the pictures are made: no hash can be theirs
    }
    result = run("--csv", "part.csv", "--json")
    assert result.exit_code == 0, result.output
    found = rejected()
    assert {name for name, (reason, _) in found.items() if reason == "missing_file"} == gone
    assert {name for name, (reason, _) in found.items() if reason == "not_rgb"} == channel
    assert json.loads(result.stdout)["kept"] == len(rows) - len(gone) - len(channel)
