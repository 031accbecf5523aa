import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.server import Server

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQLAB_CORPUS_MIRROR", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that SEQLAB_CORPUS_MIRROR names."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("SEQLAB_CORPUS_MIRROR", str(folder))
    return folder


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of 100,000 bytes."""
    with Server(bytes(range(250)) * 400) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


# Read before the fixture above clears it.
_SETTING = os.environ.get("SEQLAB_CORPUS_MIRROR", "../shared/corpora")


@pytest.fixture
def real_mirror(monkeypatch: pytest.MonkeyPatch) -> str:
    """SEQLAB_CORPUS_MIRROR with the real corpora; skips where they are absent."""
    if not _SETTING.startswith("http") and not (ROOT / _SETTING / "multi30k").is_dir():
        pytest.skip(f"no corpora in {_SETTING}: set SEQLAB_CORPUS_MIRROR to a mirror of them")
    location = _SETTING if _SETTING.startswith("http") else str(ROOT / _SETTING)
    monkeypatch.setenv("SEQLAB_CORPUS_MIRROR", location)
    return location
