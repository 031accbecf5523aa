"""Death at any moment of a write leaves the old content or the new, and only what reached the disk gets a name.

Each write is done again and again by a process that ends without cleaning up, one system call later each time.
"""

import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

from seqlab.core.atomic import atomic_directory, remove_leftovers, write_text
from seqlab.tracking.journal.journal import Journal, read_journal
from seqlab.tracking.objects import Objects
from seqlab.training.resume import ResumeStore, SavedState

DIED = 3
OLD, NEW = "old content\n", "new content\n" * 1000


def reaches_the_system(function: Any) -> bool:
    """Whether a function in C is one of `os`, opens a file, or is a file's."""
    return function.__module__ in ("posix", "_io", "io") or isinstance(function.__self__, io.IOBase)


def dies_at(moment: int, action: Callable[[], object]) -> bool:
    """Whether `action`, in a process of its own, was cut off at its `moment`th system call, before it or after."""
    child = os.fork()
    if not child:
        events = count(1)

        def end(_frame: FrameType, event: str, function: object) -> None:
            if event.startswith("c_") and reaches_the_system(function) and next(events) == moment:
                os._exit(DIED)

        sys.setprofile(end)
        action()
        sys.setprofile(None)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, DIED)
    return status == DIED


def deaths(folder: Path, action: Callable[[], object]) -> Iterator[int]:
    """The moments at which `action` can die; at each, `folder` is as it was before and as the dead left it."""
    before = folder.rename(folder.with_name("before"))
    for moment in count(1):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)
        if not dies_at(moment, action):
            return
        yield moment


def write_folder(path: Path, text: str) -> None:
    with atomic_directory(path) as folder:
        for name in ("a", "b"):
            (folder / name).write_text(text, "utf-8")


def read_folder(path: Path) -> set[tuple[str, str]]:
    return {(file.name, file.read_text("utf-8")) for file in path.iterdir()} if path.exists() else set()


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "here/file"
    write_text(path, OLD)
    found = []
    for _ in deaths(path.parent, partial(write_text, path, NEW)):
        found.append(path.read_text("utf-8"))
        remove_leftovers(path)
        assert names(path.parent) == ["file"]
    assert found == sorted(found, reverse=True)
    assert {OLD, NEW} == set(found)


def test_a_folder_is_the_old_or_the_new_one_and_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "here/folder"
    write_folder(path, OLD)
    found = []
    for _ in deaths(path.parent, partial(write_folder, path, NEW)):
        found.append(read_folder(path))
        remove_leftovers(path)
        assert names(path.parent) in (["folder"], [])
    old, new = ({(name, text) for name in "ab"} for text in (OLD, NEW))
    assert found == [old] * found.count(old) + [set()] * found.count(set()) + [new] * found.count(new)
    # Before and after one of two renames.
    assert found.count(set()) <= 4
    assert min(found.count(old), found.count(new)) > 4


def state(number: int) -> SavedState:
    return SavedState(f'{{"step": {number}}}', {"a": torch.full((9,), float(number))})


def test_a_state_to_resume_from_is_the_old_or_the_new_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "states"
    for number in (1, 2):
        ResumeStore(folder, "f").save(state(number))
    found = []
    for _ in deaths(folder, lambda: ResumeStore(folder, "f").save(state(3))):
        saved = ResumeStore(folder, "f").load()
        assert saved is not None
        found.append(saved.record)
    assert found == sorted(found)
    assert set(found) == {state(2).record, state(3).record}
    assert caplog.text == ""


def test_a_journal_keeps_every_entry_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "here/journal.jsonl"

    def append(*numbers: int) -> None:
        journal = Journal(path)
        for number in numbers:
            journal.append("E", number=number)
        journal.close()

    append(1)
    for _ in deaths(path.parent, partial(append, 2, 3)):
        append(4)
        found = [entry["number"] for entry in read_journal(path)]
        assert found in ([1, 4], [1, 2, 4], [1, 2, 3, 4])


def test_a_kept_file_is_whole_or_absent(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text(NEW, "utf-8")
    folder = tmp_path / "objects"
    folder.mkdir()
    for _ in deaths(folder, lambda: Objects(folder).put(source)):
        name = Objects(folder).put(source)
        kept = Objects(folder).get(name)
        assert kept is not None
        assert kept.read_text("utf-8") == NEW


class Disk:
    """Notes, in order, what is asked of a disk; paths are relative to `root`."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        self.calls: list[tuple[str, ...]] = []
        replace, fsync = os.replace, os.fsync

        def noted_replace(source: Path, target: Path) -> None:
            replace(source, target)
            self.calls.append(("rename", self._name(source), self._name(target)))

        def noted_fsync(descriptor: int) -> None:
            fsync(descriptor)
            self.calls.append(("fsync", self._name(Path(f"/proc/self/fd/{descriptor}").readlink())))

        monkeypatch.setattr(os, "replace", noted_replace)
        monkeypatch.setattr(os, "fsync", noted_fsync)

    def _name(self, path: Any) -> str:
        """The random part of a temporary name does not count."""
        parts = Path(path).relative_to(self._root).parts
        return "/".join("temporary" if part.startswith(".") else part for part in parts) or "."


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name an open file")


@needs_proc
def test_a_file_reaches_the_disk_before_its_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(tmp_path, monkeypatch)
    write_text(tmp_path / "file", NEW)
    assert disk.calls == [("fsync", "temporary"), ("rename", "temporary", "file"), ("fsync", ".")]


@needs_proc
def test_a_folder_reaches_the_disk_before_its_name_and_the_old_one_stays_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder"
    write_folder(path, OLD)
    disk = Disk(tmp_path, monkeypatch)
    monkeypatch.setattr(shutil, "rmtree", lambda _: disk.calls.append(("delete",)))
    write_folder(path, NEW)
    contents = {("fsync", "temporary/a"), ("fsync", "temporary/b"), ("fsync", "temporary")}
    assert set(disk.calls[:3]) == contents
    assert disk.calls[3:] == [
        ("rename", "folder", "temporary"),
        ("rename", "temporary", "folder"),
        ("fsync", "."),
        ("delete",),
    ]
