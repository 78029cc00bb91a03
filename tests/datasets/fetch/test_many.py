"""Many files through a server that misbehaves: whole, or listed with the right reason."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dermctl.datasets.fetch.asked import Asked
from dermctl.datasets.fetch.failures import Failure
from dermctl.datasets.fetch.many import Fetched, Manner, fetch_files
from dermctl.datasets.fetch.schedule import SAMPLE
from tests.made import jpeg
from tests.server import Server

PASSING = ("500", "503", "429", "busy", "reset", "reset_half", "truncate", "short", "wrong")
FOR_GOOD = {
    "404": "not_found",
    "410": "gone",
    "403": "refused",
    "html": "not_an_image",
    "loop": "too_many_redirects",
}
ALWAYS = {
    "500": "server_error",
    "429": "too_many_requests",
    "truncate": "truncated",
    "reset": "broken_off",
    "short": "wrong_size",
    "wrong": "wrong_checksum",
}


def picture(number: int) -> bytes:
    return jpeg(number, side=24)


def ask(server: Server, number: int, **known: object) -> Asked:
    """A picture on the server, to be asked for."""
    name = f"{number:04d}.jpg"
    server.files[f"/{name}"] = server.files[f"/elsewhere/{name}"] = picture(number)
    return Asked(f"{server.url}/{name}", f"images/{name}", **known)


def fetch(asked: list[Asked], folder: Path, manner: Manner, *earlier: Failure) -> Fetched:
    return fetch_files(asked, folder, manner, earlier={one.file: one for one in earlier})


def reasons(fetched: Fetched) -> dict[str, str]:
    return {failure.file: failure.reason for failure in fetched.failures}


def whole(folder: Path, asked: list[Asked]) -> set[str]:
    """The files that are there, each with the very bytes that the server has."""
    there = set()
    for number, one in enumerate(asked):
        if (folder / one.file).exists():
            assert (folder / one.file).read_bytes() == picture(number)
            there.add(one.file)
    return there


@pytest.mark.slow
def test_a_thousand_files_end_whole_or_listed(server: Server, tmp_path: Path, quick: Manner):
    """Each misbehaviour befalls some files in passing and, where it can be told, some always."""
    random = Random(7)
    asked, told = [], {}
    for number in range(1000):
        data = picture(number)
        one = ask(server, number, size=len(data), md5=hashlib.md5(data).hexdigest())
        asked.append(one)
        fate = random.random()
        script = [random.choice(PASSING) for _ in range(random.randint(1, 2))] + ["ok"]
        if fate < 0.10:
            server.script[f"/{number:04d}.jpg"] = script
        elif fate < 0.13:
            server.script[f"/{number:04d}.jpg"] = ["elsewhere"]
        elif fate < 0.15:
            server.script[f"/{number:04d}.jpg"] = ["slow"]
        elif fate < 0.20:
            step = random.choice([*FOR_GOOD, *ALWAYS])
            server.script[f"/{number:04d}.jpg"] = [step]
            told[one.file] = {**FOR_GOOD, **ALWAYS}[step]
    fetched = fetch(asked, tmp_path, quick)
    assert reasons(fetched) == told
    assert len(set(told.values())) == len({*FOR_GOOD, *ALWAYS})  # every kind was among them
    assert whole(tmp_path, asked) == {one.file for one in asked} - set(told)
    assert fetched.there == fetched.fetched == 1000 - len(told)
    assert fetched.bytes >= sum(len(picture(n)) for n in range(1000) if asked[n].file not in told)


@pytest.mark.parametrize("step", FOR_GOOD)
def test_what_is_final_is_asked_for_once(server, tmp_path, quick, step):
    asked = [ask(server, 0)]
    server.script["/0000.jpg"] = [step]
    fetched = fetch(asked, tmp_path, quick)
    assert reasons(fetched) == {asked[0].file: FOR_GOOD[step]}
    assert fetched.failures[0].final
    assert fetched.failures[0].tries == 1
    assert not (tmp_path / asked[0].file).exists()


@pytest.mark.parametrize("step", [*ALWAYS, "reset_half"])
def test_what_passes_is_tried_again_and_then_listed(server, tmp_path, quick, step):
    data = picture(0)
    asked = [ask(server, 0, size=len(data), sha256=hashlib.sha256(data).hexdigest())]
    server.script["/0000.jpg"] = [step]
    (failure,) = fetch(asked, tmp_path, quick).failures
    assert failure.reason == ALWAYS.get(step, "broken_off")
    assert not failure.final
    assert failure.tries == server.requests["/0000.jpg"] > 2


def test_only_what_is_missing_and_not_final_is_asked_for_again(server, tmp_path, quick):
    asked = [ask(server, number) for number in range(3)]
    server.script = {"/0001.jpg": ["404"], "/0002.jpg": ["500"] * 20 + ["ok"]}
    first = fetch(asked, tmp_path, quick)
    assert reasons(first) == {asked[1].file: "not_found", asked[2].file: "server_error"}
    server.script["/0002.jpg"] = ["ok"]
    server.requests.clear()
    final = [failure for failure in first.failures if failure.final]
    second = fetch(asked, tmp_path, quick, *final)
    assert server.requests == Counter({"/0002.jpg": 1})
    assert reasons(second) == {asked[1].file: "not_found"}
    assert (second.there, second.fetched) == (2, 1)
    server.script["/0001.jpg"] = ["ok"]
    third = fetch(asked, tmp_path, replace(quick, retry_failed=True), *final)
    assert third.failures == ()
    assert whole(tmp_path, asked) == {one.file for one in asked}


def test_half_a_picture_that_comes_whole_by_its_length_is_told(server, tmp_path, quick):
    asked = [ask(server, 0), ask(server, 1)]
    server.script = {"/0000.jpg": ["short"], "/0001.jpg": ["short", "ok"]}
    fetched = fetch(asked, tmp_path, quick)
    assert reasons(fetched) == {asked[0].file: "half_an_image"}
    assert whole(tmp_path, asked) == {asked[1].file}


def test_a_host_that_is_dead_is_given_up_and_the_rest_is_listed(server, tmp_path, quick):
    asked = [Asked(f"{server.url}/gone/{number}.jpg", f"{number}.jpg") for number in range(200)]
    fetched = fetch(asked, tmp_path, quick)
    assert sum(server.requests.values()) == SAMPLE
    assert Counter(reasons(fetched).values()) == {"not_found": SAMPLE, "host_given_up": 168}
    assert all(failure.final for failure in fetched.failures)
    assert [failure.file for failure in fetched.failures] == [one.file for one in asked]
    retried = fetch(asked, tmp_path, replace(quick, retry_failed=True), *fetched.failures)
    assert set(reasons(retried).values()) == {"not_found"}


def test_one_file_that_is_there_keeps_a_host_alive(server, tmp_path, quick):
    asked = [Asked(f"{server.url}/gone/{number}.jpg", f"{number}.jpg") for number in range(199)]
    asked.insert(0, ask(server, 0))  # the sample begins with the first
    fetched = fetch(asked, tmp_path, quick)
    assert set(reasons(fetched).values()) == {"not_found"}
    assert sum(server.requests.values()) == 200


def test_a_host_that_does_not_answer_is_left_alone_for_this_run(server, tmp_path, quick):
    nobody = "http://127.0.0.1:9"  # the discard port: nobody listens
    asked = [Asked(f"{nobody}/{number}.jpg", f"{number}.jpg") for number in range(300)]
    asked += [ask(server, 0)]
    fetched = fetch(asked, tmp_path, quick)
    counts = Counter(reasons(fetched).values())
    assert set(counts) == {"unreachable", "host_silent"}
    assert counts["unreachable"] < 100
    assert not any(failure.final for failure in fetched.failures)
    assert fetched.there == 1  # the other host's


def test_no_more_at_once_than_allowed_and_connections_are_kept(server, tmp_path, quick):
    asked = [ask(server, number) for number in range(40)]
    for one in asked:
        server.script["/" + Path(one.file).name] = ["slow"]
    fetch(asked, tmp_path, replace(quick, per_host=2))
    assert server.most_at_once == 2
    assert server.connections <= quick.workers


def test_a_browser_is_what_some_hosts_want(server, tmp_path, quick):
    fetch([ask(server, 0)], tmp_path, quick)
    fetch([ask(server, 1)], tmp_path, replace(quick, browser=True))
    own, browser = sorted(server.agents, key=lambda agent: "Mozilla" in agent)
    assert own.startswith("dermctl/")
    assert browser.startswith("Mozilla/5.0")


def test_a_host_that_asks_for_too_much_patience_is_left_for_another_run(server, tmp_path, quick):
    asked = [ask(server, 0)]
    server.script["/0000.jpg"] = ["429"]
    impatient = replace(quick, backoff=replace(quick.backoff, patience=-1.0))
    (failure,) = fetch(asked, tmp_path, impatient).failures
    assert (failure.reason, failure.tries, failure.final) == ("too_many_requests", 1, False)


def test_a_mirror_stands_in_for_the_host(server, tmp_path, quick, monkeypatch):
    monkeypatch.setenv("DERMCTL_MIRROR", f"{server.url}/all/")
    server.files["/all/images.example/a.jpg?size=full"] = picture(3)
    one = Asked("https://images.example/a.jpg?size=full", "a.jpg")
    assert fetch([one], tmp_path, quick).failures == ()
    assert (tmp_path / "a.jpg").read_bytes() == picture(3)
