"""MLflow's UI at the shared view: its home page shows agents and traces, and knows no run."""

import os
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

import requests
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from seqlab.core.errors import SeqlabError
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.server import connect
from seqlab.tracking.publishing.shared_view import view_url
from seqlab.tracking.publishing.uri import is_server

HOST = "127.0.0.1"
PORT = 5000
START_SECONDS = 120
# One person looks at it: one worker is up in half the time.
QUICK = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


def show(start: Path, say: Callable[[str], object], port: int = PORT) -> int:
    """Serve the database of the working copy around `start`, and open the view where there is a display.

    Of a tracking server, only the address is given and opened. Returns the exit status, once people end it.

    Raises:
        SeqlabError: outside a DVC project; the server does not answer; the port is taken.
    """
    server = connect(find_home(start))
    if is_server(server.uri):
        _open(server.view, say)
        return 0
    if _is_taken(port):
        raise SeqlabError(
            f"port {port} is taken, perhaps by another `make ui`; `seqlab ui --port {port + 1}` takes one"
        )
    options = ["--host", HOST, "--port", str(port), "--workers", "1"]
    # Not among the arguments, which every process may read: it may hold a password.
    environment = {**os.environ, **QUICK, "MLFLOW_BACKEND_STORE_URI": server.uri}
    with subprocess.Popen([sys.executable, "-m", "mlflow", "ui", *options], env=environment) as process:
        try:
            if _answers(process, f"http://{HOST}:{port}/health"):
                _open(view_url(f"http://{HOST}:{port}", server.experiment_id), say)
            return process.wait()
        except KeyboardInterrupt:
            # A terminal sends it to MLflow, too.
            process.terminate()
            return 0


def has_display() -> bool:
    """Whether a browser can open a window: without one, Python would start one in the terminal."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _open(address: str, say: Callable[[str], object]) -> None:
    opened = has_display() and webbrowser.open(address)
    say(f"MLflow   {address}{'' if opened else '  (open it in a browser)'}")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _answers(process: "subprocess.Popen[bytes]", address: str) -> bool:
    """Wait until the server answers, or ends; whether it answers."""

    @retry(
        wait=wait_fixed(0.5),
        stop=stop_after_delay(START_SECONDS),
        retry=retry_if_result(lambda up: up is None),
        retry_error_callback=lambda _: False,
    )
    def ask() -> bool | None:
        if process.poll() is not None:
            return False
        try:
            return requests.get(address, timeout=5).ok or None
        except requests.RequestException:
            return None

    return bool(ask())
