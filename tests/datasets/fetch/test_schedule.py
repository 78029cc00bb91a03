"""The order of work, without a network and without a clock."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.datasets.fetch.schedule import SAMPLE, SILENT, Schedule, spread


def drain(schedule: Schedule, now: float = 0.0) -> list[int]:
    """All that may be asked for now."""
    found = []
    while (number := schedule.next(now)) is not None:
        found.append(number)
    return found


def test_hosts_in_turn_and_no_more_than_so_many_at_each():
    schedule = Schedule(["a", "a", "a", "b", "b", "b"], {}, per_host=2)
    assert drain(schedule) == [0, 3, 1, 4]
    schedule.succeeded(3)
    assert drain(schedule) == [5]


def test_what_is_known_is_not_asked_for():
    schedule = Schedule(["a", "a", "a"], {0: "there", 2: "final"}, per_host=9)
    assert drain(schedule) == [1]
    schedule.succeeded(1)
    assert schedule.done


def test_a_file_waits_its_turn_and_keeps_nobody_from_theirs():
    schedule = Schedule(["a", "a"], {}, per_host=1)
    assert drain(schedule, 0.0) == [0]
    schedule.again(0, due=5.0)
    assert drain(schedule, 1.0) == [1]
    schedule.succeeded(1)
    assert drain(schedule, 4.9) == []
    assert schedule.wait(4.0) == 1.0
    assert drain(schedule, 5.0) == [0]  # what is due again goes first


def test_a_host_that_insists_is_left_alone():
    schedule = Schedule(["a"] * 8, {}, per_host=8)
    drain(schedule)
    for number in range(3):
        schedule.turned_down(number, until=60.0)
        schedule.again(number, due=2.0)
    assert drain(schedule, 2.0) == []
    assert schedule.wait(2.0) == 58.0
    assert drain(schedule, 60.0) == [0, 1, 2]


def test_one_request_turned_down_does_not_stop_the_host():
    schedule = Schedule(["a"] * 2, {}, per_host=8)
    drain(schedule)
    schedule.turned_down(0, until=60.0)
    schedule.again(0, due=2.0)
    assert drain(schedule, 2.0) == [0]


def fail_for_good(schedule: Schedule, numbers: list[int]) -> None:
    for number in numbers:
        schedule.failed(number, final=True, answered=True)


def test_only_a_sample_is_asked_for_until_the_host_is_known_to_be_alive():
    schedule = Schedule(["a"] * 1000, {}, per_host=1000)
    sample = drain(schedule)
    assert set(sample) == spread(range(1000), SAMPLE)
    assert max(sample) > 900  # spread over all of them
    schedule.succeeded(sample[0])
    assert len(drain(schedule)) == 1000 - SAMPLE
    assert schedule.dropped() == []


def test_a_dead_host_is_given_up():
    schedule = Schedule(["a"] * 1000 + ["b"], {}, per_host=1000)
    asked = drain(schedule)
    schedule.succeeded(1000)
    fail_for_good(schedule, [number for number in asked if number != 1000])
    assert drain(schedule) == []
    assert Counter(reason for _, reason in schedule.dropped()) == {"host_given_up": 1000 - SAMPLE}
    assert schedule.done


def test_a_run_that_was_killed_comes_to_the_same_verdict():
    sample = sorted(spread(range(1000), SAMPLE))
    known = dict.fromkeys(sample[: SAMPLE // 2], "final")
    schedule = Schedule(["a"] * 1000, known, per_host=1000)
    asked = drain(schedule)
    assert sorted(asked) == sample[SAMPLE // 2 :]
    fail_for_good(schedule, asked)
    assert len(schedule.dropped()) == 1000 - SAMPLE
    whole = Schedule(["a"] * 1000, dict.fromkeys(sample, "final"), per_host=1000)
    assert len(whole.dropped()) == 1000 - SAMPLE
    assert whole.done


def test_a_file_of_the_host_that_is_there_already_shows_that_it_lives():
    schedule = Schedule(["a"] * 1000, {777: "there"}, per_host=1000)
    assert len(drain(schedule)) == 999


def test_no_host_is_given_up_when_all_is_to_be_asked_again():
    assert len(drain(Schedule(["a"] * 1000, {}, per_host=1000, give_up=False))) == 1000


def test_a_silent_host_is_left_alone_but_what_was_asked_gets_all_of_its_tries():
    schedule = Schedule(["a"] * 1000, {}, per_host=1000, give_up=False)
    asked = [schedule.next(0.0) for _ in range(SILENT + 1)]
    schedule.again(asked[-1], due=9.0)
    for number in asked[:-1]:
        schedule.failed(number, final=False, answered=False)
    assert {reason for _, reason in schedule.dropped()} == {"host_silent"}
    assert drain(schedule, 9.0) == [asked[-1]]
    schedule.succeeded(asked[-1])
    assert schedule.done


def test_a_single_answer_ends_the_silence():
    schedule = Schedule(["a"] * 100, {}, per_host=100, give_up=False)
    drain(schedule)
    for number in range(2 * SILENT):
        schedule.failed(number, final=False, answered=number % (SILENT - 1) == 0)
    assert schedule.dropped() == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_file_ends_once(data):
    """Whatever comes of them, all files end, each once, and never too many are under way."""
    hosts = data.draw(st.lists(st.sampled_from("abc"), max_size=120))
    known = data.draw(
        st.dictionaries(st.sampled_from(range(max(1, len(hosts)))), st.just("there"))
        if hosts
        else st.just({})
    )
    per_host = data.draw(st.integers(1, 5))
    schedule = Schedule(hosts, known, per_host=per_host)
    ended, running, now = Counter(known), [], 0.0
    while not schedule.done:
        now += 1.0
        running += drain(schedule, now)
        assert max(Counter(hosts[number] for number in running).values(), default=0) <= per_host
        ended.update(number for number, _ in schedule.dropped())
        if not running:
            assert schedule.done or schedule.wait(now) is not None
            continue
        number = running.pop(data.draw(st.integers(0, len(running) - 1)))
        match data.draw(st.sampled_from(["there", "final", "passing", "again"])):
            case "there":
                schedule.succeeded(number)
                ended[number] += 1
            case "again":
                schedule.again(number, now + 1.5)
            case kind:
                schedule.failed(number, final=kind == "final", answered=True)
                ended[number] += 1
        ended.update(number for number, _ in schedule.dropped())
    assert set(ended) == set(range(len(hosts)))
    assert all(count == 1 for number, count in ended.items() if number not in known)
