"""Records of the ISIC archive's API: their table, their files, their pages."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path

import pytest

from dermctl.datasets.fetch.asked import Asked
from dermctl.datasets.fetch.search import Listing, Search, first_page, list_images, pages_folder
from dermctl.datasets.sources.base import ImageSearch
from dermctl.errors import DataError

API = ImageSearch("https://api.example/api/v2")


def record(name: str, url: str | None = "https://c/x.jpg", **clinical: object) -> dict:
    files = {} if url is None else {"full": {"url": url, "size": 7}}
    return {"isic_id": name, "files": files, "metadata": {"clinical": clinical}}


def listing(folder: Path, *records: dict, limit: int | None = None) -> Listing:
    """Two records a page, on disk."""
    pages = folder / "pages"
    pages.mkdir()
    for number in range(0, len(records), 2):
        page = {"results": list(records[number : number + 2])}
        (pages / f"page-{number:06d}.json").write_text(json.dumps(page))
    return Listing(folder, "pages", API, limit)


def test_the_header_is_whatever_occurs(tmp_path):
    found = listing(
        tmp_path,
        record("a", sex="male", diagnosis_1="Benign"),
        record("b", concomitant_biopsy=False, sites=["arm", "leg"]),
        {"isic_id": "c"},
    )
    found.write_table()
    with (tmp_path / "metadata.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    first = ["isic_id", "attribution", "copyright_license"]
    assert rows == [
        [*first, "concomitant_biopsy", "diagnosis_1", "sex", "sites"],
        ["a", "", "", "", "Benign", "male", ""],
        ["b", "", "", "False", "", "", '["arm", "leg"]'],
        ["c", "", "", "", "", "", ""],
    ]


def test_files_are_called_after_their_ids(tmp_path):
    found = listing(
        tmp_path,
        record("a", "https://c/1.JPG?sign=x.png"),
        record("b", "https://c/2.png"),
        record("c", "https://c/3"),
        record("d", None),
        record("../e"),
        record("a", "https://c/other.jpg"),
    )
    asked, unusable = found.files()
    assert asked == [
        Asked("https://c/1.JPG?sign=x.png", "images/a.jpg", size=7),
        Asked("https://c/2.png", "images/b.png", size=7),
        Asked("https://c/3", "images/c.jpg", size=7),
    ]
    assert [(one.file, one.reason) for one in unusable] == [
        ("images/d.jpg", "no_url"),
        ("images/../e.jpg", "unsafe_name"),
    ]


def test_a_limit_is_of_records(tmp_path):
    found = listing(tmp_path, *(record(name) for name in "abcde"), limit=3)
    assert [one["isic_id"] for one in found.records()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("search", "query"),
    [
        (Search(), "limit=100"),
        (Search(limit=7), "limit=7"),
        (Search(limit=700), "limit=100"),
        (
            Search('sex:male AND a:"b c"', (1, 2)),
            "limit=100&query=sex%3Amale+AND+a%3A%22b+c%22&collections=1%2C2",
        ),
    ],
)
def test_the_first_page(search, query):
    assert first_page(API, search) == f"https://api.example/api/v2/images/search/?{query}"


def test_each_search_has_its_own_pages_whatever_its_limit():
    folders = [pages_folder(API, search) for search in (Search(), Search("x"), Search(None, (1,)))]
    assert len(set(folders)) == 3
    assert pages_folder(API, Search("x", limit=5)) == folders[1]


def test_pages_of_yesterday_are_asked_for_anew(server, tmp_path, quick):
    api = ImageSearch(f"{server.url}/api")
    server.files["/api/images/search/?limit=100"] = json.dumps(
        {"count": 1, "next": None, "results": [record("a")]}
    ).encode()
    for _ in range(2):
        list_images(api, Search(), tmp_path, quick)
    assert sum(server.requests.values()) == 1
    page = next((tmp_path / pages_folder(api, Search())).iterdir())
    two_days_ago = time.time() - 2 * 86_400
    os.utime(page, (two_days_ago, two_days_ago))
    list_images(api, Search(), tmp_path, quick)
    assert sum(server.requests.values()) == 2


@pytest.mark.parametrize("answer", ["[]", '{"results": 3}', '{"results": [{"id": 1}]}'])
def test_an_answer_of_another_kind_is_not_kept(server, tmp_path, quick, answer):
    api = ImageSearch(f"{server.url}/api")
    server.files["/api/images/search/?limit=100"] = answer.encode()
    with pytest.raises(DataError, match="not understood"):
        list_images(api, Search(), tmp_path, quick)
    assert not any((tmp_path / pages_folder(api, Search())).iterdir())
