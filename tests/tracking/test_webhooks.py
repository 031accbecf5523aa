"""A new champion is told by MLflow's own webhooks, as docs/team.md says, to a receiver on this machine."""

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
from cryptography.fernet import Fernet

from seqlab.commands.promote import promote
from seqlab.core.atomic import write_text
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing.champion import CHAMPION
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project, _no_environment, project, template_database, template_project
from tests.tracking.mlflow_server import MlflowServer

# Fixtures that the tests here use too.
__all__ = ["_no_environment", "project", "template_database", "template_project"]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

PAGE = (Path(__file__).parents[2] / "docs/team.md").read_text("utf-8")
Delivery = tuple[dict[str, str], str]


@pytest.fixture
def deliveries() -> Iterator[tuple[str, "Queue[Delivery]"]]:
    """The address of a receiver, and what came there: headers and body."""
    came: Queue[Delivery] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            came.put((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{receiver.server_port}/champion", came
    receiver.shutdown()
    receiver.server_close()


def champions(came: "Queue[Delivery]") -> Iterator[tuple[dict[str, str], str, dict[str, str]]]:
    """Deliveries that tell of a champion: headers, body, data. Each run sets an alias of its own, too."""
    while True:
        headers, body = came.get(timeout=60)
        data = json.loads(body)["data"]
        if data["alias"] == CHAMPION:
            yield headers, body, data


def test_a_new_champion_is_told_and_signed(
    project: Project,
    deliveries: tuple[str, "Queue[Delivery]"],
    template_database: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seqlab.tracking.publishing.sync.stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))
    address, came = deliveries
    # This machine is what MLflow's webhooks refuse but for development.
    local = {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http"}
    key = {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode()}
    folder = tmp_path / "server"
    folder.mkdir()
    server = MlflowServer(folder, template_database, local | key)
    server.start()
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        for name, value in local.items():
            monkeypatch.setenv(name, value)
        [code] = re.findall(r"```python\n(.*?create_webhook.*?)```", PAGE, re.DOTALL)
        exec(code.replace("https://example.org/champion", address), {})  # noqa: S102
        told = champions(came)
        project.run()
        sync(project.root)
        headers, body, first = next(told)
        assert first == {"name": "seqlab-grammar-en-fr", "alias": CHAMPION, "version": "1"}
        signed = ".".join([headers["X-MLflow-Delivery-Id"], headers["X-MLflow-Timestamp"], body])
        mac = hmac.new(b"a secret that the receiver knows, too", signed.encode(), hashlib.sha256).digest()
        assert headers["X-MLflow-Signature"] == f"v1,{base64.b64encode(mac).decode()}"

        project.set("train", teacher_forcing_ratio=0.25)
        project.run()
        sync(project.root)
        [worse] = [each for each in project.executions() if each.stage == "evaluate"][1:]
        promote(project.root, worse.run_fingerprint, lambda _: True)
        _, _, second = next(told)
        assert second == {**first, "version": "2"}
    finally:
        server.kill()
