"""A local HTTP server that misbehaves on request."""

import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    """Serves `content` at every path; `script` says what the first requests meet instead."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.script: list[Behaviour] = []
        self.otherwise: Behaviour = serve
        self.requests: list[tuple[str, str | None]] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def ranges(self) -> list[str | None]:
        return [requested for _, requested in self.requests]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers["Range"]))
        behaviour = self.server.script.pop(0) if self.server.script else self.server.otherwise
        behaviour(self)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    @property
    def start(self) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        return int(match[1]) if match else 0

    def reply(self, status: int, body: bytes, announced: int | None = None, **headers: str) -> None:
        """Send a response; `announced` is its Content-Length, none if negative."""
        self.send_response(status)
        length = len(body) if announced is None else announced
        if length >= 0:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def serve(handler: Handler) -> None:
    """As it should be: a range is honoured."""
    content, start = handler.server.content, handler.start
    if start and start >= len(content):
        handler.reply(416, b"")
    elif start:
        range_ = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.reply(206, content[start:], Content_Range=range_)
    else:
        handler.reply(200, content)


def ignore_range(handler: Handler) -> None:
    handler.reply(200, handler.server.content)


def another_range(handler: Handler) -> None:
    """The right number of bytes, from the wrong place."""
    content, start = handler.server.content, handler.start
    handler.reply(206, content[:-start], Content_Range=f"bytes 0-{len(content) - start - 1}/{len(content)}")


def status(code: int) -> Behaviour:
    return lambda handler: handler.reply(code, b"no", Content_Type="text/html")


def cut_after(count: int) -> Behaviour:
    """Announces everything and hangs up early."""

    def behave(handler: Handler) -> None:
        rest = handler.server.content[handler.start :]
        handler.reply(200 if not handler.start else 206, rest[:count], len(rest), **_content_range(handler))

    return behave


def cut_unannounced_after(count: int) -> Behaviour:
    """Announces no length and hangs up early."""
    return lambda handler: handler.reply(200, handler.server.content[:count], -1)


def silent(handler: Handler) -> None:
    """Never answers."""
    handler.server.released.wait(10)


def silent_after(count: int) -> Behaviour:
    """Sends the beginning, and then nothing."""

    def behave(handler: Handler) -> None:
        handler.reply(200, handler.server.content[:count], len(handler.server.content))
        handler.server.released.wait(10)

    return behave


def drip(handler: Handler) -> None:
    """Sends a byte every 20 ms, which no timeout for silence notices."""
    content = handler.server.content
    handler.reply(200, b"", len(content))
    for position in range(len(content)):
        if handler.server.released.is_set():
            return
        try:
            handler.wfile.write(content[position : position + 1])
        except OSError:
            return
        time.sleep(0.02)


def endless(handler: Handler) -> None:
    """Announces no length and never ends."""
    handler.reply(200, b"", -1)
    try:
        while not handler.server.released.is_set():
            handler.wfile.write(b"x" * 65536)
    except OSError:
        return


def _content_range(handler: Handler) -> dict[str, str]:
    content, start = handler.server.content, handler.start
    return {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
