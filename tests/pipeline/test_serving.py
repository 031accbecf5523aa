"""`mlflow models serve` and `seqlab serve`: evaluate's very translations, and a clear refusal of anything bad."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from seqlab.commands import serve as serving
from seqlab.tracking.publishing.pyfunc import LONGEST_TEXT, MOST_TEXTS
from tests.pipeline.conftest import Project

# In one process: they share what takes long to set up.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("serving")]

Ask = Callable[..., tuple[int, str]]
START_SECONDS = 120


@dataclass
class Served:
    """A server on loopback, up once `_wait` says so."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def __call__(self, body: bytes | str, content_type: str = "application/json") -> tuple[int, str]:
        """Send a body; give status and answer."""
        data = body.encode() if isinstance(body, str) else body
        address = f"http://127.0.0.1:{self.port}/invocations"
        request = urllib.request.Request(address, data, {"Content-Type": content_type})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def opened(self, *headers: str) -> socket.socket:
        """A connection on which the head of a request was sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        lines = ["POST /invocations HTTP/1.1", "Host: x", "Content-Type: application/json", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode())
        return connection

    def memory(self) -> int:
        """Resident, in bytes."""
        return psutil.Process(self.process.pid).memory_info().rss


@contextmanager
def _serving(finished: Project, log: Path, *command: str) -> Iterator[Served]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=finished.root,
            env=finished.environment | {"MLFLOW_TRACKING_URI": f"sqlite:///{finished.root}/mlflow.db"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(server, port, log)
        yield Served(server, port, log)
    finally:
        # One that was asked to end is gone.
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture(scope="module")
def ask(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """MLflow's own server of the finished run's model."""
    finished.run("seqlab", "sync")
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/seqlab-grammar-en-fr@newest"]
    log = tmp_path_factory.mktemp("serve") / "log"
    with _serving(finished, log, *command, "--env-manager", "local", "--workers", "1") as server:
        yield server


@pytest.fixture(scope="module")
def ours(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`seqlab serve` of the working copy's model."""
    with _serving(finished, tmp_path_factory.mktemp("ours") / "log", "seqlab", "serve") as server:
        # The socket listens before the model is there.
        assert _translations(server, [""]) == [""]
        yield server


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text("utf-8")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"no server after {START_SECONDS} s:\n{log.read_text('utf-8')}")


def _texts(*texts: str) -> str:
    return json.dumps({"inputs": list(texts)})


def _translations(ask: Ask, texts: list[str]) -> list[str]:
    status, answer = ask(_texts(*texts))
    assert status == 200, answer
    found: list[str] = json.loads(answer)["predictions"]
    return found


@pytest.fixture(scope="module", params=["ask", "ours"])
def either(request: pytest.FixtureRequest) -> Ask:
    """MLflow's server, or ours."""
    server: Ask = request.getfixturevalue(request.param)
    return server


def test_it_gives_the_translations_that_evaluate_gave(either: Ask, finished: Project) -> None:
    records = [json.loads(line) for line in finished.read("reports/translations.jsonl").splitlines()]
    sources = [record["source"] for record in records]
    expected = [record["translation"] for record in records]
    assert any(expected)
    for size in (1, 7, len(sources)):
        parts = [_translations(either, sources[start : start + size]) for start in range(0, len(sources), size)]
        assert [text for part in parts for text in part] == expected
    assert _translations(either, sources * (MOST_TEXTS // len(sources))) == expected * (MOST_TEXTS // len(sources))


HOSTILE = [
    *("", " ", "\n\t\r", "\0", "\x1b[2J\x07", "\u202eabc\u202c", "\u200b\ufeff", "<script>alert(1)</script>"),
    *("=cmd|' /C calc'!A0", "\U0010fff0\uffed\u2581", "e\u0301" * 99, "\U0001f600", "'; DROP TABLE runs;--", "%s{0}"),
]


def test_hostile_texts_are_texts(either: Ask) -> None:
    together = _translations(either, HOSTILE)
    assert together == [translation for text in HOSTILE for translation in _translations(either, [text])]
    assert together[0] == ""
    assert _translations(either, []) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        *((body, "JSON") for body in ("", "{", "text", b"\xff\xfe\x00", _texts("a") + "\0")),
        *((body, "JSON dictionary") for body in ("null", "3", "[]", '"a"', '["a"]')),
        ("{}", "inputs"),
        ('{"texts": ["a"]}', "inputs"),
        ('{"instances": ["a"]}', "inputs"),
        ('{"dataframe_split": {"columns": ["x"], "data": [["a"]]}}', "inputs"),
        *((f'{{"inputs": {value}}}', "Expected list") for value in ("null", '"a"', "1", "NaN", '{"a": ["b"]}')),
        *((f'{{"inputs": ["a", {value}]}}', "Expected type str") for value in ("1", "null", "true", '["a"]', "{}")),
        ('{"inputs": ["a", "\\ud800"]}', "not valid Unicode"),
        (_texts(*["a"] * (MOST_TEXTS + 1)), f"at most {MOST_TEXTS} are taken"),
        (_texts("a", "b" * (LONGEST_TEXT + 1)), f"text 2 has 10001 characters, at most {LONGEST_TEXT} are taken"),
    ],
)
def test_a_bad_request_is_refused_with_a_reason(body: Any, said: str, ask: Ask) -> None:
    status, answer = ask(body)
    assert (status, said in answer) == (400, True), answer
    assert "Traceback" not in answer
    assert _translations(ask, [""]) == [""]


def test_the_largest_request_is_answered(either: Ask) -> None:
    text = "a " * (LONGEST_TEXT // 2)
    assert len(set(_translations(either, [text] * MOST_TEXTS))) == 1


def test_other_content_is_refused_or_held_to_the_same_limits(ask: Ask) -> None:
    assert ask("a", "text/plain")[0] == 415
    assert ask("text\n" + "a\n" * (MOST_TEXTS + 1), "text/csv")[0] == 400
    # MLflow's own parser gives up; the server goes on.
    assert ask("[" * 100_000)[0] == 500
    assert _translations(ask, [""]) == [""]


BAD: list[bytes | str] = [
    *("", "{", "text", b"\xff\xfe\x00", "null", "3", "[]", '["a"]', "{}"),
    *('{"instances": ["a"]}', '{"messages": ["a"]}', '{"inputs": ["a"], "inputs": 1}'),
    *(f'{{"inputs": {value}}}' for value in ("null", '"a"', "NaN", '{"a": ["b"]}', "[1]", '["a", null]')),
    *('{"inputs": ["\\ud800"]}', _texts(*["a"] * (MOST_TEXTS + 1)), _texts("b" * (LONGEST_TEXT + 1))),
    # What MLflow's server answers with 500, or after a minute and with a gigabyte.
    *("[" * 100_000, '{"inputs": ' + "[" * 100_000, f'{{"inputs": ["a"], "n": {"9" * 5000}}}'),
    '{"inputs": [' + "1," * (7 << 20) + "1]}",
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_ours_answers_every_bad_request_with_400(number: int, ours: Served) -> None:
    status, answer = ours(BAD[number])
    assert status == 400
    assert 'expected {"inputs": [TEXT, ...]}' in json.loads(answer)["message"]
    # Whatever was sent, it does not come back.
    assert len(answer) < 300
    assert _translations(ours, [""]) == [""]


def test_ours_takes_json_alone(ours: Served) -> None:
    # Others can be packed: a megabyte of Parquet is gigabytes of table.
    for kind in ("text/csv", "application/vnd.apache.parquet", "text/plain"):
        assert ours("a", kind)[0] == 415
    assert ours('{"inputs": [""]}', "Application/JSON; charset=utf-8")[0] == 200


def test_ours_refuses_a_body_that_says_it_is_too_large_before_it_comes(ours: Served) -> None:
    with ours.opened("Content-Length: 419430400") as connection:
        assert b" 413 " in connection.recv(1000)
    with ours.opened(f"Content-Length: {serving.LARGEST_BODY}") as connection:
        connection.sendall(b'{"inputs": []}'.ljust(serving.LARGEST_BODY))
        assert b" 200 " in connection.recv(1000)


def test_ours_never_holds_more_of_a_body_than_the_limit(ours: Served) -> None:
    assert _translations(ours, [""]) == [""]
    before, sent, most = ours.memory(), 0, 0
    piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    with ours.opened("Transfer-Encoding: chunked") as connection:
        with suppress(ConnectionError):
            while sent < 400 << 20:
                connection.sendall(piece)
                sent += 1 << 20
                most = max(most, ours.memory())
        assert b" 413 " in connection.recv(1000)
    # Refused as it came: then nothing more was read.
    assert serving.LARGEST_BODY <= sent < 64 << 20
    assert most - before < 2 * serving.LARGEST_BODY + (32 << 20)
    assert _translations(ours, [""]) == [""]


def test_many_at_once_get_what_one_gets(ours: Served) -> None:
    texts = [[f"The cat sleeps. {'I see a dog. ' * number}"] for number in range(10)]
    alone = [_translations(ours, each) for each in texts]
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(lambda each: _translations(ours, each), texts)) == alone


def test_a_request_that_breaks_off_leaves_no_trace(ours: Served) -> None:
    with ours.opened("Content-Length: 100") as connection:
        connection.sendall(b'{"inputs"')
    assert _translations(ours, [""]) == [""]
    assert "Traceback" not in ours.log.read_text("utf-8")


def test_ours_serves_a_run_until_ctrl_c(finished: Project, tmp_path: Path, ours: Served) -> None:
    """As `translate --run` has it; a port that is taken is one message."""
    finished.run("seqlab", "sync")
    with _serving(finished, tmp_path / "log", "seqlab", "serve", "newest") as server:
        text = "The black cat sleeps."
        assert _translations(server, [text]) == [
            finished.run("seqlab", "translate", "--run", "newest", text).stdout.rstrip("\n")
        ]
        taken = finished.run("seqlab", "serve", "--port", str(server.port), check=False)
        assert (taken.returncode, "Error: cannot listen on 127.0.0.1" in taken.stderr) == (1, True)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=30) == 0
    assert "Traceback" not in server.log.read_text("utf-8")


def test_the_limits_are_those_of_the_model_in_mlflow() -> None:
    assert (serving.MOST_TEXTS, serving.LONGEST_TEXT) == (MOST_TEXTS, LONGEST_TEXT)
    assert len(_texts(*["é" * LONGEST_TEXT] * MOST_TEXTS)) < serving.LARGEST_BODY
