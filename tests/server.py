"""A small HTTP server on loopback that does whatever a bad network or a bad host does."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML = b"<!DOCTYPE html><html><body>This picture is no longer here.</body></html>"


class Server:
    """Serves `files` by path; what it does to the first requests for a path stands in `script`.

    An entry of a script is a status code as text, or one of: ok, slow, late, truncate, reset,
    reset_half, html, short, wrong, loop, elsewhere, plain (ok without ranges or validators),
    piece (a million bytes and a quarter, then it breaks off), busy (429 with Retry-After: 0).
    The last entry holds for all later requests.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.answer: Callable[[str], bytes | None] = lambda path: None  # for what is made up
        self.script: dict[str, list[str]] = {}
        self.requests: Counter[str] = Counter()
        self.ranges: list[tuple[str, str]] = []
        self.agents: set[str] = set()
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self.sent = 0
        self.pause = 0.0  # seconds between two pieces of a body
        self.lock = threading.Lock()
        self.http = _HTTP(("127.0.0.1", 0), _Handler)
        self.http.owner = self
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def step(self, path: str) -> str:
        """What to do with this request."""
        with self.lock:
            made = self.answer(path)
            if made is not None:
                self.files[path] = made
            script = self.script.get(path, ["ok" if path in self.files else "404"])
            step = script[min(self.requests[path], len(script) - 1)]
            self.requests[path] += 1
        return step

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A slow answer that is waited for."""
        with self.lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self.lock:
                self._at_once -= 1

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    owner: Server

    def process_request(self, request, client_address) -> None:
        self.owner.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request, client_address) -> None:
        pass  # clients that went away are part of the game


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HTTP

    def log_message(self, *args) -> None:
        pass

    def do_GET(self) -> None:
        owner = self.server.owner
        owner.agents.add(self.headers.get("User-Agent", ""))
        self.act(owner, owner.step(self.path))

    def act(self, owner: Server, step: str) -> None:
        body = owner.files.get(self.path, b"")
        if step == "ok":
            self.whole(body)
        elif step == "piece":
            self.whole(body, keep=1_250_000)
        elif step == "plain":
            self.reply(200, body)
        elif step == "slow":
            with owner.counted():  # until just before the answer: who has it may ask again
                time.sleep(0.05)
            self.whole(body)
        elif step == "late":
            time.sleep(3)
            self.whole(body)
        elif step == "truncate":
            self.reply(200, body, keep=len(body) // 2)
        elif step == "reset":
            self.reset()
        elif step == "reset_half":
            self.reply(200, body, keep=len(body) // 2, close=False)
            self.wfile.flush()
            time.sleep(0.02)
            self.reset()
        elif step == "html":
            self.reply(200, HTML, {"Content-Type": "text/html"})
        elif step == "short":
            self.reply(200, body[: len(body) // 2])
        elif step == "wrong":
            middle = len(body) // 2
            self.reply(200, body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])
        elif step == "loop":
            self.reply(302, b"", {"Location": self.path})
        elif step == "elsewhere":
            self.reply(302, b"", {"Location": "/elsewhere" + self.path})
        elif step == "busy":
            self.reply(429, b"later", {"Retry-After": "0"})
        else:
            self.reply(int(step), b"no")

    def whole(self, body: bytes, keep: int | None = None) -> None:
        """As a good server does: ranges, and a strong entity tag."""
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        wanted = self.headers.get("Range")
        headers = {"ETag": tag, "Accept-Ranges": "bytes"}
        if wanted and self.headers.get("If-Range", tag) == tag:
            self.server.owner.ranges.append((self.path, wanted))
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.reply(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.reply(206, body[start:], headers, keep=keep)
        else:
            self.reply(200, body, headers, keep=keep)

    def reply(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        keep: int | None = None,
        close: bool = True,
    ) -> None:
        """Answer; of the body only the first `keep` bytes, and then close the connection."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if keep is not None and "ETag" not in (headers or {}):
            self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        part = body if keep is None else body[:keep]
        size = 1 << 14
        for start in range(0, len(part), size):
            # Counted first: who has read the last byte may look at the count at once.
            self.server.owner.sent += len(part[start : start + size])
            self.wfile.write(part[start : start + size])
            if self.server.owner.pause:
                time.sleep(self.server.owner.pause)
        if keep is not None and close:
            self.close_connection = True

    def reset(self) -> None:
        """Drop the connection with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True
        raise ConnectionResetError
