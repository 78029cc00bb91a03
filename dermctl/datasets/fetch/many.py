"""Gets many files: a few threads that transfer, and one loop that decides what is next."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial as bind
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from threading import Event, Thread

import httpx

from dermctl.datasets.fetch.asked import Asked
from dermctl.datasets.fetch.backoff import Backoff
from dermctl.datasets.fetch.client import make_client
from dermctl.datasets.fetch.failures import REASONS, Failure, Journal
from dermctl.datasets.fetch.meter import Meter, unit_for
from dermctl.datasets.fetch.partial import PARTIAL_FOLDER, Partial
from dermctl.datasets.fetch.schedule import Known, Schedule
from dermctl.datasets.fetch.transfer import Answer, Stopped, Watch, attempt
from dermctl.progress import SILENT, Progress

WORKERS = 8
PER_HOST = 8
JOURNAL = "failures.jsonl"
PROGRESS_BYTES = 1 << 20
"""After an attempt that adds so much the tries of a file begin anew: it will come to its end."""
_SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class Manner:
    """How files are fetched.

    Args:
        workers: transfers at a time.
        per_host: transfers at a time to one host.
        browser: introduce ourselves as a browser, to hosts that answer nothing else.
        retry_failed: ask again for what has failed for good, and give no host up.
        backoff: when to ask again.
        random: where its jitter comes from.
    """

    workers: int = WORKERS
    per_host: int = PER_HOST
    browser: bool = False
    retry_failed: bool = False
    backoff: Backoff = field(default_factory=Backoff)
    random: Random = field(default_factory=Random)


@dataclass(frozen=True)
class Fetched:
    """What came of it.

    Args:
        there: files that are in their place now.
        fetched: files that came in this run.
        bytes: bytes that came in this run.
        failures: files that are not there, in the order they were asked for.
    """

    there: int
    fetched: int
    bytes: int
    failures: tuple[Failure, ...]


def fetch_files(
    asked: Sequence[Asked],
    folder: Path,
    manner: Manner,
    *,
    earlier: Mapping[str, Failure],
    client: httpx.Client | None = None,
    description: str = "download",
    progress: Progress = SILENT,
) -> Fetched:
    """Get every file that is not there yet and has not failed for good.

    Args:
        asked: the files; those that are in their place are taken to be whole.
        folder: what their paths are relative to.
        manner: how.
        earlier: final failures of earlier runs, by file.
        client: one that other lists use too, so that connections are kept; None: an own one.
        description: the name of the work, for the progress bar.
        progress: where it is reported.

    Raises:
        OSError: the disk is full, or cannot be written to.
    """
    known: dict[int, Known] = {}
    for number, wanted in enumerate(asked):
        if (folder / wanted.file).is_file():
            known[number] = "there"
        elif wanted.file in earlier and not manner.retry_failed:
            known[number] = "final"
    there = sum(state == "there" for state in known.values())
    failures = {
        number: earlier[asked[number].file] for number, state in known.items() if state == "final"
    }
    count = len(asked) - len(known)
    hosts = [wanted.host for wanted in asked]
    schedule = Schedule(hosts, known, per_host=manner.per_host, give_up=not manner.retry_failed)
    run = _Run(asked, folder, manner, schedule, failures)
    if count:
        unit = unit_for(count)
        with progress.task(description, count if unit == "files" else None, unit) as task:
            meter = Meter(task, count)
            workers = min(manner.workers, count)
            with nullcontext(client) if client else make_client(workers, manner.browser) as own:
                run.work(own, workers, meter)
            meter.show(last=True)
            return _result(run, there, meter)
    return _result(run, there, None)


def _result(run: _Run, there: int, meter: Meter | None) -> Fetched:
    failures = tuple(failure for _, failure in sorted(run.failures.items()))
    if meter is None:
        return Fetched(there, 0, 0, failures)
    fetched = meter.done - meter.failed
    return Fetched(there + fetched, fetched, meter.bytes, failures)


class _Run:
    """One run over the files of one list."""

    def __init__(
        self,
        asked: Sequence[Asked],
        folder: Path,
        manner: Manner,
        schedule: Schedule,
        failures: dict[int, Failure],
    ) -> None:
        self.asked, self.folder, self.manner, self.schedule = asked, folder, manner, schedule
        self.failures = failures
        self._tries: dict[int, int] = {}
        self._lost: dict[int, int] = {}  # tries in a row that brought nothing
        self._journal = Journal(folder / PARTIAL_FOLDER / JOURNAL)
        self._stop = Event()
        self._inbox: SimpleQueue[int | None] = SimpleQueue()
        self._outbox: SimpleQueue[tuple[int, Answer | BaseException]] = SimpleQueue()

    def work(self, client: httpx.Client, workers: int, meter: Meter) -> None:
        """Until every file is there or has failed."""
        transfer = bind(self._transfer, client, meter)
        # Daemons: Ctrl-C must not wait for a host that does not answer.
        threads = [Thread(target=transfer, daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            self._loop(workers, meter)
        finally:
            self._stop.set()
            for _ in threads:
                self._inbox.put(None)
        for thread in threads:
            thread.join()

    def _loop(self, workers: int, meter: Meter) -> None:
        running = 0
        self._note_dropped(meter)
        while not self.schedule.done:
            now = time.monotonic()
            while running < workers and (number := self.schedule.next(now)) is not None:
                self._inbox.put(number)
                running += 1
            due = self.schedule.wait(now) if running < workers else None
            try:
                look = min(_SECONDS_BETWEEN_LOOKS, _SECONDS_BETWEEN_LOOKS if due is None else due)
                number, answer = self._outbox.get(timeout=max(look, 0.001))
            except Empty:
                meter.show()
                continue
            running -= 1
            if isinstance(answer, BaseException):
                raise answer
            self._settle(number, answer, meter)
            self._note_dropped(meter)
            meter.show()

    def _transfer(self, client: httpx.Client, meter: Meter) -> None:
        """What each thread does."""
        while (number := self._inbox.get()) is not None:
            watch = Watch(self._stop, bind(meter.begun, number), bind(meter.received, number))
            partial = Partial(self.folder, self.asked[number])
            try:
                answer: Answer | BaseException = attempt(client, partial, watch)
            except Stopped:
                return
            except BaseException as error:
                answer = error
            self._outbox.put((number, answer))

    def _settle(self, number: int, answer: Answer, meter: Meter) -> None:
        """A file is there, is to be asked for again, or has failed."""
        tries = self._tries[number] = self._tries.get(number, 0) + 1
        if answer.reason is None:
            self.schedule.succeeded(number)
            meter.ended(failed=False)
            return
        lost = 0 if answer.gained >= PROGRESS_BYTES else self._lost.get(number, 0) + 1
        self._lost[number] = lost
        reason = REASONS[answer.reason]
        wait = answer.wait or 0.0
        if lost < reason.tries and wait <= self.manner.backoff.patience:
            now = time.monotonic()
            delay = max(wait, self.manner.backoff.delay(max(lost, 1), self.manner.random))
            if answer.wait is not None:
                self.schedule.turned_down(number, now + delay)
            self.schedule.again(number, now + delay)
            return
        wanted = self.asked[number]
        self._fail(number, Failure(wanted.url, wanted.file, answer.status, tries, reason.code))
        self.schedule.failed(number, final=reason.final, answered=answer.status is not None)
        meter.ended(failed=True)

    def _note_dropped(self, meter: Meter) -> None:
        for number, reason in self.schedule.dropped():
            wanted = self.asked[number]
            self._fail(number, Failure(wanted.url, wanted.file, None, 0, reason))
            meter.ended(failed=True)

    def _fail(self, number: int, failure: Failure) -> None:
        self.failures[number] = failure
        if failure.final:
            self._journal.add(failure)
            Partial(self.folder, self.asked[number]).discard()
