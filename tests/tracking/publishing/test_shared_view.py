"""What leads people to the view in which runs are compared."""

import base64
import json
import zlib

import pytest

from seqlab.core.atomic import write_bytes, write_text
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.server import _server_key, connect, known_view
from seqlab.tracking.publishing.shared_view import NAME, TAG, view_tags
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project

MODEL = "seqlab-grammar-en-fr"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))


def test_the_view_is_saved_as_mlflow_saves_one() -> None:
    """In an envelope with a name, so that *Views* lists it."""
    saved = json.loads(view_tags()[TAG])
    assert saved["name"] == NAME
    assert {type(saved[name]) for name in ("createdAt", "updatedAt")} == {int}
    kind, _, state = saved["state"].partition(";")
    assert kind == "deflate"
    content = json.loads(zlib.decompress(base64.b64decode(state)))
    assert content["orderByKey"] == "metrics.`test/bleu`"


def test_descriptions_say_where_to_click_and_what_people_write_stays(tracked: Project) -> None:
    tracked.run()
    server = sync(tracked.root).server
    address = server.view.partition("/#/")[2]
    experiment = server.client.get_experiment(server.experiment_id)
    model = server.client.get_registered_model(MODEL)
    for text in (experiment.tags["mlflow.note.content"], model.description):
        assert f"(#/{address})" in text
        assert f"Views: {NAME}" in text
    server.client.set_experiment_tag(server.experiment_id, "mlflow.note.content", "Ours.")
    server.client.update_registered_model(MODEL, "Ours, too.")
    tracked.set("evaluate", beam_size=5)
    tracked.evaluate()
    server = sync(tracked.root).server
    assert server.client.get_experiment(server.experiment_id).tags["mlflow.note.content"] == "Ours."
    assert server.client.get_registered_model(MODEL).description == "Ours, too."


def test_a_model_of_an_earlier_version_gets_a_description(tracked: Project) -> None:
    connect(tracked.home).client.create_registered_model(MODEL)
    tracked.run()
    assert "champion" in sync(tracked.root).server.client.get_registered_model(MODEL).description


def test_the_address_is_known_without_asking_the_server(tracked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_view(tracked.home) is None
    server = connect(tracked.home)
    assert known_view(tracked.home) == server.view
    assert server.uri not in tracked.home.experiment.read_text("utf-8")
    with monkeypatch.context() as other:
        other.setenv("MLFLOW_EXPERIMENT_NAME", "another")
        assert known_view(tracked.home) is None
    with monkeypatch.context() as other:
        other.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org")
        assert known_view(tracked.home) is None
    tracked.home.experiment.write_text("{", "utf-8")
    assert known_view(tracked.home) is None


def test_a_view_that_somebody_else_noted_is_none(tracked: Project) -> None:
    known = {"server": _server_key(f"sqlite:///{tracked.root.resolve()}/mlflow.db"), "experiment_id": "7"}
    for text, is_known in (
        (json.dumps(known), True),
        ("[" * 400_000, False),
        (json.dumps(known | {"experiment_id": 7}), False),
        (json.dumps(known | {"experiment_id": "7/../x\x1b[2J"}), False),
        ("[]", False),
        ("\ud800", False),
    ):
        write_bytes(tracked.home.experiment, text.encode("utf-8", "surrogatepass"))
        assert (known_view(tracked.home) is not None) == is_known, text[:50]
