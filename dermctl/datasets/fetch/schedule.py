"""Which file is asked for next, and when: bookkeeping only, without a network or a clock.

No more than so many transfers at a time go to one host. A file that failed in passing waits its
turn without keeping others from theirs. A host that turns requests down again and again is left
alone for as long as it says.

A host is tried with a sample of its files, spread evenly over all of them. If every one of the
sample fails for good, the host is given up, and the rest is listed without having been asked
for: tens of thousands of addresses may lead to a host that is dead. The sample depends on the
list alone, so that a run that was killed and begun again comes to the same verdict.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

SAMPLE = 32
"""Files that a host is tried with. If one in ten were still there, all of the sample would fail
once in thirty times."""
SILENT = 24
"""Files in a row without any answer after which a host is left alone for this run."""
TURNED_DOWN = 3
"""Requests in a row that a host turns down after which it is left alone as long as it says."""

Known = Literal["there", "final"]


@dataclass
class _Host:
    fresh: deque[int]  # not asked for yet
    rest: deque[int]  # likewise, once the sample has shown that the host is alive
    sample: set[int]  # those of the sample that have not failed for good
    alive: bool
    later: list[tuple[float, int]] = field(default_factory=list)  # heap of (due, file)
    running: int = 0
    closed_until: float = 0.0
    turned_down: int = 0
    silent: int = 0


class Schedule:
    """The order of work.

    Args:
        hosts: host of each file; files are known by their place in this list.
        known: files that need not be asked for, and why.
        per_host: transfers at a time to one host.
        give_up: whether hosts may be given up.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        known: Mapping[int, Known],
        *,
        per_host: int,
        give_up: bool = True,
    ) -> None:
        self._host_of = hosts
        self._per_host = per_host
        self._dropped: list[tuple[int, str]] = []
        self._hosts: dict[str, _Host] = {}
        files: dict[str, list[int]] = {}
        for number, host in enumerate(hosts):
            files.setdefault(host, []).append(number)
        for host, numbers in files.items():
            self._hosts[host] = _new_host(numbers, known, give_up)
            self._judge(self._hosts[host])
        self._turn = deque(self._hosts)
        self._left = len(hosts) - len(known)

    @property
    def done(self) -> bool:
        """Whether every file is there or has failed."""
        return self._left == 0

    def next(self, now: float) -> int | None:
        """A file to ask for at the time `now`, hosts in turn; None: there is none just now."""
        for _ in range(len(self._turn)):
            name = self._turn[0]
            self._turn.rotate(-1)
            host = self._hosts[name]
            if host.running >= self._per_host or now < host.closed_until:
                continue
            number = _take(host, now)
            if number is not None:
                host.running += 1
                return number
        return None

    def wait(self, now: float) -> float | None:
        """Seconds until `next` may have a file though nothing ends; None: not before that."""
        times = []
        for host in self._hosts.values():
            if host.running >= self._per_host or not (host.fresh or host.later):
                continue
            due = now if host.fresh else host.later[0][0]
            times.append(max(due, host.closed_until) - now)
        return max(0.0, min(times)) if times else None

    def succeeded(self, number: int) -> None:
        """The file is there."""
        host = self._ended(number)
        host.silent = host.turned_down = 0
        self._left -= 1
        self._found_alive(host)

    def failed(self, number: int, *, final: bool, answered: bool) -> None:
        """The file has failed, for good or for this run; `answered`: the host said so."""
        host = self._ended(number)
        self._left -= 1
        host.silent = 0 if answered else host.silent + 1
        if final:
            host.sample.discard(number)
            self._judge(host)
        else:
            self._found_alive(host)
        if host.silent >= SILENT:
            self._drop(host, "host_silent")

    def again(self, number: int, due: float) -> None:
        """The file is to be asked for again, not before `due`."""
        heapq.heappush(self._ended(number).later, (due, number))

    def turned_down(self, number: int, until: float) -> None:
        """The host of the file wants to be left alone until then: heeded when it insists."""
        host = self._hosts[self._host_of[number]]
        host.turned_down += 1
        if host.turned_down >= TURNED_DOWN:
            host.closed_until = max(host.closed_until, until)

    def dropped(self) -> list[tuple[int, str]]:
        """Files that will not be asked for any more, with the reason; each is told once."""
        told, self._dropped = self._dropped, []
        self._left -= len(told)
        return told

    def _ended(self, number: int) -> _Host:
        host = self._hosts[self._host_of[number]]
        host.running -= 1
        return host

    def _found_alive(self, host: _Host) -> None:
        if not host.alive:
            host.alive = True
            host.fresh.extend(host.rest)
            host.rest.clear()

    def _judge(self, host: _Host) -> None:
        if not host.alive and not host.sample:
            self._dropped += [(number, "host_given_up") for number in host.rest]
            host.rest.clear()

    def _drop(self, host: _Host, reason: str) -> None:
        """Leave out what has not been asked for yet; what has been gets all of its tries."""
        self._dropped += [(number, reason) for number in (*host.fresh, *host.rest)]
        host.fresh.clear()
        host.rest.clear()


def _take(host: _Host, now: float) -> int | None:
    """What is due again goes before what is new, so that nothing is left half done."""
    if host.later and host.later[0][0] <= now:
        return heapq.heappop(host.later)[1]
    return host.fresh.popleft() if host.fresh else None


def _new_host(numbers: Sequence[int], known: Mapping[int, Known], give_up: bool) -> _Host:
    sample = spread(numbers, SAMPLE)
    alive = not give_up or any(known.get(number) == "there" for number in numbers)
    asked = [number for number in numbers if number not in known]
    if alive or len(sample) == len(numbers):
        return _Host(deque(asked), deque(), set(), True)
    first = [number for number in asked if number in sample]
    rest = [number for number in asked if number not in sample]
    return _Host(deque(first), deque(rest), set(first), False)


def spread(numbers: Sequence[int], count: int) -> set[int]:
    """`count` of `numbers`, evenly spread; all of them where there are no more."""
    if len(numbers) <= count:
        return set(numbers)
    return {numbers[place * len(numbers) // count] for place in range(count)}
