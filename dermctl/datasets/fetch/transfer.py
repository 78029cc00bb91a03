"""One attempt at one file: ask, go on where an earlier attempt stopped, verify, rename."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import BinaryIO

import httpx

from dermctl.datasets.fetch.backoff import retry_after
from dermctl.datasets.fetch.client import mirrored
from dermctl.datasets.fetch.partial import Partial


class Stopped(Exception):  # noqa: N818 - no error: the user wants to stop
    """The run is being stopped."""


@dataclass(frozen=True)
class Answer:
    """What came of an attempt.

    Args:
        reason: why the file is not there (`failures.REASONS`); None: it is.
        status: HTTP status; None: there was no answer.
        gained: bytes that this attempt added and that the next can go on with.
        wait: seconds that the host asks to be left alone; None: it does not say.
    """

    reason: str | None
    status: int | None = None
    gained: int = 0
    wait: float | None = None


@dataclass(frozen=True)
class Watch:
    """What an attempt tells of itself while it goes on.

    Args:
        stop: set when the run is being stopped.
        begun: called with (bytes there already, total or None) when the body begins.
        received: called with the number of bytes that came.
    """

    stop: Event
    begun: Callable[[int, int | None], None] = lambda there, total: None
    received: Callable[[int], None] = lambda count: None


def attempt(client: httpx.Client, partial: Partial, watch: Watch) -> Answer:
    """Try once to get the file that `partial` is the beginning of.

    Raises:
        Stopped: the run is being stopped; what came so far is kept.
        OSError: the disk is full, or cannot be written to.
    """
    there, validator, total = partial.resume()
    if there and there == total:
        return Answer(partial.finish())
    headers = {"Range": f"bytes={there}-"} if there else {}
    if there and validator:
        headers["If-Range"] = validator
    status = None
    try:
        with client.stream("GET", mirrored(partial.asked.url), headers=headers) as response:
            status = response.status_code
            return _receive(response, partial, there, total, watch)
    except (httpx.TransportError, httpx.TooManyRedirects, httpx.InvalidURL) as error:
        # Without a validator or a total size there would be no telling where to go on.
        kept = max(0, partial.size - there) if partial.resume()[0] else 0
        return Answer(reason_of(error, answered=status is not None), status, kept)


def _receive(
    response: httpx.Response, partial: Partial, there: int, total: int | None, watch: Watch
) -> Answer:
    status = response.status_code
    if status == 416:  # "range not satisfiable": what is there is no beginning of it
        partial.discard()
        return Answer("truncated", status)
    if status not in (200, 206):
        return Answer(_reason_of_status(status), status, wait=retry_after(_wait(response)))
    if status == 206 and not _continues(response, there, total):
        partial.discard()
        return Answer("truncated", status)
    there = there if status == 206 else 0
    announced = _announced(response)
    whole = None if announced is None else there + announced
    if status == 206:
        file = partial.go_on()
    else:
        # What came compressed is stored plain: no range of it can be asked for.
        file = partial.begin(None if _is_encoded(response) else _validator(response), whole)
    watch.begun(there, whole)
    with file:
        came = _copy(response, file, watch)
    if announced is not None and came < announced:
        return Answer("truncated", status, came)
    return Answer(partial.finish(), status)


def _copy(response: httpx.Response, file: BinaryIO, watch: Watch) -> int:
    came = 0
    for chunk in response.iter_bytes() if _is_encoded(response) else response.iter_raw():
        if watch.stop.is_set():
            raise Stopped
        file.write(chunk)
        came += len(chunk)
        watch.received(len(chunk))
    return came


def _is_encoded(response: httpx.Response) -> bool:
    return bool(response.headers.get("Content-Encoding", "identity") != "identity")


def _announced(response: httpx.Response) -> int | None:
    """Bytes of the body as the host announces them; None: unknown, or they come compressed."""
    if _is_encoded(response):
        return None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _validator(response: httpx.Response) -> str | None:
    """What `If-Range` can name: a strong entity tag, or a date of change (RFC 9110, 13.1.5)."""
    tag: str | None = response.headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    changed: str | None = response.headers.get("Last-Modified")
    return changed


def _continues(response: httpx.Response, there: int, total: int | None) -> bool:
    """Whether a 206 answer begins where the bytes so far end, in a file of the same size."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, whole = rest.partition("/")
    if unit != "bytes" or span.partition("-")[0] != str(there):
        return False
    return total is None or whole in ("*", str(total))


def _wait(response: httpx.Response) -> str | None:
    header: str | None = response.headers.get("Retry-After")
    return header


def _reason_of_status(status: int) -> str:
    if status >= 500 or status in (408, 425):
        return "server_error"
    return {404: "not_found", 410: "gone", 429: "too_many_requests"}.get(status, "refused")


def reason_of(error: Exception, *, answered: bool) -> str:
    """The reason that an error of the client stands for; `answered`: the body had begun."""
    if isinstance(error, httpx.TooManyRedirects):
        return "too_many_redirects"
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return "bad_url"
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return "bad_certificate" if _distrusts(error) else "unreachable"
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    if isinstance(error, httpx.RemoteProtocolError) and answered:
        return "truncated"
    return "broken_off"


def _distrusts(error: BaseException) -> bool:
    """Whether a failed connection goes back to a certificate that cannot be trusted."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
