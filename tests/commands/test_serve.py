"""`seqlab serve` without a model: who connects and asks nothing keeps nobody out for long."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from seqlab.commands.serve import MOST_CONNECTIONS

SERVER = """
import time
from seqlab.commands import serve
serve.REQUEST_SECONDS = 1.0
listening = serve._bound("127.0.0.1", 0)
print(listening.getsockname()[1], flush=True)
serve._run(serve.application(lambda texts: time.sleep(2.5 * (texts == ["slow"])) or texts), listening)
"""


@pytest.fixture
def port() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.kill()


def ask(connection: http.client.HTTPConnection, text: str = "a") -> int:
    connection.request("POST", "/invocations", f'{{"inputs": ["{text}"]}}', {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_a_connection_without_a_request_is_closed(port: int) -> None:
    assert ask(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) == 200
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(MOST_CONNECTIONS + 8)]
    # Some send the beginning of one.
    for connection in silent[::2]:
        connection.sendall(b"POST /invocations HTTP/1.1\r\n")
    try:
        deadline = time.monotonic() + 30
        while ask(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) == 503:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        for connection in silent:
            connection.settimeout(30)
            while connection.recv(1000):
                pass
    finally:
        for connection in silent:
            connection.close()


def test_so_many_connections_as_are_said(port: int) -> None:
    ask(http.client.HTTPConnection("127.0.0.1", port, timeout=30))
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(MOST_CONNECTIONS - 1)]
    try:
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        assert ask(asking) == 200
        assert ask(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) == 503
    finally:
        for connection in silent:
            connection.close()


def test_a_connection_with_requests_goes_on(port: int) -> None:
    """One that takes longer than that, and several on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    assert [ask(connection, text) for text in ("a", "slow", "a")] == [200] * 3
