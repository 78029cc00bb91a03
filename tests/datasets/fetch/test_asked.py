from __future__ import annotations

import pytest

from dermctl.datasets.fetch.addresses import images_by_address
from dermctl.datasets.fetch.asked import Asked, address_fault, is_safe
from dermctl.datasets.fetch.client import mirrored
from dermctl.datasets.fetch.failures import REASONS, Failure, Journal, read_failures, write_failures
from dermctl.datasets.sources.base import ImageAddresses
from dermctl.errors import DataError

IMAGES = ImageAddresses("t.csv", "md5hash", "url", "data/pics")


@pytest.mark.parametrize("path", ["a.jpg", "a/b c/d.jpg", "ä.jpg", "..a/b..", "a,b.jpg"])
def test_paths_that_stay_in_the_folder(path):
    assert is_safe(path)


@pytest.mark.parametrize(
    "path",
    ["", "/a", "../a", "a/../b", "a//b", ".", "a\\b", "c:/a", "a\0b", "a\n", " a", "x" * 300],
)
def test_paths_that_may_not(path):
    assert not is_safe(path)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://a.org/b?c=d", None),
        ("http://127.0.0.1:8000/x", None),
        ("", "no_url"),
        ("  ", "no_url"),
        ("ftp://a.org/b", "bad_url"),
        ("a.org/b", "bad_url"),
        ("http://", "bad_url"),
        ("http://[::1/x", "bad_url"),
        ("http://a:port/x", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
    ],
)
def test_addresses(url, fault):
    assert address_fault(url) == fault


def test_one_image_a_row(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(
        "md5hash,label,url\n"
        "aa,x,http://h/1\n"
        "bb,x,\n"
        "../cc,x,http://h/3\n"
        "aa,y,http://h/4\n"
        "dd,y,gopher://h/5\n"
        "ee,y, https://k:81/6 \n"
    )
    found = images_by_address(table, IMAGES, "fitzpatrick")
    assert found.asked == (
        Asked("http://h/1", "data/pics/aa.jpg"),
        Asked("https://k:81/6", "data/pics/ee.jpg"),
    )
    assert [one.host for one in found.asked] == ["h", "k:81"]
    assert [(one.file, one.reason) for one in found.unusable] == [
        ("data/pics/bb.jpg", "no_url"),
        ("data/pics/../cc.jpg", "unsafe_name"),
        ("data/pics/dd.jpg", "bad_url"),
    ]
    assert found.ids == {"aa", "bb", "../cc", "dd", "ee"}
    assert images_by_address(table, IMAGES, "fitzpatrick", 2).ids == {"aa", "bb"}


def test_a_table_without_addresses_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("md5hash,label\naa,x\n")
    with pytest.raises(DataError, match="no column 'url'"):
        images_by_address(tmp_path / "t.csv", IMAGES, "fitzpatrick")


@pytest.mark.real_data
def test_all_real_addresses_can_be_asked_for(real_data):
    found = images_by_address(
        real_data / "fitzpatrick17k" / "fitzpatrick17k.csv", IMAGES, "fitzpatrick"
    )
    assert len(found.asked) == 16_577 - 41
    assert {one.reason for one in found.unusable} == {"no_url"}
    assert {one.host for one in found.asked} == {
        "www.dermaamin.com",
        "atlasdermatologico.com.br",
    }


@pytest.mark.parametrize(
    ("mirror", "url", "to"),
    [
        ("", "https://a.org/b", "https://a.org/b"),
        ("http://m:1", "https://a.org/b?c=d&e", "http://m:1/a.org/b?c=d&e"),
        ("http://m:1/x/", "http://a.org:81/b", "http://m:1/x/a.org:81/b"),
        ("http://m:1", "http://m:1/a.org/b", "http://m:1/a.org/b"),
    ],
)
def test_a_mirror_has_the_hosts_as_folders(mirror, url, to):
    assert mirrored(url, mirror) == to


FAILURES = [
    Failure("http://h/1", "a.jpg", 404, 1, "not_found"),
    Failure("", "b.jpg", None, 0, "no_url"),
    Failure("http://h/2", "c.jpg", 500, 8, "server_error"),
]


def test_the_list_of_failures_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "failures.parquet"
    assert read_failures(path) == []
    write_failures(path, FAILURES)
    assert read_failures(path) == FAILURES
    write_failures(path, [])
    assert read_failures(path) == []


def test_a_damaged_list_is_an_error_with_a_next_step(tmp_path):
    path = tmp_path / "failures.parquet"
    path.write_bytes(b"PAR1 cut")
    with pytest.raises(DataError, match="cannot be read") as caught:
        read_failures(path)
    assert caught.value.hint


def test_the_journal_survives_a_line_that_was_cut(tmp_path):
    journal = Journal(tmp_path / "hidden" / "journal.jsonl")
    assert journal.read() == []
    journal.add(FAILURES[0])
    with journal.path.open("a") as file:
        file.write('{"url": "http://h/9", "fi')
    journal.add(FAILURES[1])
    assert journal.read() == FAILURES[:2]


def test_what_is_not_asked_for_again_is_final_and_the_other_way_round():
    final = {code for code, reason in REASONS.items() if reason.final}
    assert {"not_found", "gone", "not_an_image", "host_given_up", "no_url"} <= final
    assert final.isdisjoint(
        {"too_many_requests", "server_error", "truncated", "broken_off", "timeout", "host_silent"}
    )
