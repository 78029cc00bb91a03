"""``dermctl data download`` against a server on loopback that stands in for the publishers."""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from dermctl.cli.main import app
from dermctl.datasets.sources.base import ReadOptions
from dermctl.datasets.sources.registry import get_source
from dermctl.lock import only_one
from tests.atlas import TABLE_PATH, as_csv, atlas_rows, picture, serve_atlas
from tests.datasets.fetch.test_archives import zipped
from tests.made import jpeg
from tests.server import HTML, Server

Run = Callable[..., Result]

PAD_ZIP = "/prod-dcd-datasets-cache-zipfiles.s3.eu-west-1.amazonaws.com/zr7vgbcyr2-1.zip"
API = "/api.isic-archive.com/api/v2/images/search/"


@pytest.fixture
def run(site: Server) -> Run:
    return lambda *words: CliRunner().invoke(app, ["data", "download", *map(str, words)])


def failures(folder: Path) -> dict[str, tuple[str, int | None, bool]]:
    rows = pq.read_table(folder / "failures.parquet").to_pylist()
    return {row["file"]: (row["reason"], row["status"], row["final"]) for row in rows}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_images_one_by_one_and_what_their_loss_means(site, run):
    rows = serve_atlas(site, 24)
    rows[5]["url"] = ""
    site.files[TABLE_PATH] = as_csv(rows)
    site.script = {
        "/atlas.example/0.jpg": ["404"],
        "/atlas.example/6.jpg": ["html"],
        "/atlas.example/7.jpg": ["500", "truncate", "busy", "ok"],
        "/atlas.example/8.jpg": ["503"],
    }
    result = run("fitzpatrick", "--json")
    assert result.exit_code == 1
    raw = Path("raw/fitzpatrick")
    assert failures(raw) == {
        f"data/finalfitz17k/{0:032x}.jpg": ("not_found", 404, True),
        f"data/finalfitz17k/{6:032x}.jpg": ("not_an_image", 200, True),
        f"data/finalfitz17k/{8:032x}.jpg": ("server_error", 503, False),
        f"data/finalfitz17k/{5:032x}.jpg": ("no_url", None, True),
    }
    document = json.loads(result.stdout)
    assert (document["missing"], document["final"], document["passing"]) == (4, 3, 1)
    assert document["files"] == 21  # 20 images and the table
    assert document["loss"]["by_skin_type"]["1"] == {"missing": 2, "rows": 4}
    assert document["loss"]["by_skin_type"]["6"] == {"missing": 1, "rows": 4}
    assert document["loss"]["by_label"]["inflammatory"] == {"missing": 3, "rows": 12}
    assert "4 files are missing of 'fitzpatrick'" in result.stderr
    assert all(agent.startswith(("Mozilla/5.0", "dermctl/")) for agent in site.agents)
    assert len(site.agents) == 2  # a browser for the atlas, ourselves for the table

    site.script["/atlas.example/8.jpg"] = ["ok"]
    site.requests.clear()
    again = run("fitzpatrick")
    assert again.exit_code == 1
    assert dict(site.requests) == {"/atlas.example/8.jpg": 1}
    assert "1 of 4" not in again.stdout
    assert "with --retry-failed" in again.stdout

    site.script.clear()
    assert run("fitzpatrick", "--retry-failed").exit_code == 1  # the row without an address
    assert set(failures(raw)) == {f"data/finalfitz17k/{5:032x}.jpg"}
    assert (raw / f"data/finalfitz17k/{0:032x}.jpg").read_bytes() == picture(0)
    assert not (raw / ".partial").exists()


def test_rows_and_addresses_from_the_users_table(site, run, tmp_path):
    rows = atlas_rows(3)
    for number, row in enumerate(rows):
        row["url"] = f"{site.url}/mine/{number}"
        site.files[f"/mine/{number}"] = jpeg(number)
    (tmp_path / "mine.csv").write_bytes(as_csv(rows))
    result = run("fitzpatrick", "--csv", "mine.csv", "--to", "copy")
    assert result.exit_code == 0, result.output
    assert TABLE_PATH not in site.requests
    table = get_source("fitzpatrick").read(Path("copy"), ReadOptions())
    assert None not in table.table.column("path").to_pylist()
    assert "dermctl data prepare fitzpatrick --raw copy" in result.stdout
    (tmp_path / "other.csv").write_bytes(as_csv(rows[:1]))
    result = run("fitzpatrick", "--csv", "other.csv", "--to", "copy")
    assert "another table and stays" in result.stderr
    assert Path("copy/fitzpatrick17k.csv").read_bytes() == as_csv(rows)


def test_a_limit_is_of_rows_and_can_be_raised(site, run):
    serve_atlas(site, 12)
    site.script["/atlas.example/1.jpg"] = ["404"]
    document = json.loads(run("fitzpatrick", "--limit", "4", "--json").stdout)
    assert (document["files"], document["missing"]) == (4, 1)
    assert document["loss"]["rows"] == 4
    site.requests.clear()
    assert json.loads(run("fitzpatrick", "--json").stdout)["files"] == 12
    assert sum(site.requests.values()) == 8


def test_a_table_that_cannot_be_had_is_told(site, run):
    site.files[TABLE_PATH] = HTML
    result = run("fitzpatrick")
    assert result.exit_code == 1
    assert failures(Path("raw/fitzpatrick")) == {"fitzpatrick17k.csv": ("not_a_table", 200, False)}


def test_the_other_edition_of_fitzpatrick(site, run):
    rows = [
        {**row, "fst": row["fitzpatrick_scale"], "partition": "valid", "new_img_name": f"x_{n}.jpg"}
        for n, row in enumerate(atlas_rows(4))
    ]
    for row in rows:
        del row["fitzpatrick_scale"], row["fitzpatrick_centaur"]
    zenodo = "/zenodo.org/api/records"
    site.files[f"{zenodo}/12739457/files/Fitzpatrick17k-C.csv/content"] = as_csv(rows)
    renamed = "Fitzpatrick17k_CategorizedAbbrvs"
    site.files[f"{zenodo}/11101338/files/{renamed}.zip/content"] = zipped(
        {f"{renamed}/me_2/x_{n}.jpg": jpeg(n) for n in range(4)}
    )
    assert run("fitzpatrick", "--edition", "c").exit_code == 0
    table = get_source("fitzpatrick").read(Path("raw/fitzpatrick"), ReadOptions()).table
    assert table.column("path").to_pylist() == [f"{renamed}/me_2/x_{n}.jpg" for n in range(4)]
    assert table.column("image_id").to_pylist() == [row["md5hash"] for row in rows]
    assert table.column("fitzpatrick").to_pylist() == [1, 2, 3, 4]
    assert set(table.column("split").to_pylist()) == {"val"}
    result = run("fitzpatrick")
    assert result.exit_code == 1
    assert "this folder holds fitzpatrick edition c, not fitzpatrick" in result.stderr


def pad_zip(damage: bool = False) -> bytes:
    table = "img_id,diagnostic,patient_id,lesion_id\n" + "".join(
        f"PAT_{part}_{n}.png,NEV,PAT_{part},{n}\n" for part in (1, 2, 3) for n in range(2)
    )
    inner = {
        f"images/imgs_part_{part}.zip": zipped(
            {f"PAT_{part}_{n}.png": jpeg(10 * part + n) for n in range(2)}, 0
        )
        for part in (1, 2, 3)
    }
    if damage:
        inner["images/imgs_part_2.zip"] = inner["images/imgs_part_2.zip"].replace(
            jpeg(20)[-60:-50], bytes(10)
        )
    return zipped({"metadata.csv": table.encode(), **inner})


def test_an_archive_of_archives(site, run):
    site.files[PAD_ZIP] = pad_zip()
    site.script[PAD_ZIP] = ["truncate", "503", "ok"]
    result = run("padufes", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["files"] == 7
    raw = Path("raw/padufes")
    table = get_source("padufes").read(raw, ReadOptions()).table
    assert table.column("path").to_pylist()[:2] == [
        f"images/imgs_part_1/PAT_1_{n}.png" for n in range(2)
    ]
    assert not (raw / "zr7vgbcyr2-1.zip").exists()
    before = contents(raw)
    site.requests.clear()
    assert run("padufes").exit_code == 0
    assert not site.requests
    assert contents(raw) == before
    (raw / "images/imgs_part_3/PAT_3_1.png").unlink()
    assert run("padufes").exit_code == 0
    assert contents(raw) == before


def test_a_damaged_file_of_an_archive_is_named(site, run):
    site.files[PAD_ZIP] = pad_zip(damage=True)
    result = run("padufes")
    assert result.exit_code == 1
    raw = Path("raw/padufes")
    damaged = "images/imgs_part_2/PAT_2_0.png"
    assert failures(raw) == {damaged: ("damaged_member", None, True)}
    assert not (raw / damaged).exists()
    site.requests.clear()
    assert run("padufes").exit_code == 1
    assert not site.requests
    assert set(failures(raw)) == {damaged}
    site.files[PAD_ZIP] = pad_zip()
    assert run("padufes", "--retry-failed").exit_code == 0
    assert failures(raw) == {}
    assert (raw / damaged).read_bytes() == jpeg(20)


def test_a_malicious_archive_is_refused(site, run):
    site.files[PAD_ZIP] = zipped({"metadata.csv": b"x", "../../evil.txt": b"evil"})
    result = run("padufes")
    assert result.exit_code == 1
    assert "evil.txt" in result.stderr
    assert failures(Path("raw/padufes")) == {"zr7vgbcyr2-1.zip": ("unsafe_archive", None, True)}
    assert not list(Path().rglob("*evil*"))
    assert not Path("raw/padufes/metadata.csv").exists()


def test_an_archive_fetched_by_other_means_is_verified_and_unpacked(site, run):
    raw = Path("raw/padufes")
    raw.mkdir(parents=True)
    (raw / "zr7vgbcyr2-1.zip").write_bytes(pad_zip())
    assert run("padufes").exit_code == 0
    assert not site.requests
    assert (raw / "metadata.csv").is_file()
    ham = Path("raw/ham10000")
    ham.mkdir()
    (ham / "HAM10000_images_part_1.zip").write_bytes(zipped({"ISIC_1.jpg": jpeg(0)}))
    result = run("ham10000")
    assert result.exit_code == 1
    assert "is not the published one" in result.stderr


def test_published_sizes_and_checksums_count(site, run):
    dataverse = "/dataverse.harvard.edu/api/access/datafile"
    site.files[f"{dataverse}/4338392?format=original"] = b"lesion_id,image_id,dx\n"
    for number in (3172584, 3172585):
        site.files[f"{dataverse}/{number}"] = zipped({"ISIC_1.jpg": jpeg(0)})
    assert run("ham10000").exit_code == 1
    assert {reason for reason, _, _ in failures(Path("raw/ham10000")).values()} == {"wrong_size"}


class Archive:
    """The ISIC archive's API: records in pages, cursors, files with their sizes."""

    def __init__(self, site: Server, count: int, page: int = 3) -> None:
        self.site, self.page = site, page
        self.records = [self.record(number) for number in range(count)]
        site.answer = self.answer

    def record(self, number: int) -> dict[str, object]:
        data = jpeg(number)
        self.site.files[f"/content.isic/{number}.jpg?sign=x"] = data
        clinical: dict[str, object] = {"diagnosis_1": "Benign", "age_approx": 40 + number}
        if number == 4:
            clinical |= {"benign_malignant": "benign", "melanocytic": True}
        return {
            "isic_id": f"ISIC_{number:07d}",
            "public": True,
            "copyright_license": "CC-BY",
            "attribution": 'Anonymous, of a "clinic"',
            "files": {
                "full": {
                    "url": f"https://content.isic/{number}.jpg?sign=x",
                    "size": len(data),
                }
            },
            "metadata": {"acquisition": {"image_type": "dermoscopic"}, "clinical": clinical},
        }

    def answer(self, path: str) -> bytes | None:
        if not path.startswith(API):
            return None
        asked = parse_qs(urlsplit(path).query)
        page = min(self.page, int(asked["limit"][0]))
        start = int(asked.get("cursor", ["0"])[0])
        rest = start + page < len(self.records)
        query = f"limit={asked['limit'][0]}&cursor={start + page}"
        answer = {
            "count": len(self.records),
            "next": f"https:/{API}?{query}" if rest else None,
            "previous": None,
            "results": self.records[start : start + page],
        }
        return json.dumps(answer).encode()


def test_the_isic_archive_is_searched(site, run):
    archive = Archive(site, 8)
    site.script["/content.isic/3.jpg?sign=x"] = ["429", "reset", "ok"]
    words = (
        "isic",
        "--collection",
        "212, 65",
        "--collection",
        "65",
        "--query",
        "diagnosis_1:Benign",
    )
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["files"] == 9
    first = next(iter(site.requests))
    assert parse_qs(urlsplit(first).query) == {
        "limit": ["100"],
        "query": ["diagnosis_1:Benign"],
        "collections": ["65,212"],
    }
    raw = Path("raw/isic")
    with (raw / "metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "isic_id",
        "attribution",
        "copyright_license",
        "age_approx",
        "benign_malignant",
        "diagnosis_1",
        "image_type",
        "melanocytic",
    ]
    assert [row["isic_id"] for row in rows] == [r["isic_id"] for r in archive.records]
    assert rows[0]["attribution"] == 'Anonymous, of a "clinic"'
    assert (rows[4]["melanocytic"], rows[5]["melanocytic"]) == ("True", "")
    table = get_source("isic").read(raw, ReadOptions()).table
    assert None not in table.column("path").to_pylist()
    assert (raw / "images/ISIC_0000003.jpg").read_bytes() == jpeg(3)
    assert not (raw / ".partial").exists()

    site.requests.clear()
    assert run(*words).exit_code == 0
    assert not site.requests  # all of it is there: nobody is asked
    result = run("isic", "--collection", "212")
    assert result.exit_code == 1
    assert "this folder holds isic collection 65, 212" in result.stderr


def test_a_search_goes_on_with_the_page_it_stopped_at(site, run):
    archive = Archive(site, 8)
    third = f"{API}?limit=100&cursor=6"
    site.script[third] = ["503"]
    result = run("isic")
    assert result.exit_code == 1
    assert failures(Path("raw/isic")) == {"metadata.csv": ("server_error", 503, False)}
    assert not Path("raw/isic/images").exists()
    site.script.clear()
    site.requests.clear()
    assert run("isic").exit_code == 0
    assert [path for path in site.requests if path.startswith(API)] == [third]
    assert len(list(Path("raw/isic/images").iterdir())) == len(archive.records)


def test_a_part_of_the_isic_archive(site, run):
    Archive(site, 8)
    assert run("isic", "--limit", "4").exit_code == 0
    assert len(list(Path("raw/isic/images").iterdir())) == 4
    assert run("isic", "--limit", "7").exit_code == 0
    assert len(list(Path("raw/isic/images").iterdir())) == 7
    assert len(Path("raw/isic/metadata.csv").read_text().splitlines()) == 8


def test_a_search_that_the_archive_refuses(site, run):
    site.script[f"{API}?limit=100&query=x%3A"] = ["400"]
    result = run("isic", "--query", "x:")
    assert result.exit_code == 1
    assert "Check --query" in result.stderr
    Archive(site, 2)
    assert run("isic").exit_code == 0  # the folder is not spoilt by the query that was refused


def test_an_answer_that_is_not_understood(site, run):
    site.answer = lambda path: b'{"detail": "hello"}'
    result = run("isic")
    assert result.exit_code == 1
    assert "not understood" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_snapshot_of_the_isic_archive(site, run):
    site.files["/isic-archive.s3.us-east-1.amazonaws.com/snapshots/ISIC_images.zip"] = zipped(
        {
            "images/ISIC_0000001.jpg": jpeg(1),
            "metadata.csv": b"isic_id,diagnosis_1\nISIC_0000001,Benign\n",
            "attribution.txt": b"all",
            "licenses/CC-0.txt": b"free",
        }
    )
    assert run("isic", "--edition", "snapshot").exit_code == 0
    table = get_source("isic").read(Path("raw/isic"), ReadOptions()).table
    assert table.column("path").to_pylist() == ["images/ISIC_0000001.jpg"]


def test_one_download_at_a_time_into_a_folder(site, run):
    serve_atlas(site, 2)
    with only_one(Path("raw/fitzpatrick/.partial/lock"), "", ""):
        result = run("fitzpatrick")
    assert result.exit_code == 1
    assert "another download into this folder" in result.stderr
    assert run("fitzpatrick").exit_code == 0


def test_a_full_disk_is_said_and_gone_on_with(site, run, monkeypatch):
    serve_atlas(site, 8)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "raw/fitzpatrick/x")

    with monkeypatch.context() as patch:
        patch.setattr("dermctl.datasets.fetch.transfer._copy", full)
        result = run("fitzpatrick")
    assert result.exit_code == 1
    assert "the disk is full" in result.stderr
    assert "Traceback" not in result.stderr
    assert run("fitzpatrick").exit_code == 0


@pytest.mark.parametrize("source", ["ddi", "derm7pt", "sd198"])
def test_terms_that_want_a_signature(site, run, source):
    result = run(source)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert get_source(source).homepage in line
    assert get_source(source).layout in line
    assert not site.requests
    assert not Path("raw").exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("folder",), "dermctl data prepare folder"),
        (("nosource",), "there is no source"),
        (("padufes", "--edition", "c"), "no edition 'c'"),
        (("fitzpatrick", "--edition", "d"), "Editions: c"),
        (("padufes", "--limit", "3"), "--limit"),
        (("padufes", "--query", "x"), "--query"),
        (("padufes", "--csv", "t.csv"), "--csv"),
        (("isic", "--collection", "ham"), "'ham' is no number"),
        (("isic", "--limit", "0"), "--limit"),
        (("fitzpatrick", "--csv", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_flags_that_make_no_sense(site, run, words, part):
    Path("t.csv").write_text("a\n")
    result = run(*words)
    assert result.exit_code == 2
    assert part in result.stderr
    assert not site.requests


@pytest.mark.real_data
def test_rows_of_the_real_table(site, run, real_data):
    """The first 60 rows, at their real addresses: a fifth is gone, one host's pages moved."""
    table = real_data / "fitzpatrick17k" / "fitzpatrick17k.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))[:60]
    site.files[TABLE_PATH] = table.read_bytes()
    for number, row in enumerate(rows):
        path = "/" + row["url"].split("://")[1]
        site.files[path] = jpeg(number)
        if number % 5 == 0:
            site.script[path] = ["404"]
    document = json.loads(run("fitzpatrick", "--limit", "60", "--json").stdout)
    assert (document["files"], document["failures"]) == (49, {"not_found": 12})
    shares = document["loss"]["by_skin_type"]
    assert sum(share["missing"] for share in shares.values()) == 12
    for kind, share in shares.items():
        wanted = "-1" if kind == "unknown" else kind
        ours = [n for n, row in enumerate(rows) if row["fitzpatrick_scale"] == wanted]
        assert share == {"rows": len(ours), "missing": sum(n % 5 == 0 for n in ours)}
