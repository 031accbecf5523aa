"""`mlflow models serve` on the model of a run: evaluate's very translations, and a clear refusal of anything bad."""

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
from pathlib import Path
from typing import Any

import pytest

from seqlab.tracking.pyfunc import LONGEST_TEXT, MOST_TEXTS
from tests.pipeline.conftest import Project

# In one process: they share what takes long to set up.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("serving")]

Ask = Callable[..., tuple[int, str]]
START_SECONDS = 120


@pytest.fixture(scope="module")
def ask(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Send a body to the server of the finished run's model; give status and answer."""
    finished.run("seqlab", "sync")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/seqlab-grammar-en-fr@newest"]
    log = tmp_path_factory.mktemp("serve") / "log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [*command, "--env-manager", "local", "--port", str(port), "--workers", "1"],
            cwd=finished.root,
            env=finished.environment | {"MLFLOW_TRACKING_URI": f"sqlite:///{finished.root}/mlflow.db"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def send(body: bytes | str, content_type: str = "application/json") -> tuple[int, str]:
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", data, {"Content-Type": content_type})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    try:
        _wait(server, port, log)
        yield send
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


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


def test_it_gives_the_translations_that_evaluate_gave(ask: Ask, finished: Project) -> None:
    records = [json.loads(line) for line in finished.read("reports/translations.jsonl").splitlines()]
    sources = [record["source"] for record in records]
    expected = [record["translation"] for record in records]
    assert any(expected)
    for size in (1, 7, len(sources)):
        parts = [_translations(ask, sources[start : start + size]) for start in range(0, len(sources), size)]
        assert [text for part in parts for text in part] == expected
    assert _translations(ask, sources * (MOST_TEXTS // len(sources))) == expected * (MOST_TEXTS // len(sources))


HOSTILE = [
    *("", " ", "\n\t\r", "\0", "\x1b[2J\x07", "\u202eabc\u202c", "\u200b\ufeff", "<script>alert(1)</script>"),
    *("=cmd|' /C calc'!A0", "\U0010fff0\uffed\u2581", "e\u0301" * 99, "\U0001f600", "'; DROP TABLE runs;--", "%s{0}"),
]


def test_hostile_texts_are_texts(ask: Ask) -> None:
    together = _translations(ask, HOSTILE)
    assert together == [translation for text in HOSTILE for translation in _translations(ask, [text])]
    assert together[0] == ""
    assert _translations(ask, []) == []


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


def test_the_largest_request_is_answered(ask: Ask) -> None:
    text = "a " * (LONGEST_TEXT // 2)
    assert len(set(_translations(ask, [text] * MOST_TEXTS))) == 1


def test_other_content_is_refused_or_held_to_the_same_limits(ask: Ask) -> None:
    assert ask("a", "text/plain")[0] == 415
    assert ask("text\n" + "a\n" * (MOST_TEXTS + 1), "text/csv")[0] == 400
    # MLflow's own parser gives up; the server goes on.
    assert ask("[" * 100_000)[0] == 500
    assert _translations(ask, [""]) == [""]
