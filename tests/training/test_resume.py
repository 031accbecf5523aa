"""Saved states; test_run.py tries them in training."""

import hashlib
from pathlib import Path

import pytest
import torch

from seqlab.core.errors import SeqlabError
from seqlab.training.resume import ResumeStore, SavedState, resume_store


def state(number: int) -> SavedState:
    return SavedState(f'{{"step": {number}}}', {"a": torch.full((2, 3), float(number)), "b": torch.tensor(number)})


def test_the_newest_comes_back_whole(tmp_path: Path) -> None:
    with resume_store(tmp_path, "f") as store:
        assert store is not None
        assert store.load() is None
        for number in (1, 2, 3):
            store.save(state(number))
    with resume_store(tmp_path, "f") as store:
        assert store is not None
        saved = store.load()
        assert saved is not None
        assert saved.record == state(3).record
        assert {name: tensor.tolist() for name, tensor in saved.tensors.items()} == {"a": [[3.0] * 3] * 2, "b": 3}
        store.save(state(4))
    assert sorted(path.name for path in (tmp_path / "f").glob("state*")) == ["state-00000003", "state-00000004"]


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / "f" / ".state-00000001.abc").mkdir(parents=True)
    with resume_store(tmp_path, "f"):
        assert not list((tmp_path / "f").glob(".state*"))


def test_one_process_at_a_time_and_the_next_when_it_is_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        resume_store(tmp_path, "f") as first,
        resume_store(tmp_path, "f") as second,
        resume_store(tmp_path, "g") as other,
    ):
        assert first is not None
        assert second is None
        assert other is not None
    assert "the same training runs in another process" in caplog.text
    with resume_store(tmp_path, "f") as third:
        assert third is not None


def test_a_state_that_cannot_be_read_is_no_reason_to_start_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResumeStore(tmp_path, "f")
    store.save(state(1))

    def refused(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(SeqlabError, match=r"cannot read the training state .*state-00000001: Permission denied"):
        store.load()
    assert (tmp_path / "state-00000001").is_dir()


@pytest.mark.parametrize(("name", "content"), [("tensors.safetensors", b"no tensors"), ("state.json", b"\xff")])
def test_a_state_that_only_its_checksums_vouch_for_is_passed_over(name: str, content: bytes, tmp_path: Path) -> None:
    store = ResumeStore(tmp_path, "f")
    store.save(state(1))
    store.save(state(2))
    newest = tmp_path / "state-00000002"
    before = hashlib.sha256((newest / name).read_bytes()).hexdigest()
    (newest / name).write_bytes(content)
    sums = (newest / "sha256").read_text().replace(before, hashlib.sha256(content).hexdigest())
    (newest / "sha256").write_text(sums)
    saved = store.load()
    assert saved is not None
    assert saved.record == state(1).record


def test_clear_leaves_nothing(tmp_path: Path) -> None:
    with resume_store(tmp_path, "f") as store:
        assert store is not None
        store.save(state(1))
        store.clear()
    assert not list(tmp_path.iterdir())
