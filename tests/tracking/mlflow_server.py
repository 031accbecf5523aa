"""A real tracking server in a process of its own, and a way to it on which answers get lost."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import requests

from benchmarks.ports import free_port

# Requests that only read, though some are POST.
READS = ("search", "get-history", "/get")


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


class MlflowServer:
    """`mlflow server` with its database and artifacts below `folder`."""

    def __init__(self, folder: Path, database: Path, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        self._environment = environment
        shutil.copyfile(database, folder / "mlflow.db")
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, or start again with the same address and data, unless it runs."""
        if self._process is not None:
            return
        options = {
            "backend-store-uri": f"sqlite:///{self._folder}/mlflow.db",
            "artifacts-destination": str(self._folder / "artifacts"),
            "workers": "1",
            "port": str(self._port),
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        quick = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", "--serve-artifacts", *arguments],
                env=environment | quick | {**self._environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers, seconds=300)

    def kill(self) -> None:
        """End it as a power cut would; a server that had ended of its own accord fails the test, with its log."""
        if self._process is None:
            return
        ended = self._process.poll()
        if ended is None:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._process = None
        assert ended is None, f"it ended with status {ended}:\n{(self._folder / 'log').read_text('utf-8')}"

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Meanwhile nobody listens at its address."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile it takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text("utf-8")
        try:
            return requests.get(f"{self.uri}/health", timeout=5).ok
        except requests.RequestException:
            return False


class LossyWay:
    """A proxy before a server: of each change that is asked for, the answer is lost the first time."""

    def __init__(self, server: MlflowServer) -> None:
        self.lost: list[tuple[str, str, bytes]] = []
        lost = self.lost

        class Handler(BaseHTTPRequestHandler):
            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = requests.request(
                    self.command, server.uri + self.path, data=body, headers=dict(self.headers), timeout=60
                )
                change = (self.command, self.path, body)
                if not self._reads() and change not in lost:
                    lost.append(change)
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def _reads(self) -> bool:
                return self.command == "GET" or any(name in self.path for name in READS)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 (the library's names)

            def log_message(self, *_: object) -> None:
                pass

        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()
        self.uri = f"http://127.0.0.1:{self._proxy.server_port}"

    def close(self) -> None:
        """End the proxy."""
        self._proxy.shutdown()
        self._proxy.server_close()
