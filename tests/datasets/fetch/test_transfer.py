"""One file over a connection that breaks: gone on with, never patched together wrongly."""

from __future__ import annotations

import hashlib
import json
import ssl
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from dermctl.datasets.fetch.asked import Asked
from dermctl.datasets.fetch.failures import REASONS
from dermctl.datasets.fetch.many import Manner, fetch_files
from dermctl.datasets.fetch.partial import PARTIAL_FOLDER, Partial, tidy
from dermctl.datasets.fetch.transfer import reason_of
from tests.server import Server

BODY = b"id,label\n" + bytes(range(256)) * 400
NAME = "table.csv"


def one(server: Server, **known: object) -> Asked:
    server.files[f"/{NAME}"] = BODY
    return Asked(f"{server.url}/{NAME}", NAME, "table", **known)


def fetch(asked: Asked, folder: Path, manner: Manner) -> list[str]:
    return [one.reason for one in fetch_files([asked], folder, manner, earlier={}).failures]


def begun(folder: Path, asked: Asked, count: int, tag: str | None, total: int | None) -> Partial:
    """As a killed run leaves it: the first bytes, and what they belong to."""
    partial = Partial(folder, asked)
    with partial.begin(tag, total) as file:
        file.write(BODY[:count])
    return partial


def tag_of(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def test_goes_on_where_it_broke(server, tmp_path, quick):
    server.script[f"/{NAME}"] = ["truncate", "ok"]
    assert fetch(one(server), tmp_path, quick) == []
    assert server.ranges == [(f"/{NAME}", f"bytes={len(BODY) // 2}-")]
    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.sent == len(BODY)  # nothing was sent twice


@pytest.mark.parametrize("count", [0, 1, 5000, len(BODY) - 1, len(BODY)])
def test_goes_on_where_a_killed_run_stopped(server, tmp_path, quick, count):
    asked = one(server)
    begun(tmp_path, asked, count, tag_of(BODY), len(BODY))
    assert fetch(asked, tmp_path, quick) == []
    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.sent == len(BODY) - count


def test_begins_anew_when_the_file_has_changed(server, tmp_path, quick):
    asked = one(server)
    begun(tmp_path, asked, 5000, tag_of(b"the old version"), len(BODY))
    assert fetch(asked, tmp_path, quick) == []
    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.ranges == []  # If-Range made the server send all of it


def test_without_a_validator_the_total_size_must_agree(server, tmp_path, quick):
    asked = one(server)
    begun(tmp_path, asked, 5000, None, len(BODY) + 1)
    assert fetch(asked, tmp_path, quick) == []
    assert (tmp_path / NAME).read_bytes() == BODY
    # The rest of another size is not taken: what it sent of it before the client hung up is chance.
    assert server.ranges == [(f"/{NAME}", "bytes=5000-")]
    assert server.requests[f"/{NAME}"] == 2


def test_without_validator_and_size_nothing_is_gone_on_with(server, tmp_path, quick):
    asked = one(server)
    begun(tmp_path, asked, 5000, None, None)
    assert fetch(asked, tmp_path, quick) == []
    assert server.ranges == []


def test_the_beginning_of_another_address_is_not_gone_on_with(server, tmp_path, quick):
    asked = one(server)
    begun(tmp_path, replace(asked, url=f"{server.url}/other"), 5000, tag_of(BODY), len(BODY))
    assert fetch(asked, tmp_path, quick) == []
    assert server.ranges == []


def test_a_server_without_ranges_sends_all_again(server, tmp_path, quick):
    server.script[f"/{NAME}"] = ["truncate", "plain"]
    assert fetch(one(server), tmp_path, quick) == []
    assert (tmp_path / NAME).read_bytes() == BODY


def test_bytes_that_a_checksum_disowns_are_not_gone_on_with(server, tmp_path, quick):
    asked = one(server, sha256=hashlib.sha256(BODY).hexdigest())
    partial = begun(tmp_path, asked, 0, tag_of(BODY), len(BODY))
    with partial.go_on() as file:
        file.write(b"x" * 5000)
    assert fetch(asked, tmp_path, quick) == []
    assert (tmp_path / NAME).read_bytes() == BODY


def test_much_progress_is_not_counted_as_a_try(server, tmp_path, quick):
    big = b"id\n" + bytes(12 << 20)
    server.files["/big.csv"] = big
    server.script["/big.csv"] = ["piece"]
    asked = Asked(f"{server.url}/big.csv", "big.csv", "table")
    assert fetch(asked, tmp_path, quick) == []
    assert (tmp_path / "big.csv").read_bytes() == big
    assert server.requests["/big.csv"] > 8  # more often than a file is tried that gets nowhere


def test_a_passing_failure_keeps_its_bytes_and_a_final_one_does_not(server, tmp_path, quick):
    server.script[f"/{NAME}"] = ["truncate", *["500"] * 20]
    asked = one(server)
    assert fetch(asked, tmp_path, quick) == ["server_error"]
    assert Partial(tmp_path, asked).size == len(BODY) // 2
    server.script[f"/{NAME}"] = ["404"]
    assert fetch(asked, tmp_path, quick) == ["not_found"]
    assert Partial(tmp_path, asked).size == 0


def test_tidy_leaves_what_can_be_gone_on_with(tmp_path):
    kept, stray = (Asked("http://a/b", name, "table") for name in ("a/kept.csv", "stray.csv"))
    for asked in (kept, stray):
        begun(tmp_path, asked, 10, '"tag"', 100)
    hidden = tmp_path / PARTIAL_FOLDER
    (hidden / "pages-1").mkdir()
    tidy(tmp_path, [kept.file])
    assert Partial(tmp_path, kept).resume() == (10, '"tag"', 100)
    assert len(list(hidden.iterdir())) == 2
    tidy(tmp_path)
    assert not hidden.exists()


def test_a_note_says_what_the_bytes_belong_to(tmp_path):
    asked = Asked("http://a/b", "a/b.jpg")
    begun(tmp_path, asked, 3, '"v1"', 9)
    (note,) = (tmp_path / PARTIAL_FOLDER).glob("*.json")
    assert json.loads(note.read_text()) == {"url": "http://a/b", "validator": '"v1"', "total": 9}


@pytest.mark.parametrize(
    ("body", "reason"), [(b"<html>sorry</html>", "not_a_table"), (b"  \n", "not_a_table")]
)
def test_a_page_is_no_table(server, tmp_path, quick, body, reason):
    asked = one(server)
    server.files[f"/{NAME}"] = body
    assert fetch(asked, tmp_path, quick) == [reason]
    assert not (tmp_path / NAME).exists()


def test_late_answers_are_timeouts(server, tmp_path, quick, monkeypatch):
    monkeypatch.setattr("dermctl.datasets.fetch.client.READ_SECONDS", 1)
    server.script[f"/{NAME}"] = ["late", "ok"]
    assert fetch(one(server), tmp_path, quick) == []
    server.script["/never.csv"] = ["late"]
    server.files["/never.csv"] = BODY
    asked = Asked(f"{server.url}/never.csv", "never.csv", "table")
    assert fetch(asked, tmp_path, quick) == ["timeout"]


def chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "answered", "reason"),
    [
        (httpx.ConnectError("refused"), False, "unreachable"),
        (httpx.ConnectTimeout("late"), False, "unreachable"),
        (httpx.ReadTimeout("late"), True, "timeout"),
        (httpx.RemoteProtocolError("cut"), True, "truncated"),
        (httpx.RemoteProtocolError("odd"), False, "broken_off"),
        (httpx.ReadError("reset"), True, "broken_off"),
        (httpx.TooManyRedirects("loop"), False, "too_many_redirects"),
        (httpx.UnsupportedProtocol("ftp"), False, "bad_url"),
        (
            chained(httpx.ConnectError("tls"), ssl.SSLCertVerificationError("expired")),
            False,
            "bad_certificate",
        ),
    ],
)
def test_what_each_error_means(error, answered, reason):
    assert reason_of(error, answered=answered) == reason
    assert reason in REASONS
